#include "analyzer/io/jemalloc_heap.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

constexpr absl::string_view kMagic = "heap_v2/";
constexpr absl::string_view kAllThreads = "*";

// "t*: OBJECTS: BYTES [OBJECTS: BYTES] NAME"
struct ThreadLine {
  absl::string_view thread;  // "*" or a number
  HeapCounts inuse, alloc;
  absl::string_view name;
};

bool ReadCounts(TextScanner& s, HeapCounts& out) {
  s.SkipBlanks();
  if (!s.Number(out.objects) || !s.Literal(":")) return false;
  s.SkipBlanks();
  return s.Number(out.bytes) && out.objects >= 0 && out.bytes >= 0;
}

bool ReadThreadLine(absl::string_view line, ThreadLine& out) {
  if (!absl::ConsumePrefix(&line, "t")) return false;
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return false;
  out.thread = line.substr(0, colon);
  absl::string_view digits = out.thread;
  if (out.thread != kAllThreads && (TakeDigits(digits).empty() || !digits.empty())) return false;
  TextScanner s(line.substr(colon + 1));
  if (!ReadCounts(s, out.inuse)) return false;
  s.SkipBlanks();
  if (!s.Literal("[") || !ReadCounts(s, out.alloc) || !s.Literal("]")) return false;
  out.name = absl::StripAsciiWhitespace(s.rest());
  return true;
}

// Allocated objects and bytes, then those in use.
using Values = std::array<int64_t, 4>;

class JemallocReader {
 public:
  JemallocReader(absl::string_view bytes, absl::string_view where, Progress* progress)
      : input_(bytes, "the jemalloc profile", where, progress) {}

  absl::StatusOr<std::shared_ptr<const Profile>> Read();

 private:
  struct Share {
    StringId thread;  // empty: unknown
    int64_t block_bytes = 0;
    Values weights = {};
  };

  absl::Status ReadLine(absl::string_view line);
  void ReadHeaderLine(const ThreadLine& line);
  void SetTypes();
  Values Unsampled(const ThreadLine& line) const;
  StringId ThreadLabel(absl::string_view number);
  void FinishStack();
  void AddSample(const Values& values, StringId thread, int64_t block_bytes);

  LegacyInput input_;
  LegacyBuilder builder_;
  StringId bytes_key_, thread_key_;
  int64_t period_ = 0;
  bool has_alloc_ = false;
  absl::flat_hash_map<std::string, std::string> thread_names_;  // by number

  // Of the stack being read.
  bool has_stack_ = false;
  std::vector<uint64_t> stack_;
  Values total_ = {};
  int64_t total_block_bytes_ = 0;
  std::vector<Share> shares_;
};

int64_t BlockBytesOf(const ThreadLine& line) {
  if (line.inuse.objects != 0) return BlockBytes(line.inuse);
  return line.alloc.objects != 0 ? BlockBytes(line.alloc) : 0;
}

void JemallocReader::ReadHeaderLine(const ThreadLine& line) {
  if (line.thread == kAllThreads) {
    has_alloc_ = (line.alloc.objects != 0 && line.alloc.objects != line.inuse.objects) ||
                 (line.alloc.bytes != 0 && line.alloc.bytes != line.inuse.bytes);
  } else if (!line.name.empty()) {
    thread_names_[std::string(line.thread)] = std::string(line.name);
  }
}

Values JemallocReader::Unsampled(const ThreadLine& line) const {
  const HeapCounts alloc = has_alloc_ ? Unsample(line.alloc, period_) : HeapCounts{};
  const HeapCounts inuse = Unsample(line.inuse, period_);
  Values values = {alloc.objects, alloc.bytes, inuse.objects, inuse.bytes};
  // What is beyond 64 bits is no figure to share out.
  for (int64_t& v : values) v = std::max<int64_t>(v, 0);
  return values;
}

StringId JemallocReader::ThreadLabel(absl::string_view number) {
  const auto name = thread_names_.find(number);
  return builder_.profile().AddString(name != thread_names_.end()
                                          ? absl::StrCat(name->second, "/", number)
                                          : absl::StrCat("t", number));
}

