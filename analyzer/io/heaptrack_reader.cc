// One pass. What was live at the peak is known only at the end, when the peak is; so each
// allocation info keeps the count it had at the last peak lazily: every new peak begins an
// epoch, and the first change of an info after that saves the count it had until then.

#include "analyzer/io/heaptrack_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/inflate.h"
#include "analyzer/io/text_scanner.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::io {
namespace {

constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
constexpr uint32_t kNewestVersion = 3;

// The lines of a stream.
class Lines {
 public:
  explicit Lines(ByteSource& source) : source_(source), buffer_(kChunkBytes, '\0') {}

  // The next line without its end, valid until the next call; false at the end. A line that
  // has no end is no line.
  absl::StatusOr<bool> Next(absl::string_view& line) {
    size_t searched = begin_;
    while (true) {
      const void* const found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
      if (found != nullptr) {
        const size_t line_end =
            static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
        line = absl::string_view(buffer_).substr(begin_, line_end - begin_);
        offset_ = next_offset_;
        next_offset_ += line_end + 1 - begin_;
        begin_ = line_end + 1;
        return true;
      }
      searched = end_ - begin_;
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (end_ == buffer_.size()) {
        if (buffer_.size() >= kLongestLine) {
          offset_ = next_offset_;
          return absl::DataLossError(
              absl::StrCat("a line is longer than ", kLongestLine, " bytes"));
        }
        buffer_.resize(buffer_.size() * 2);
      }
      const absl::StatusOr<size_t> n = source_.Read(buffer_.data() + end_, buffer_.size() - end_);
      if (!n.ok()) return n.status();
      if (*n == 0) {
        cut_ = end_ > 0;
        return false;
      }
      end_ += *n;
    }
  }

  // Of the line that Next() gave last.
  uint64_t offset() const { return offset_; }
  // Whether the text ended within a line.
  bool cut() const { return cut_; }

 private:
  static constexpr size_t kChunkBytes = 256 << 10;
  static constexpr size_t kLongestLine = 4 << 20;  // arguments of a program may take 2 MiB
  ByteSource& source_;
  std::string buffer_;
  size_t begin_ = 0, end_ = 0;  // what is not yet given out
  uint64_t offset_ = 0, next_offset_ = 0;
  bool cut_ = false;
};

struct Trace {
  uint32_t location;  // 1 + index, 0: none
  uint32_t parent;    // 1 + index of a trace before this one, 0: none
};

struct AllocationInfo {
  uint64_t size_bytes = 0;
  uint64_t peak_epoch = 0;  // of `at_peak`
  uint64_t allocations = 0;
  uint64_t live = 0;       // of the allocations
  uint64_t at_peak = 0;    // live ones at the last peak, if one of them changed since
  uint64_t temporary = 0;  // of the allocations
  uint32_t trace = 0;      // 1 + index, 0: unknown
};

class HeaptrackReader {
 public:
  HeaptrackReader(ByteSource& text, absl::string_view where, Progress* progress)
      : text_(text), where_(where), progress_(progress), lines_(text) {}

  absl::StatusOr<std::shared_ptr<const Profile>> Read();

 private:
  absl::Status ReadLine(absl::string_view line);
  absl::Status ReadVersion(TextScanner& in);
  absl::Status ReadString(TextScanner& in);
  absl::Status ReadInstructionPointer(TextScanner& in);
  absl::Status ReadTrace(TextScanner& in);
  absl::Status ReadAllocationInfo(TextScanner& in);
  absl::Status ReadAllocation(TextScanner& in);
  absl::Status ReadFree(TextScanner& in);
  absl::Status ReadSystem(TextScanner& in);

  // A hexadecimal number and the blank before the next.
  template <typename Int>
  static bool Hex(TextScanner& in, Int& out) {
    if (!in.Number(out, 16)) return false;
    (void)in.Literal(" ");
    return true;
  }

