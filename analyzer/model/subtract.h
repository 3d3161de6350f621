// A profile minus another: pprof's -base and -diff_base (internal/driver/fetch.go).
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_MODEL_SUBTRACT_H_
#define TIDEMARK_ANALYZER_MODEL_SUBTRACT_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"

namespace tidemark {

struct SubtractOptions {
  // Marks the base's samples with the label pprof::base=true: a total is then the base's, and
  // equal samples of both stand side by side instead of cancelling.
  bool mark_base = false;
  // First multiplies each sample type of the profile so that its sum is the base's.
  bool normalize = false;
};

// The samples of `profile` and, negated, those of `base`, merged (merge.h). Errors as Merge's;
// normalizing also needs the same sample types in both.
absl::StatusOr<std::shared_ptr<const Profile>> Subtract(
    const std::shared_ptr<const Profile>& profile, const std::shared_ptr<const Profile>& base,
    const SubtractOptions& options);

// [label set] Whether its samples are a marked base's; empty when no set is.
std::vector<bool> BaseLabelSets(const Profile& profile);

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_MODEL_SUBTRACT_H_
