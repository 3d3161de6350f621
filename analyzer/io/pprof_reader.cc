// A message may refer to strings, functions and locations that stand later in the file
// (Go writes samples first and strings last), so the top level is walked four times,
// each time decoding what the next needs: strings and scalars; mappings and functions;
// locations; samples. Walking over what is not wanted costs a few ns per message, and
// nothing is kept but the profile itself.
//
// protozero reports malformed input by exceptions; they end in ReadPprof.

#include "analyzer/io/pprof_reader.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/id_map.h"
#include "analyzer/io/pbf_fields.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::io {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Field numbers of profile.proto.
enum ProfileField : uint32_t {
  kSampleType = 1,
  kSample = 2,
  kMapping = 3,
  kLocation = 4,
  kFunction = 5,
  kStringTable = 6,
  kDropFrames = 7,
  kKeepFrames = 8,
  kTimeNanos = 9,
  kDurationNanos = 10,
  kPeriodType = 11,
  kPeriod = 12,
  kComment = 13,
  kDefaultSampleType = 14,
  kDocUrl = 15,
};

struct Cancelled : std::exception {};

class PprofReader {
 public:
  PprofReader(absl::string_view bytes, absl::string_view where, Progress* progress)
      : bytes_(bytes), where_(where), progress_(progress) {}

  absl::StatusOr<std::shared_ptr<const Profile>> Read();

 private:
  // Calls visit(field number, reader at the field) for each top-level field; `visit`
  // returns false for what it leaves unread.
  template <typename Visit>
  void Walk(Visit visit);

  void ReadScalars();
  bool ReadScalar(uint32_t field, pbf_reader& r);
  void ResolveScalars();
  void ReadMapping(pbf_reader m);
  void ReadFunction(pbf_reader m);
  void ReadLocation(pbf_reader m);
  void ReadSample(pbf_reader m);
  Label ReadLabel(pbf_reader m);
  void Tick();

  StringId String(int64_t index) const {
    if (index < 0 || static_cast<uint64_t>(index) >= strings_.size()) {
      throw Malformed(
          absl::StrCat("string ", index, " does not exist: the table has ", strings_.size()));
    }
    return strings_[static_cast<size_t>(index)];
  }

  const absl::string_view bytes_;
  const absl::string_view where_;
  Progress* const progress_;
  size_t offset_ = 0;  // of the top-level field being read
  ProfileBuilder builder_;

  std::vector<StringId> strings_;  // by index in the file
  IdMap<MappingId> mappings_;
  IdMap<FunctionId> functions_;
  IdMap<LocationId> locations_;

  // As in the file, until the string table is whole.
  struct RawType {
    int64_t type = 0;
    int64_t unit = 0;
  };
  static RawType ReadType(pbf_reader m);
  std::vector<RawType> sample_types_;
  size_t sample_count_ = 0;
  size_t sample_bytes_ = 0;  // of all sample messages
  RawType period_type_;
  std::vector<int64_t> comments_;
  int64_t period_ = 0, time_ns_ = 0, duration_ns_ = 0;
  int64_t drop_frames_ = 0, keep_frames_ = 0, default_sample_type_ = 0, doc_url_ = 0;

  // Of one sample or location, kept for their memory.
  std::vector<uint64_t> location_ids_;
  std::vector<int64_t> sample_values_;
  std::vector<LocationId> stack_;
  std::vector<Label> labels_;
  std::vector<Line> lines_;
  uint32_t ticks_ = 0;
};

template <typename Visit>
void PprofReader::Walk(Visit visit) {
  pbf_reader r(bytes_.data(), bytes_.size());
  while (true) {
    offset_ = bytes_.size() - r.length();
    if (!r.next()) break;
    if (!visit(r.tag(), r)) r.skip();
  }
}

void PprofReader::Tick() {
  if (progress_ == nullptr || ++ticks_ % 4096 != 0) return;
  progress_->done.store(offset_, std::memory_order_relaxed);
  if (progress_->cancelled.load(std::memory_order_relaxed)) throw Cancelled();
}

PprofReader::RawType PprofReader::ReadType(pbf_reader m) {
  RawType type;
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        type.type = ReadInt(m);
        break;
      case 2:
        type.unit = ReadInt(m);
        break;
      default:
        m.skip();
    }
  }
  return type;
}

