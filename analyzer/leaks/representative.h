// What stands for a site where several kinds of blocks are allocated: its container and one of
// its stacks.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_REPRESENTATIVE_H_
#define TIDEMARK_ANALYZER_LEAKS_REPRESENTATIVE_H_

#include "absl/types/span.h"
#include "analyzer/model/annotations.h"
#include "analyzer/model/profile.h"

namespace tidemark::leaks {

// One of a site's stacks, with the bytes that speak for it.
struct StackBytes {
  StackId stack;
  double bytes = 0;
};

struct Representative {
  // The container that most of the site's bytes are in, if most are in one; but a collection
  // with its share of them stands before the strings, objects and plain blocks that it was given.
  ContainerId container;
  StackId stack;  // with the most bytes in that container; without one: in none
};

// Equal ones: the lower id, so that the answer follows from the profile alone. REQUIRES: `stacks`
// is not empty, each at most once.
Representative ChooseRepresentative(const Annotations& annotations,
                                    absl::Span<const StackBytes> stacks);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_REPRESENTATIVE_H_