  absl::Status Malformed(absl::string_view why) const {
    return absl::DataLossError(absl::StrCat("reading the heaptrack recording: ", why, " (where: ",
                                            where_, ", byte offset ", lines_.offset(), ")"));
  }
  absl::Status TooLarge(absl::string_view why) const {
    return absl::ResourceExhaustedError(
        absl::StrCat("reading the heaptrack recording: ", why, " (where: ", where_, ")"));
  }

  // Books memory that stays. A compressed input of a few KiB may hold any number of lines.
  bool Book(size_t bytes) {
    booked_bytes_ += bytes;
    return booked_bytes_ <= InflateLimit(text_.consumed());
  }
  absl::Status OutOfProportion() const {
    return TooLarge(absl::StrCat("holds more than ", booked_bytes_,
                                 " bytes of names and traces, "
                                 "which no recording of ",
                                 text_.consumed(), " bytes does"));
  }

  bool StringAt(uint64_t index, StringId& id) const {
    if (index > strings_.size()) return false;
    id = index == 0 ? StringId{0} : strings_[index - 1];
    return true;
  }
  AllocationInfo* InfoAt(TextScanner& in, uint32_t& index) {
    if (!Hex(in, index) || index >= infos_.size()) return nullptr;
    return &infos_[index];
  }
  // To be called before the count of live blocks changes.
  void KeepPeak(AllocationInfo& info) const {
    if (info.peak_epoch == peak_epoch_) return;
    info.peak_epoch = peak_epoch_;
    info.at_peak = info.live;
  }

  MappingId MappingOf(StringId module);
  absl::StatusOr<StackId> AddStack(uint32_t trace);
  absl::Status AddSamples();
  void AddComments();

  ByteSource& text_;
  const absl::string_view where_;
  Progress* const progress_;
  Lines lines_;
  ProfileBuilder builder_;

  uint32_t version_ = 0;  // 0: not read yet
  std::vector<StringId> strings_;
  bool first_string_is_path_ = false;
  std::vector<std::pair<StringId, MappingId>> mappings_;  // by module
  std::vector<LocationId> locations_;
  std::vector<Trace> traces_;
  std::vector<AllocationInfo> infos_;

  std::string command_line_;
  uint64_t page_bytes_ = 0, memory_pages_ = 0, peak_resident_pages_ = 0, time_ms_ = 0;
  bool attached_ = false;

  uint64_t live_bytes_ = 0, peak_bytes_ = 0, peak_time_ms_ = 0;
  uint64_t peak_epoch_ = 0;
  // heaptrack_print's memory of what was allocated last, with which it tells temporary
  // allocations. It forgets by setting it to 0, though there is an info 0; to count as it
  // does, so do we.
  uint32_t last_allocated_ = 0;