bool PprofReader::ReadScalar(uint32_t field, pbf_reader& r) {
  switch (field) {
    case kSampleType:
      sample_types_.push_back(ReadType(ReadMessage(r)));
      return true;
    case kSample: {  // read in the last walk
      Expect(r, pbf_wire_type::length_delimited);
      sample_bytes_ += r.get_view().size();
      ++sample_count_;
      return true;
    }
    case kStringTable: {
      Expect(r, pbf_wire_type::length_delimited);
      const protozero::data_view s = r.get_view();
      if (strings_.empty() && !s.empty()) throw Malformed("string_table[0] is not empty");
      strings_.push_back(builder_.AddString(absl::string_view(s.data(), s.size())));
      return true;
    }
    case kDropFrames:
      drop_frames_ = ReadInt(r);
      return true;
    case kKeepFrames:
      keep_frames_ = ReadInt(r);
      return true;
    case kTimeNanos:
      if (time_ns_ != 0) throw Malformed("this is several profiles, one behind the other");
      time_ns_ = ReadInt(r);
      return true;
    case kDurationNanos:
      duration_ns_ = ReadInt(r);
      return true;
    case kPeriodType:
      period_type_ = ReadType(ReadMessage(r));
      return true;
    case kPeriod:
      period_ = ReadInt(r);
      return true;
    case kComment:
      ReadVarints(r, comments_);
      return true;
    case kDefaultSampleType:
      default_sample_type_ = ReadInt(r);
      return true;
    case kDocUrl:
      doc_url_ = ReadInt(r);
      return true;
    default:
      return false;
  }
}

void PprofReader::ReadScalars() {
  Walk([this](uint32_t field, pbf_reader& r) { return ReadScalar(field, r); });
  if (strings_.empty()) throw Malformed("no string table");
}

void PprofReader::ResolveScalars() {
  std::vector<ValueType> types;
  types.reserve(sample_types_.size());
  for (const RawType& t : sample_types_) types.push_back({String(t.type), String(t.unit)});
  builder_.SetSampleTypes(types);
  // A location takes a byte and more of a sample, and so does each value: hostile counts
  // reserve no more than a multiple of the file.
  if (!types.empty()) {
    builder_.Reserve(std::min(sample_count_, sample_bytes_ / types.size()), sample_bytes_ / 2);
  }
  builder_.SetPeriod({String(period_type_.type), String(period_type_.unit)}, period_);
  builder_.SetTime(time_ns_, duration_ns_);
  builder_.SetDropKeepFrames(String(drop_frames_), String(keep_frames_));
  builder_.SetDefaultSampleType(String(default_sample_type_));
  builder_.SetDocUrl(String(doc_url_));
  for (const int64_t comment : comments_) builder_.AddComment(String(comment));
}

void PprofReader::ReadMapping(pbf_reader m) {
  uint64_t id = 0;
  Mapping mapping;
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        id = ReadUint(m);
        break;
      case 2:
        mapping.start = ReadUint(m);
        break;
      case 3:
        mapping.limit = ReadUint(m);
        break;
      case 4:
        mapping.offset = ReadUint(m);
        break;
      case 5:
        mapping.file = String(ReadInt(m));
        break;
      case 6:
        mapping.build_id = String(ReadInt(m));
        break;
      case 7:
        mapping.has_functions = ReadUint(m) != 0;
        break;
      case 8:
        mapping.has_filenames = ReadUint(m) != 0;
        break;
      case 9:
        mapping.has_line_numbers = ReadUint(m) != 0;
        break;
      case 10:
        mapping.has_inline_frames = ReadUint(m) != 0;
        break;
      default:
        m.skip();
    }
  }
  if (id == 0) throw Malformed("mapping has the reserved id 0");
  if (!mappings_.Insert(id, builder_.AddMapping(mapping))) {
    throw Malformed(absl::StrCat("two mappings have id ", id));
  }
}

void PprofReader::ReadFunction(pbf_reader m) {
  uint64_t id = 0;
  Function function;
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        id = ReadUint(m);
        break;
      case 2:
        function.name = String(ReadInt(m));
        break;
      case 3:
        function.system_name = String(ReadInt(m));
        break;
      case 4:
        function.filename = String(ReadInt(m));
        break;
      case 5:
        function.start_line = ReadInt(m);
        break;
      default:
        m.skip();
    }
  }
  if (id == 0) throw Malformed("function has the reserved id 0");
  if (!functions_.Insert(id, builder_.AddFunction(function))) {
    throw Malformed(absl::StrCat("two functions have id ", id));
  }
}

