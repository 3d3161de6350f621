// Several profiles into one, by pprof's rules (profile/merge.go).
//
// Thread class: pure function. May allocate.

#ifndef TIDEMARK_ANALYZER_MODEL_MERGE_H_
#define TIDEMARK_ANALYZER_MODEL_MERGE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"

namespace tidemark {

// The sample types are those that all profiles have, in the first one's order, in the
// finest unit of each. Mappings are the same when rounded size, offset, and build id (else
// file) are, wherever they were loaded; locations when their address within the mapping and
// their lines are. Samples with the same stack and labels are added up, those that are 0
// dropped. The period is the largest, the duration the sum, the time the earliest.
// Annotations are not merged. kInvalidArgument when there are no profiles, no common sample
// type, or different period types.
absl::StatusOr<std::shared_ptr<const Profile>> Merge(
    absl::Span<const std::shared_ptr<const Profile>> profiles);

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_MODEL_MERGE_H_
