// A profile in memory: immutable, columnar, interned. Every report runs on integer
// ids; strings are touched only when something is shown.
//
// Shapes: tables are vectors indexed by the ids of analyzer/base/ids.h. Samples are
// columns of equal length: one stack, one label set, and one value per sample type.
// A stack is a run of locations, leaf first; a location is a run of lines, innermost
// inlined function first (pprof's order). Nothing here knows a file format.
//
// Thread class: a built Profile never changes, so any number of threads may read it.
// Build one with ProfileBuilder (profile_builder.h).

#ifndef TIDEMARK_ANALYZER_MODEL_PROFILE_H_
#define TIDEMARK_ANALYZER_MODEL_PROFILE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/base/ids.h"
#include "analyzer/model/annotations.h"

namespace tidemark {

struct ValueType {
  StringId type;  // "inuse_space"
  StringId unit;  // "bytes"
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

struct Mapping {
  uint64_t start = 0;  // run-time addresses [start, limit)
  uint64_t limit = 0;
  uint64_t offset = 0;  // of `start` in the file
  StringId file{0};
  StringId build_id{0};  // hex
  bool has_functions = false;
  bool has_filenames = false;
  bool has_line_numbers = false;
  bool has_inline_frames = false;
};

struct Function {
  StringId name{0};         // demangled when it was
  StringId system_name{0};  // as in the symbol table
  StringId filename{0};
  int64_t start_line = 0;  // 0: unknown
  friend bool operator==(const Function&, const Function&) = default;
};

struct Line {
  FunctionId function;  // may be invalid
  int64_t line = 0;     // 0: unknown
  int64_t column = 0;   // 0: unknown
  friend bool operator==(const Line&, const Line&) = default;
};

struct Location {
  uint64_t address = 0;
  MappingId mapping;  // may be invalid
  bool is_folded = false;
  uint32_t lines_begin = 0;  // into Profile's line table
  uint32_t lines_end = 0;
};

struct Label {
  StringId key;
  StringId str{0};  // empty: the label is numeric
  int64_t num = 0;
  StringId num_unit{0};
  friend bool operator==(const Label&, const Label&) = default;
};

class Profile {
 public:
  // Strings live as long as the profile.
  absl::string_view string(StringId id) const { return strings_[id.value]; }
  size_t string_count() const { return strings_.size(); }
  // The id of a string that is in the table, else an invalid id.
  StringId FindString(absl::string_view s) const;

  absl::Span<const Mapping> mappings() const { return mappings_; }
  absl::Span<const Function> functions() const { return functions_; }
  absl::Span<const Location> locations() const { return locations_; }
  const Mapping& mapping(MappingId id) const { return mappings_[id.value]; }
  const Function& function(FunctionId id) const { return functions_[id.value]; }
  const Location& location(LocationId id) const { return locations_[id.value]; }
  // Innermost inlined function first; empty when not symbolized.
  absl::Span<const Line> lines(LocationId id) const {
    const Location& l = locations_[id.value];
    return absl::Span<const Line>(lines_).subspan(l.lines_begin, l.lines_end - l.lines_begin);
  }

  size_t stack_count() const { return stack_begins_.size() - 1; }
  // Leaf first.
  absl::Span<const LocationId> stack(StackId id) const {
    return absl::Span<const LocationId>(stack_locations_)
        .subspan(stack_begins_[id.value], stack_begins_[id.value + 1] - stack_begins_[id.value]);
  }

  size_t label_set_count() const { return label_begins_.size() - 1; }
  absl::Span<const Label> labels(LabelSetId id) const {
    return absl::Span<const Label>(labels_).subspan(
        label_begins_[id.value], label_begins_[id.value + 1] - label_begins_[id.value]);
  }

  // Samples: columns of sample_count() entries.
  size_t sample_count() const { return sample_stacks_.size(); }
  absl::Span<const StackId> sample_stacks() const { return sample_stacks_; }
  absl::Span<const LabelSetId> sample_labels() const { return sample_labels_; }
  absl::Span<const ValueType> sample_types() const { return sample_types_; }
  absl::Span<const int64_t> values(size_t sample_type) const { return values_[sample_type]; }
  // Index of the sample type by exact name, else -1.
  int FindSampleType(absl::string_view type) const;
  // default_sample_type when it names one, else the last (pprof's rule).
  int default_sample_type_index() const;

  StringId default_sample_type() const { return default_sample_type_; }
  ValueType period_type() const { return period_type_; }
  int64_t period() const { return period_; }
  int64_t time_ns() const { return time_ns_; }          // since the epoch; 0: unknown
  int64_t duration_ns() const { return duration_ns_; }  // 0: unknown
  absl::Span<const StringId> comments() const { return comments_; }
  StringId drop_frames() const { return drop_frames_; }
  StringId keep_frames() const { return keep_frames_; }
  StringId doc_url() const { return doc_url_; }

  // What analyzer/classify found out; empty columns before it ran.
  const Annotations& annotations() const { return annotations_; }

 private:
  friend class ProfileBuilder;
  Profile() = default;

  std::vector<absl::string_view> strings_;  // into string_storage_
  std::shared_ptr<const void> string_storage_;
  std::vector<Mapping> mappings_;
  std::vector<Function> functions_;
  std::vector<Line> lines_;
  std::vector<Location> locations_;
  std::vector<uint32_t> stack_begins_;  // stack_count() + 1
  std::vector<LocationId> stack_locations_;
  std::vector<uint32_t> label_begins_;  // label_set_count() + 1
  std::vector<Label> labels_;
  std::vector<StackId> sample_stacks_;
  std::vector<LabelSetId> sample_labels_;
  std::vector<ValueType> sample_types_;
  std::vector<std::vector<int64_t>> values_;  // [sample type][sample]
  StringId default_sample_type_{0};
  ValueType period_type_{StringId{0}, StringId{0}};
  int64_t period_ = 0;
  int64_t time_ns_ = 0;
  int64_t duration_ns_ = 0;
  std::vector<StringId> comments_;
  StringId drop_frames_{0};
  StringId keep_frames_{0};
  StringId doc_url_{0};
  Annotations annotations_;
};

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_MODEL_PROFILE_H_