void PprofReader::ReadLocation(pbf_reader m) {
  uint64_t id = 0, mapping_id = 0, address = 0;
  bool is_folded = false;
  lines_.clear();
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        id = ReadUint(m);
        break;
      case 2:
        mapping_id = ReadUint(m);
        break;
      case 3:
        address = ReadUint(m);
        break;
      case 4: {
        pbf_reader l = ReadMessage(m);
        Line line;
        uint64_t function_id = 0;
        while (l.next()) {
          switch (l.tag()) {
            case 1:
              function_id = ReadUint(l);
              break;
            case 2:
              line.line = ReadInt(l);
              break;
            case 3:
              line.column = ReadInt(l);
              break;
            default:
              l.skip();
          }
        }
        line.function = functions_.Find(function_id);
        if (!line.function.valid()) {
          throw Malformed(absl::StrCat("location ", id, " refers to function ", function_id,
                                       ", which does not exist"));
        }
        lines_.push_back(line);
        break;
      }
      case 5:
        is_folded = ReadUint(m) != 0;
        break;
      default:
        m.skip();
    }
  }
  if (id == 0) throw Malformed("location has the reserved id 0");
  // As in pprof, a mapping that does not exist is an unknown one.
  const LocationId location =
      builder_.AddLocation(address, mappings_.Find(mapping_id), is_folded, lines_);
  if (!locations_.Insert(id, location)) {
    throw Malformed(absl::StrCat("two locations have id ", id));
  }
}

Label PprofReader::ReadLabel(pbf_reader m) {
  Label label{.key = StringId{0}};
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        label.key = String(ReadInt(m));
        break;
      case 2:
        label.str = String(ReadInt(m));
        break;
      case 3:
        label.num = ReadInt(m);
        break;
      case 4:
        label.num_unit = String(ReadInt(m));
        break;
      default:
        m.skip();
    }
  }
  return label;
}

void PprofReader::ReadSample(pbf_reader m) {
  location_ids_.clear();
  sample_values_.clear();
  labels_.clear();
  while (m.next()) {
    switch (m.tag()) {
      case 1:
        ReadVarints(m, location_ids_);
        break;
      case 2:
        ReadVarints(m, sample_values_);
        break;
      case 3: {
        const Label label = ReadLabel(ReadMessage(m));
        // pprof loses a label without string, number and unit; so do we.
        if (label.str.value != 0 || label.num != 0 || label.num_unit.value != 0) {
          labels_.push_back(label);
        }
        break;
      }
      default:
        m.skip();
    }
  }
  if (sample_types_.empty()) throw Malformed("there are samples but no sample types");
  if (sample_values_.size() != sample_types_.size()) {
    throw Malformed(absl::StrCat("sample has ", sample_values_.size(), " values for ",
                                 sample_types_.size(), " sample types"));
  }
  stack_.clear();
  stack_.reserve(location_ids_.size());
  for (const uint64_t id : location_ids_) {
    const LocationId location = locations_.Find(id);
    if (!location.valid()) {
      throw Malformed(absl::StrCat("sample refers to location ", id, ", which does not exist"));
    }
    stack_.push_back(location);
  }
  builder_.AddSample(builder_.AddStack(stack_), builder_.AddLabels(labels_), sample_values_);
  Tick();
}

absl::StatusOr<std::shared_ptr<const Profile>> PprofReader::Read() {
  const auto malformed = [this](absl::string_view why) {
    return absl::DataLossError(absl::StrCat("reading the profile: ", why, " (where: ", where_,
                                            ", byte offset ", offset_, ")"));
  };
  if (progress_ != nullptr) progress_->total.store(bytes_.size(), std::memory_order_relaxed);
  try {
    ReadScalars();
    ResolveScalars();
    Walk([this](uint32_t field, pbf_reader& r) {
      if (field == kMapping) return ReadMapping(ReadMessage(r)), true;
      if (field == kFunction) return ReadFunction(ReadMessage(r)), true;
      return false;
    });
    Walk([this](uint32_t field, pbf_reader& r) {
      if (field == kLocation) return ReadLocation(ReadMessage(r)), true;
      return false;
    });
    Walk([this](uint32_t field, pbf_reader& r) {
      if (field == kSample) return ReadSample(ReadMessage(r)), true;
      return false;
    });
  } catch (const Malformed& e) {
    return malformed(e.why);
  } catch (const protozero::varint_too_long_exception&) {
    return malformed("a number is longer than 64 bits");
  } catch (const protozero::end_of_buffer_exception&) {
    return malformed("a message ends too early");
  } catch (const protozero::exception&) {
    return malformed("this is not a protobuf message");
  } catch (const Cancelled&) {
    return absl::CancelledError("cancelled");
  }
  if (progress_ != nullptr) progress_->done.store(bytes_.size(), std::memory_order_relaxed);
  return builder_.Build();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Profile>> ReadPprof(absl::string_view bytes,
                                                         absl::string_view where,
                                                         Progress* progress) {
  return PprofReader(bytes, where, progress).Read();
}

}  // namespace tidemark::io
