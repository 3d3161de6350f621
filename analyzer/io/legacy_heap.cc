#include "analyzer/io/legacy_heap.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

constexpr absl::string_view kMagic = "heap profile:";

struct Header {
  bool has_alloc = false;  // the columns in brackets say something of their own
  bool sampled = false;
  int64_t period = 0;  // mean bytes between samples
};

// A line's numbers, not converted: what is not used may be too large.
struct Columns {
  absl::string_view objects, bytes, alloc_objects, alloc_bytes;
};

void SkipSpaces(absl::string_view& text) {
  while (absl::ConsumePrefix(&text, " ")) {
  }
}

// Digits, which may have a sign when `may_be_negative`.
bool TakeNumber(absl::string_view& text, bool may_be_negative, absl::string_view& out) {
  absl::string_view rest = text;
  if (may_be_negative) absl::ConsumePrefix(&rest, "-");
  if (TakeDigits(rest).empty()) return false;
  out = text.substr(0, text.size() - rest.size());
  text = rest;
  return true;
}

// "OBJECTS: BYTES [OBJECTS: BYTES]" at the front of `text`.
bool TakeColumns(absl::string_view& text, bool may_be_negative, Columns& out) {
  absl::string_view rest = text;
  if (!TakeNumber(rest, may_be_negative, out.objects)) return false;
  if (!absl::ConsumePrefix(&rest, ":")) return false;
  SkipSpaces(rest);
  if (!TakeNumber(rest, may_be_negative, out.bytes)) return false;
  SkipSpaces(rest);
  if (!absl::ConsumePrefix(&rest, "[")) return false;
  SkipSpaces(rest);
  if (!TakeNumber(rest, false, out.alloc_objects)) return false;
  if (!absl::ConsumePrefix(&rest, ":")) return false;
  SkipSpaces(rest);
  if (!TakeNumber(rest, false, out.alloc_bytes)) return false;
  SkipSpaces(rest);
  if (!absl::ConsumePrefix(&rest, "]")) return false;
  text = rest;
  return true;
}

// The columns wherever they begin in a line, and what stands behind " @".
bool FindSample(absl::string_view line, Columns& columns, absl::string_view& behind) {
  while (true) {
    const size_t begin = line.find_first_of("-0123456789");
    if (begin == absl::string_view::npos) return false;
    line.remove_prefix(begin);
    behind = line;
    if (TakeColumns(behind, true, columns) && absl::ConsumePrefix(&behind, " @")) return true;
    // A part of the same number would fit no better.
    if (TakeDigits(line).empty()) line.remove_prefix(1);
  }
}

bool ReadKind(absl::string_view kind, const Columns& columns, Header& out) {
  if (absl::StartsWith(kind, "growth") || absl::StartsWith(kind, "fragmentation")) {
    out = {.period = 1};
    return true;
  }
  size_t n = 0;
  while (n < kind.size() &&
         (absl::ascii_isdigit(kind[n]) || absl::ascii_islower(kind[n]) || kind[n] == '_')) {
    ++n;
  }
  absl::string_view rate = kind.substr(n);
  kind = kind.substr(0, n);
  absl::ConsumePrefix(&rate, "/");
  rate = TakeDigits(rate);
  if (!rate.empty() && !TextScanner(rate).Number(out.period)) return false;
  // pprof compares what is written.
  out.has_alloc = (columns.alloc_objects != columns.objects && columns.alloc_objects != "0") ||
                  (columns.alloc_bytes != columns.bytes && columns.alloc_bytes != "0");
  if (kind == "heap_v2" || kind == "heapz_v2") {
    out.sampled = true;
  } else if (kind == "heap") {  // Go's, which writes twice its rate
    out.sampled = true;
    out.period /= 2;
  } else if (kind == "heapprofile") {
    out.period = 1;
  } else {
    return false;
  }
  return true;
}

bool ReadHeader(absl::string_view line, Header& out) {
  for (size_t at = line.find(kMagic); at != absl::string_view::npos; at = line.find(kMagic)) {
    line.remove_prefix(at + kMagic.size());
    absl::string_view rest = line;
    SkipSpaces(rest);
    Columns columns;
    if (!TakeColumns(rest, false, columns)) continue;
    SkipSpaces(rest);
    if (!absl::ConsumePrefix(&rest, "@")) continue;
    SkipSpaces(rest);
    return ReadKind(rest, columns, out);
  }
  return false;
}