void JemallocReader::AddSample(const Values& values, StringId thread, int64_t block_bytes) {
  if (std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 0; })) return;
  builder_.addresses().insert(builder_.addresses().end(), stack_.begin(), stack_.end());
  const std::array<Label, 2> labels = {
      {{.key = bytes_key_, .num = block_bytes}, {.key = thread_key_, .str = thread}}};
  builder_.AddSample(absl::MakeSpan(values).subspan(has_alloc_ ? 0 : 2),
                     absl::MakeSpan(labels).first(thread.value != 0 ? 2 : 1));
}

void JemallocReader::FinishStack() {
  Values sums = {};  // of the shares' weights; each stays in 63 bits or there are no shares
  bool shared = !shares_.empty();
  for (const Share& share : shares_) {
    for (size_t v = 0; v < sums.size(); ++v) {
      shared &= !__builtin_add_overflow(sums[v], share.weights[v], &sums[v]);
    }
  }
  for (size_t v = 0; v < sums.size(); ++v) shared &= sums[v] != 0 || total_[v] == 0;
  if (!shared) {
    AddSample(total_, StringId{0}, total_block_bytes_);
  } else {
    // Each share ends where the sum of the weights so far says: together they are all.
    Values sum_so_far = {}, value_so_far = {};
    for (const Share& share : shares_) {
      Values values = {};
      for (size_t v = 0; v < values.size(); ++v) {
        sum_so_far[v] += share.weights[v];
        if (sums[v] == 0) continue;
        const int64_t end = static_cast<int64_t>(absl::uint128(static_cast<uint64_t>(total_[v])) *
                                                 static_cast<uint64_t>(sum_so_far[v]) /
                                                 static_cast<uint64_t>(sums[v]));
        values[v] = end - value_so_far[v];
        value_so_far[v] = end;
      }
      AddSample(values, share.thread, share.block_bytes);
    }
  }
  stack_.clear();
  shares_.clear();
  total_ = {};
  total_block_bytes_ = 0;
}

void JemallocReader::SetTypes() {
  if (has_alloc_) {
    builder_.SetSampleTypes({{"alloc_objects", "count"},
                             {"alloc_space", "bytes"},
                             {"inuse_objects", "count"},
                             {"inuse_space", "bytes"}});
  } else {
    builder_.SetSampleTypes({{"inuse_objects", "count"}, {"inuse_space", "bytes"}});
  }
}

absl::Status JemallocReader::ReadLine(absl::string_view line) {
  if (absl::ConsumePrefix(&line, "@")) {
    if (has_stack_) {
      FinishStack();
    } else {
      SetTypes();  // the header is read
    }
    has_stack_ = true;
    if (!AppendAddresses(line, kOntoCall, stack_)) {
      return input_.Malformed("an address has more than 64 bits");
    }
    return absl::OkStatus();
  }
  ThreadLine thread;
  if (!ReadThreadLine(line, thread)) {
    return input_.Malformed(
        "expected \"@ 0xADDRESS...\" or \"tN: OBJECTS: BYTES [OBJECTS: BYTES]\"");
  }
  if (!has_stack_) {
    ReadHeaderLine(thread);
  } else if (thread.thread == kAllThreads) {
    total_ = Unsampled(thread);
    total_block_bytes_ = BlockBytesOf(thread);
  } else {
    shares_.push_back({ThreadLabel(thread.thread), BlockBytesOf(thread), Unsampled(thread)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Profile>> JemallocReader::Read() {
  absl::string_view line;
  if (!input_.Next(line) || !absl::ConsumePrefix(&line, kMagic) ||
      !TextScanner(line).Number(period_)) {
    return input_.Malformed("expected \"heap_v2/RATE\"");
  }
  bytes_key_ = builder_.profile().AddString("bytes");
  thread_key_ = builder_.profile().AddString("thread");
  while (input_.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    if (IsMemoryMapHeading(line)) break;
    const absl::Status status = ReadLine(line);
    if (!status.ok()) return status;
  }
  if (has_stack_) {
    FinishStack();
  } else {
    SetTypes();
  }
  builder_.SetPeriod({"space", "bytes"}, period_);
  builder_.SetInnerFrames(InnerFrames::kAllocator);
  return builder_.Build(input_, ReadMemoryMap(input_));
}

}  // namespace

bool IsJemallocHeap(absl::string_view bytes) {
  return absl::ConsumePrefix(&bytes, kMagic) && !TakeDigits(bytes).empty();
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadJemallocHeap(absl::string_view bytes,
                                                                absl::string_view where,
                                                                Progress* progress) {
  return JemallocReader(bytes, where, progress).Read();
}

}  // namespace tidemark::io
