// Builds Profiles: interns strings, functions, locations, stacks and label sets, and
// refuses what does not fit together.
//
// Thread class: one builder, one thread. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_MODEL_PROFILE_BUILDER_H_
#define TIDEMARK_ANALYZER_MODEL_PROFILE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"

namespace tidemark {

class ProfileBuilder {
 public:
  ProfileBuilder();
  // Starts from a copy of everything in `base` except its samples' annotations; ids
  // of `base` stay valid. Used by passes that replace one part (symbolize, classify).
  explicit ProfileBuilder(const Profile& base);
  // The same without the samples and stacks, for passes that make others (LabelSetIds of
  // `base` stay valid too).
  enum class Keep { kTables };
  ProfileBuilder(const Profile& base, Keep keep);
  ~ProfileBuilder();

  StringId AddString(absl::string_view s);
  MappingId AddMapping(const Mapping& m);     // not interned
  FunctionId AddFunction(const Function& f);  // interned
  // Not interned: each call makes a location, as each pprof location is one.
  LocationId AddLocation(uint64_t address, MappingId mapping, bool is_folded,
                         absl::Span<const Line> lines);
  StackId AddStack(absl::Span<const LocationId> leaf_first);  // interned
  LabelSetId AddLabels(absl::Span<const Label> labels);       // interned; order kept

  // REQUIRES: called before the first AddSample.
  void SetSampleTypes(absl::Span<const ValueType> types);
  // Room for this many, so that growing copies nothing. REQUIRES: after SetSampleTypes.
  void Reserve(size_t samples, size_t stack_locations);
  // REQUIRES: values.size() == number of sample types.
  void AddSample(StackId stack, LabelSetId labels, absl::Span<const int64_t> values);

  void SetDefaultSampleType(StringId id);
  void SetPeriod(ValueType type, int64_t period);
  void SetTime(int64_t time_ns, int64_t duration_ns);
  void AddComment(StringId id);
  void SetDropKeepFrames(StringId drop, StringId keep);
  void SetDocUrl(StringId id);

  // Replaces a location's lines and its mapping's has_* flags (symbolization).
  void SetLines(LocationId id, absl::Span<const Line> lines);
  Mapping& mapping(MappingId id);
  void SetAnnotations(Annotations annotations);

  // kDataLoss when an id points outside its table. The builder is empty afterwards.
  absl::StatusOr<std::shared_ptr<const Profile>> Build();

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_MODEL_PROFILE_BUILDER_H_
