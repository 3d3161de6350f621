// The flame tree: stacks merged from the root, inlined frames included.
//
// Thread class: a free function over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_FLAME_H_
#define TIDEMARK_ANALYZER_REPORT_FLAME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

// Nodes in one vector, parents before children; node 0 is the root and has no name.
// children of n: nodes [first_child, first_child + child_count), largest value first (the
// base's value, then the name, decide between equals).
struct FlameNode {
  uint32_t name = 0;  // into FlameTree::names
  uint32_t parent = 0;
  uint32_t first_child = 0;
  uint32_t child_count = 0;
  uint32_t depth = 0;  // root 0
  int64_t value = 0;   // cumulative, in the newer profile
  int64_t self = 0;
  int64_t base_value = 0;  // cumulative, in the base; 0 without one
};

struct FlameTree {
  std::string sample_type;
  std::string unit;
  // names[0] is "" (the root's). Else the function with what the granularity adds ("f
  // file.cc:12"), or module+0xoffset where it is unknown.
  std::vector<std::string> names;
  std::vector<FlameNode> nodes;
  uint32_t max_depth = 0;
};

// `base` may be null. inverted: stacks merged from the leaf. Nodes of value 0 in both are
// left out. Errors as of Diff.
absl::StatusOr<FlameTree> Flame(const Profile& profile, const Profile* base, const Options& options,
                                bool inverted);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_FLAME_H_
