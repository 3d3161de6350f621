// Stacks as a person reads them: one frame for a container, whatever its library calls inside.
//
// Thread class: free function; any thread. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_FOLD_H_
#define TIDEMARK_ANALYZER_CLASSIFY_FOLD_H_

#include <memory>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"

namespace tidemark::classify {

struct FoldOptions {
  // Whether a container that is only inferred gets a frame. Not where two profiles are
  // compared: what the one is enough to infer from need not be in the other.
  bool inferred = true;
};

// The profile with, in each stack, one frame in place of those below the site: the container's
// badge in brackets ("[map<string, Session>]"), or the outermost allocation wrapper where no
// container is known. Rows keep their order, values and labels, also where two have the same
// stack now; annotations keep naming site and container, the first of each stack's. Frames have
// other depths than the recorder saw: not for what reads `outlives`.
// kInvalidArgument when the profile was not classified.
absl::StatusOr<std::shared_ptr<const Profile>> FoldContainers(
    const std::shared_ptr<const Profile>& profile, const FoldOptions& options = {});

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_FOLD_H_