  size_t booked_bytes_ = 0;
  std::vector<Line> frames_;       // of one instruction pointer, kept for their memory
  std::vector<LocationId> stack_;  // of one trace
};

absl::Status HeaptrackReader::ReadVersion(TextScanner& in) {
  uint32_t heaptrack = 0, format = 0;
  if (!Hex(in, heaptrack)) return Malformed("the version is no number");
  if (!Hex(in, format) && heaptrack == 0x10200) format = 1;  // its own name for format 1
  if (format == 0 || format > kNewestVersion) {
    return absl::UnimplementedError(
        absl::StrCat("reading the heaptrack recording: it is in version ", format,
                     " of heaptrack's format, and versions 1 to ", kNewestVersion,
                     " are known (where: ", where_, ")"));
  }
  version_ = format;
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadString(TextScanner& in) {
  absl::string_view text = in.rest();
  if (version_ >= 3) {
    uint64_t size = 0;
    if (!in.Number(size, 16) || !in.Literal(" ") || in.rest().size() != size) {
      return Malformed("a string's length is not what is said");
    }
    text = in.rest();
  }
  if (!Book(text.size() + 3 * sizeof(StringId))) return OutOfProportion();
  if (strings_.empty()) first_string_is_path_ = absl::StartsWith(text, "/");
  strings_.push_back(builder_.AddString(text));
  return absl::OkStatus();
}

MappingId HeaptrackReader::MappingOf(StringId module) {
  if (module.value == 0) return MappingId{};
  for (const auto& [name, id] : mappings_) {
    if (name == module) return id;
  }
  // The program itself comes first, as in every profile: it was the first name recorded.
  if (mappings_.empty() && module != strings_[0] && first_string_is_path_) MappingOf(strings_[0]);
  // Where it was loaded is not recorded, so nobody could find more names in its file: the
  // flags say that what can be known is known.
  const MappingId id = builder_.AddMapping({.file = module,
                                            .has_functions = true,
                                            .has_filenames = true,
                                            .has_line_numbers = true,
                                            .has_inline_frames = true});
  mappings_.emplace_back(module, id);
  return id;
}

absl::Status HeaptrackReader::ReadInstructionPointer(TextScanner& in) {
  uint64_t address = 0, module_index = 0;
  StringId module;
  if (!Hex(in, address) || !Hex(in, module_index) || !StringAt(module_index, module)) {
    return Malformed("an instruction pointer without an address, or of an unknown module");
  }
  frames_.clear();
  uint64_t function_index = 0;
  while (Hex(in, function_index)) {
    uint64_t file_index = 0;
    uint32_t line = 0;
    Function function;
    // Without debug information there is a function and nothing else.
    if (Hex(in, file_index) && !Hex(in, line)) return Malformed("a file without a line");
    if (!StringAt(function_index, function.name) || !StringAt(file_index, function.filename)) {
      return Malformed("an instruction pointer refers to a string that does not exist");
    }
    function.system_name = function.name;
    if (function == Function()) continue;
    frames_.push_back({builder_.AddFunction(function), line});
  }
  if (!in.rest().empty()) return Malformed("an instruction pointer that is no row of numbers");
  if (!Book(sizeof(Location) + sizeof(LocationId) +
            frames_.size() * (sizeof(Line) + sizeof(Function)))) {
    return OutOfProportion();
  }
  locations_.push_back(builder_.AddLocation(address, MappingOf(module), false, frames_));
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadTrace(TextScanner& in) {
  Trace trace;
  if (!Hex(in, trace.location) || !Hex(in, trace.parent)) {
    return Malformed("a trace without an instruction pointer and a parent");
  }
  if (trace.location > locations_.size() || trace.parent > traces_.size()) {
    return Malformed("a trace refers to what comes later or never");
  }
  if (!Book(sizeof(trace))) return OutOfProportion();
  traces_.push_back(trace);
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadAllocationInfo(TextScanner& in) {
  AllocationInfo info;
  if (!Hex(in, info.size_bytes) || !Hex(in, info.trace)) {
    return Malformed("an allocation info without a size and a trace");
  }
  if (info.trace > traces_.size()) return Malformed("an allocation refers to an unknown trace");
  if (infos_.size() >= std::numeric_limits<uint32_t>::max()) return TooLarge("too many sizes");
  info.peak_epoch = peak_epoch_;
  if (!Book(sizeof(info))) return OutOfProportion();
  infos_.push_back(info);
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadAllocation(TextScanner& in) {
  uint32_t index = 0;
  AllocationInfo* const info = InfoAt(in, index);
  if (info == nullptr) return Malformed("an allocation that was not announced");
  if (info->size_bytes > kMost - live_bytes_ ||
      info->allocations + 1 > kMost / std::max<uint64_t>(info->size_bytes, 1)) {
    return Malformed("the sizes add up to more than 2^63 bytes");
  }
  KeepPeak(*info);
  ++info->allocations;
  ++info->live;
  live_bytes_ += info->size_bytes;
  last_allocated_ = index;
  if (live_bytes_ > peak_bytes_) {
    peak_bytes_ = live_bytes_;
    peak_time_ms_ = time_ms_;
    ++peak_epoch_;
  }
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadFree(TextScanner& in) {
  uint32_t index = 0;
  AllocationInfo* const info = InfoAt(in, index);
  if (info == nullptr || info->live == 0) return Malformed("a free of what was not allocated");
  KeepPeak(*info);
  --info->live;
  live_bytes_ -= info->size_bytes;
  if (last_allocated_ == index) ++info->temporary;
  last_allocated_ = 0;
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadSystem(TextScanner& in) {
  if (!Hex(in, page_bytes_) || !Hex(in, memory_pages_)) {
    return Malformed("the system's page size and memory are no numbers");
  }
  return absl::OkStatus();
}

absl::Status HeaptrackReader::ReadLine(absl::string_view line) {
  if (line.empty() || line[0] == '#') return absl::OkStatus();
  TextScanner in(line.substr(std::min<size_t>(line.size(), 2)));
  if (version_ == 0 && line[0] != 'v') return Malformed("the first line is not the version");
  switch (line[0]) {
    case '+':
      return ReadAllocation(in);
    case '-':
      return ReadFree(in);
    case 't':
      return ReadTrace(in);
    case 'a':
      return ReadAllocationInfo(in);
    case 'i':
      return ReadInstructionPointer(in);
    case 's':
      return ReadString(in);
    case 'c':
      return Hex(in, time_ms_) ? absl::OkStatus() : Malformed("a time that is no number");
    case 'R': {
      uint64_t pages = 0;
      if (!Hex(in, pages)) return Malformed("a number of resident pages that is none");
      peak_resident_pages_ = std::max(peak_resident_pages_, pages);
      return absl::OkStatus();
    }
    case 'X':
      command_line_ = std::string(in.rest());
      return absl::OkStatus();
    case 'I':
      return ReadSystem(in);
    case 'A':
      attached_ = true;
      return absl::OkStatus();
    case 'S':  // what heaptrack_print should not call a leak
      return absl::OkStatus();
    case 'v':
      return version_ == 0 ? ReadVersion(in) : Malformed("a second recording follows the first");
    case 'x':
    case 'm':
      return absl::InvalidArgumentError(
          absl::StrCat("reading the heaptrack recording: it is raw: run it through "
                       "heaptrack_interpret first, as "
                       "`heaptrack --raw` says when it ends (where: ",
                       where_, ")"));
    default:
      return Malformed("a line of an unknown kind");
  }
}

// Every distinct trace that allocated is written out once, so memory could grow with the
// square of the input: it is booked.
absl::StatusOr<StackId> HeaptrackReader::AddStack(uint32_t trace) {
  stack_.clear();
  size_t depth = 0;
  for (uint32_t at = trace; at != 0; at = traces_[at - 1].parent, ++depth) {
    const uint32_t location = traces_[at - 1].location;
    if (location != 0) stack_.push_back(locations_[location - 1]);
  }
  if (!Book(depth * sizeof(LocationId))) return OutOfProportion();
  return builder_.AddStack(stack_);
}

absl::Status HeaptrackReader::AddSamples() {
  // Infos of one trace one after the other, so that each trace is walked once.
  std::vector<uint32_t> order(infos_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [this](uint32_t a, uint32_t b) { return infos_[a].trace < infos_[b].trace; });
  const StringId bytes = builder_.AddString("bytes");
  StackId stack;
  uint32_t trace = std::numeric_limits<uint32_t>::max();
  for (const uint32_t i : order) {
    const AllocationInfo& info = infos_[i];
    if (info.allocations == 0) continue;
    if (info.trace != trace) {
      const absl::StatusOr<StackId> added = AddStack(info.trace);
      if (!added.ok()) return added.status();
      stack = *added;
      trace = info.trace;
    }
    const uint64_t at_peak = info.peak_epoch == peak_epoch_ ? info.at_peak : info.live;
    const Label label = {
        .key = bytes, .num = static_cast<int64_t>(info.size_bytes), .num_unit = bytes};
    const auto space = [&info](uint64_t objects) {
      return static_cast<int64_t>(objects * info.size_bytes);
    };
    builder_.AddSample(
        stack, builder_.AddLabels({label}),
        {static_cast<int64_t>(info.allocations), space(info.allocations),
         static_cast<int64_t>(info.live), space(info.live), static_cast<int64_t>(at_peak),
         space(at_peak), static_cast<int64_t>(info.temporary)});
  }
  return absl::OkStatus();
}

void HeaptrackReader::AddComments() {
  const auto add = [this](absl::string_view key, const auto& value) {
    builder_.AddComment(builder_.AddString(absl::StrCat(key, "=", value)));
  };
  // The recorder's own key: every view that shows a command line shows this one.
  if (!command_line_.empty()) add("tidemark.command_line", command_line_);
  add("tidemark.heaptrack.format_version", version_);
  add("tidemark.heaptrack.peak_time_ms", peak_time_ms_);
  if (page_bytes_ != 0 && page_bytes_ <= kMost / std::max<uint64_t>(peak_resident_pages_, 1) &&
      page_bytes_ <= kMost / std::max<uint64_t>(memory_pages_, 1)) {
    add("tidemark.heaptrack.peak_rss_bytes", peak_resident_pages_ * page_bytes_);
    add("tidemark.heaptrack.memory_bytes", memory_pages_ * page_bytes_);
  }
  if (attached_) add("tidemark.heaptrack.attached", 1);
  if (lines_.cut()) add("tidemark.heaptrack.last_line_cut", 1);
}

absl::StatusOr<std::shared_ptr<const Profile>> HeaptrackReader::Read() {
  uint32_t ticks = 0;
  absl::string_view line;
  while (true) {
    const absl::StatusOr<bool> more = lines_.Next(line);
    if (!more.ok()) {
      return absl::Status(more.status().code(),
                          absl::StrCat("reading the heaptrack recording: ", more.status().message(),
                                       " (where: ", where_, ")"));
    }
    if (!*more) break;
    if (const absl::Status status = ReadLine(line); !status.ok()) return status;
    if (progress_ != nullptr && ++ticks % 4096 == 0) {
      progress_->done.store(text_.consumed(), std::memory_order_relaxed);
      if (progress_->cancelled.load(std::memory_order_relaxed)) {
        return absl::CancelledError("cancelled");
      }
    }
  }
  if (version_ == 0) return Malformed("it ends within the first line");

  const StringId count = builder_.AddString("count"), bytes = builder_.AddString("bytes");
  const auto type = [this](absl::string_view name, StringId unit) {
    return ValueType{builder_.AddString(name), unit};
  };
  builder_.SetSampleTypes({type("alloc_objects", count), type("alloc_space", bytes),
                           type("inuse_objects", count), type("inuse_space", bytes),
                           type("peak_objects", count), type("peak_space", bytes),
                           type("temporary_objects", count)});
  builder_.SetDefaultSampleType(builder_.AddString("inuse_space"));
  builder_.SetPeriod(type("space", bytes), 1);  // every block was recorded
  constexpr uint64_t kNsPerMs = 1000000;
  builder_.SetTime(0, static_cast<int64_t>(std::min(time_ms_, kMost / kNsPerMs) * kNsPerMs));
  if (const absl::Status status = AddSamples(); !status.ok()) return status;
  AddComments();
  if (progress_ != nullptr) progress_->done.store(text_.consumed(), std::memory_order_relaxed);
  return builder_.Build();
}

}  // namespace

bool IsHeaptrack(absl::string_view beginning) {
  TextScanner in(beginning);
  uint64_t version = 0;
  return in.Literal("v ") && in.Number(version, 16) &&
         (in.rest().empty() || in.rest()[0] == ' ' || in.rest()[0] == '\n');
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadHeaptrack(ByteSource& text,
                                                             absl::string_view where,
                                                             Progress* progress) {
  return HeaptrackReader(text, where, progress).Read();
}

}  // namespace tidemark::io