class LegacyHeapReader {
 public:
  LegacyHeapReader(absl::string_view bytes, absl::string_view where, Progress* progress)
      : input_(bytes, "the heap profile", where, progress) {}

  absl::StatusOr<std::shared_ptr<const Profile>> Read();

 private:
  absl::Status ReadSample(absl::string_view line);
  // Counts of a line: appended to values_, un-sampled when the profile is.
  absl::Status AddCounts(const char* what, absl::string_view objects, absl::string_view bytes);
  void SetTypes();

  LegacyInput input_;
  Header header_;
  LegacyBuilder builder_;
  StringId bytes_key_;
  std::vector<int64_t> values_;  // of one sample
  int64_t block_bytes_ = 0;      // of one of its blocks, before un-sampling
};

absl::Status LegacyHeapReader::AddCounts(const char* what, absl::string_view objects,
                                         absl::string_view bytes) {
  HeapCounts counts;
  if (!TextScanner(objects).Number(counts.objects) || !TextScanner(bytes).Number(counts.bytes)) {
    return input_.Malformed(absl::StrCat(what, ": a number has more than 64 bits"));
  }
  if (counts.objects == 0 && counts.bytes != 0) {
    return input_.Malformed(absl::StrCat(what, " of 0 objects have ", counts.bytes, " bytes"));
  }
  if (counts.objects != 0) {
    block_bytes_ = BlockBytes(counts);
    if (header_.sampled) counts = Unsample(counts, header_.period);
  }
  values_.insert(values_.end(), {counts.objects, counts.bytes});
  return absl::OkStatus();
}

absl::Status LegacyHeapReader::ReadSample(absl::string_view line) {
  Columns columns;
  absl::string_view behind;
  if (!FindSample(line, columns, behind)) {
    return input_.Malformed("expected \"OBJECTS: BYTES [OBJECTS: BYTES] @ 0xADDRESS...\"");
  }
  values_.clear();
  block_bytes_ = 0;
  if (header_.has_alloc) {
    const absl::Status status =
        AddCounts("allocations", columns.alloc_objects, columns.alloc_bytes);
    if (!status.ok()) return status;
  }
  const absl::Status status = AddCounts("blocks in use", columns.objects, columns.bytes);
  if (!status.ok()) return status;
  if (!AppendAddresses(AddressList(behind), kOntoCall, builder_.addresses())) {
    return input_.Malformed("an address has more than 64 bits");
  }
  builder_.AddSample(values_, {{.key = bytes_key_, .num = block_bytes_}});
  return absl::OkStatus();
}

void LegacyHeapReader::SetTypes() {
  if (header_.has_alloc) {
    builder_.SetSampleTypes({{"alloc_objects", "count"},
                             {"alloc_space", "bytes"},
                             {"inuse_objects", "count"},
                             {"inuse_space", "bytes"}});
  } else {
    builder_.SetSampleTypes({{"objects", "count"}, {"space", "bytes"}});
  }
  builder_.SetPeriod({"space", "bytes"}, header_.period);
  builder_.SetInnerFrames(InnerFrames::kAllocator);
  bytes_key_ = builder_.profile().AddString("bytes");
}

absl::StatusOr<std::shared_ptr<const Profile>> LegacyHeapReader::Read() {
  absl::string_view line;
  if (!input_.Next(line) || !ReadHeader(line, header_)) {
    return input_.Malformed(
        "expected \"heap profile: OBJECTS: BYTES [OBJECTS: BYTES] @ heap_v2/RATE\" or another kind "
        "that is known");
  }
  SetTypes();
  while (input_.Next(line)) {
    if (IsBlankOrComment(line)) continue;
    if (IsMemoryMapHeading(line)) break;
    const absl::Status status = ReadSample(line);
    if (!status.ok()) return status;
  }
  return builder_.Build(input_, ReadMemoryMap(input_));
}

}  // namespace

bool IsLegacyHeap(absl::string_view bytes) {
  absl::string_view line;
  return LineReader(bytes.substr(0, 4096)).Next(line) && absl::StrContains(line, kMagic) &&
         IsText(line) && !absl::StartsWith(line, "heap profile: total ");  // Go counts have that
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyHeap(absl::string_view bytes,
                                                              absl::string_view where,
                                                              Progress* progress) {
  return LegacyHeapReader(bytes, where, progress).Read();
}

}  // namespace tidemark::io
