#include "analyzer/io/legacy_heap.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/memory_map.h"
#include "analyzer/io/text_scanner.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::io {
namespace {

constexpr absl::string_view kMagic = "heap profile:";

// Allocation functions, which every stack ends in: pprof's own list.
constexpr absl::string_view kDropFrames =
    "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|"
    "tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_pvalloc|"
    "tc_valloc|tc_realloc|tc_new|tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|"
    "tc_newarray_nothrow|"
    "malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|malloc_zone_realloc|"
    "malloc_zone_memalign|malloc_zone_free|"
    "runtime\\..*|"
    "BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|"
    "DoSampledAllocation|MallocedMemBlock::MallocedMemBlock|_M_allocate|"
    "__builtin_(vec_)?delete|__builtin_(vec_)?new|__gnu_cxx::new_allocator::allocate|"
    "__libc_malloc|__malloc_alloc_template::allocate|allocate|cpp_alloc|operator new(\\[\\])?|"
    "simple_alloc::allocate";
constexpr absl::string_view kKeepFrames =
    "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";

struct Counts {
  int64_t objects = 0;
  int64_t bytes = 0;
};

struct Header {
  bool has_alloc = false;  // the columns in brackets say something of their own
  bool sampled = false;
  int64_t period = 0;  // mean bytes between samples
};

// "OBJECTS: BYTES"
bool ReadCounts(TextScanner& s, Counts& out) {
  if (!s.Number(out.objects) || !s.Literal(":")) return false;
  s.SkipBlanks();
  return s.Number(out.bytes);
}

// "OBJECTS: BYTES [OBJECTS: BYTES] @"
bool ReadColumns(TextScanner& s, Counts& inuse, Counts& alloc) {
  s.SkipBlanks();
  if (!ReadCounts(s, inuse)) return false;
  s.SkipBlanks();
  if (!s.Literal("[")) return false;
  s.SkipBlanks();
  if (!ReadCounts(s, alloc)) return false;
  s.SkipBlanks();
  if (!s.Literal("]")) return false;
  s.SkipBlanks();
  return s.Literal("@");
}

bool ReadHeader(absl::string_view line, Header& out) {
  const size_t at = line.find(kMagic);
  if (at == absl::string_view::npos) return false;
  TextScanner s(line.substr(at + kMagic.size()));
  Counts inuse, alloc;
  if (!ReadColumns(s, inuse, alloc)) return false;
  s.SkipBlanks();
  absl::string_view kind = s.rest();
  absl::string_view rate;
  if (const size_t slash = kind.find('/'); slash != absl::string_view::npos) {
    rate = kind.substr(slash + 1);
    kind = kind.substr(0, slash);
  }
  kind = absl::StripAsciiWhitespace(kind);
  int64_t period = 0;
  TextScanner(rate).Number(period);
  if (absl::StartsWith(kind, "growth") || absl::StartsWith(kind, "fragmentation")) {
    out = {.period = 1};
    return true;
  }
  out.has_alloc = (alloc.objects != inuse.objects && alloc.objects != 0) ||
                  (alloc.bytes != inuse.bytes && alloc.bytes != 0);
  if (kind == "heap_v2" || kind == "heapz_v2") {
    out.sampled = true;
    out.period = period;
  } else if (kind == "heap") {  // Go's, which writes twice its rate
    out.sampled = true;
    out.period = period / 2;
  } else if (kind == "heapprofile") {
    out.period = 1;
  } else {
    return false;
  }
  return true;
}

int64_t Truncate(double v) {
  constexpr double kLimit = 9223372036854775807.0;
  if (v >= kLimit) return std::numeric_limits<int64_t>::max();
  if (v <= -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

// A block of size a is sampled with probability 1 - exp(-a / period).
Counts Unsample(Counts c, int64_t period) {
  if (c.objects == 0 || c.bytes == 0) return {};
  if (period <= 1) return c;
  const double mean_bytes = static_cast<double>(c.bytes) / static_cast<double>(c.objects);
  const double scale = 1 / (1 - std::exp(-mean_bytes / static_cast<double>(period)));
  return {Truncate(static_cast<double>(c.objects) * scale),
          Truncate(static_cast<double>(c.bytes) * scale)};
}

class LegacyHeapReader {
 public:
  LegacyHeapReader(absl::string_view bytes, absl::string_view where, Progress* progress)
      : where_(where), progress_(progress), lines_(bytes) {
    if (progress_ != nullptr) progress_->total.store(bytes.size(), std::memory_order_relaxed);
  }

  absl::StatusOr<std::shared_ptr<const Profile>> Read();

 private:
  struct Sample {
    size_t first_address = 0;  // into addresses_
    size_t end_address = 0;
    int64_t block_bytes = 0;  // of one block, as sampled
    Counts alloc = {};
    Counts inuse = {};
  };

  absl::Status Malformed(absl::string_view why) const {
    return absl::DataLossError(absl::StrCat("reading the heap profile: ", why, " (where: ", where_,
                                            ", byte offset ", lines_.offset(), ")"));
  }
  absl::Status ReadSample(absl::string_view line);
  // Counts of a line into values: un-sampled when the profile is.
  absl::Status Convert(const char* what, Counts raw, int64_t& block_bytes, Counts& out) const;
  void AddMappingsAndSamples();

  const absl::string_view where_;
  Progress* const progress_;
  LineReader lines_;
  Header header_;
  std::vector<Sample> samples_;
  std::vector<uint64_t> addresses_;
  ProfileBuilder builder_;
};

absl::Status LegacyHeapReader::Convert(const char* what, Counts raw, int64_t& block_bytes,
                                       Counts& out) const {
  if (raw.objects == 0 && raw.bytes != 0) {
    return Malformed(absl::StrCat(what, " of 0 objects have ", raw.bytes, " bytes"));
  }
  out = raw;
  if (raw.objects == 0) return absl::OkStatus();
  if (raw.objects == -1 && raw.bytes == std::numeric_limits<int64_t>::min()) {
    return Malformed(absl::StrCat(what, " out of range"));
  }
  block_bytes = raw.bytes / raw.objects;
  if (header_.sampled) out = Unsample(raw, header_.period);
  return absl::OkStatus();
}

absl::Status LegacyHeapReader::ReadSample(absl::string_view line) {
  TextScanner s(line);
  Counts inuse, alloc;
  if (!ReadColumns(s, inuse, alloc)) {
    return Malformed("expected \"OBJECTS: BYTES [OBJECTS: BYTES] @ 0xADDRESS...\"");
  }
  Sample sample{.first_address = addresses_.size()};
  if (header_.has_alloc) {
    absl::Status status = Convert("allocations", alloc, sample.block_bytes, sample.alloc);
    if (!status.ok()) return status;
  }
  absl::Status status = Convert("blocks in use", inuse, sample.block_bytes, sample.inuse);
  if (!status.ok()) return status;
  while (true) {
    s.SkipBlanks();
    if (s.rest().empty()) break;
    uint64_t address = 0;
    if (!s.Literal("0x") || !s.Number(address, 16)) {
      return Malformed("expected an address like 0x401234");
    }
    // The call, not the instruction that it returns to.
    addresses_.push_back(address - 1);
  }
  sample.end_address = addresses_.size();
  samples_.push_back(sample);
  return absl::OkStatus();
}

void LegacyHeapReader::AddMappingsAndSamples() {
  std::vector<MappedRange> ranges = ReadMemoryMap(lines_);
  RangeFinder finder(ranges);
  absl::flat_hash_map<uint64_t, size_t> range_of;  // address -> index into ranges
  bool unknown = false;
  for (const uint64_t address : addresses_) {
    const auto [it, inserted] = range_of.try_emplace(address, RangeFinder::kNone);
    if (!inserted) continue;
    if (address != 0) it->second = finder.Find(address);
    unknown |= address != 0 && it->second == RangeFinder::kNone;
  }

  std::vector<MappingId> mappings;
  mappings.reserve(ranges.size());
  for (const MappedRange& range : ranges) {
    mappings.push_back(builder_.AddMapping({.start = range.start,
                                            .limit = range.limit,
                                            .offset = range.offset,
                                            .file = builder_.AddString(range.file),
                                            .build_id = builder_.AddString(range.build_id)}));
  }
  MappingId fake;  // as in pprof, everything unknown lies in one nameless mapping
  if (unknown) fake = builder_.AddMapping({.limit = ~uint64_t{0}});

  const StringId bytes_key = builder_.AddString("bytes");
  absl::flat_hash_map<uint64_t, LocationId> locations;
  std::vector<LocationId> stack;
  std::vector<int64_t> values;
  for (const Sample& sample : samples_) {
    stack.clear();
    for (size_t i = sample.first_address; i < sample.end_address; ++i) {
      const uint64_t address = addresses_[i];
      const auto [it, inserted] = locations.try_emplace(address);
      if (inserted) {
        const size_t range = range_of[address];
        const MappingId mapping = range != RangeFinder::kNone ? mappings[range]
                                  : address != 0              ? fake
                                                              : MappingId{};
        it->second = builder_.AddLocation(address, mapping, false, {});
      }
      stack.push_back(it->second);
    }
    values.clear();
    if (header_.has_alloc) values = {sample.alloc.objects, sample.alloc.bytes};
    values.insert(values.end(), {sample.inuse.objects, sample.inuse.bytes});
    const Label label{.key = bytes_key, .num = sample.block_bytes};
    builder_.AddSample(builder_.AddStack(stack), builder_.AddLabels({label}), values);
  }
}

absl::StatusOr<std::shared_ptr<const Profile>> LegacyHeapReader::Read() {
  absl::string_view line;
  if (!lines_.Next(line) || !ReadHeader(line, header_)) {
    return Malformed("expected \"heap profile: OBJECTS: BYTES [OBJECTS: BYTES] @ heap_v2/RATE\"");
  }
  uint32_t ticks = 0;
  while (lines_.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    if (IsMemoryMapHeading(line)) break;
    const absl::Status status = ReadSample(line);
    if (!status.ok()) return status;
    if (progress_ != nullptr && ++ticks % 4096 == 0) {
      progress_->done.store(lines_.offset(), std::memory_order_relaxed);
      if (progress_->cancelled.load(std::memory_order_relaxed)) {
        return absl::CancelledError("cancelled");
      }
    }
  }

  const StringId count = builder_.AddString("count"), bytes = builder_.AddString("bytes");
  const auto type = [&](absl::string_view name, StringId unit) {
    return ValueType{builder_.AddString(name), unit};
  };
  if (header_.has_alloc) {
    builder_.SetSampleTypes({type("alloc_objects", count), type("alloc_space", bytes),
                             type("inuse_objects", count), type("inuse_space", bytes)});
  } else {
    builder_.SetSampleTypes({type("objects", count), type("space", bytes)});
  }
  builder_.SetPeriod(type("space", bytes), header_.period);
  builder_.SetDropKeepFrames(builder_.AddString(kDropFrames), builder_.AddString(kKeepFrames));
  AddMappingsAndSamples();
  if (progress_ != nullptr) {
    progress_->done.store(progress_->total.load(std::memory_order_relaxed),
                          std::memory_order_relaxed);
  }
  return builder_.Build();
}

}  // namespace

bool IsLegacyHeap(absl::string_view bytes) {
  absl::string_view line;
  return LineReader(bytes.substr(0, 512)).Next(line) && absl::StrContains(line, kMagic);
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyHeap(absl::string_view bytes,
                                                              absl::string_view where,
                                                              Progress* progress) {
  return LegacyHeapReader(bytes, where, progress).Read();
}

}  // namespace tidemark::io
