// What can be known of sites whose containers left no frames: stripped or inlined away, or
// written by the program itself. All of it is marked as inferred.
//
// Thread class: free function; any thread. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_INFERENCE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_INFERENCE_H_

#include "absl/functional/function_ref.h"
#include "analyzer/model/annotations.h"
#include "analyzer/model/profile.h"

namespace tidemark::classify {

// Fills `annotations.container` of stacks that have none, by the sizes of all blocks that their
// site allocated; `intern` gives the id of a container. Evidence: blocks that went through
// realloc and blocks in geometric progression are a growing array; tables of pointers of the
// lengths that hash tables of known libraries have are one, and so are the equal small blocks that
// the same function makes; other equal small blocks that live on, too small for a tree's, are
// nodes of a list, where the program has no line numbers that would have shown their container.
// Where two explanations fit there is none. Does nothing for profiles that do not say the sizes
// of blocks (block_size.h).
void InferContainers(const Profile& profile, Annotations& annotations,
                     absl::FunctionRef<ContainerId(const Container&)> intern);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_INFERENCE_H_
