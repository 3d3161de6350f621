#include "analyzer/report/tally.h"

namespace tidemark::report {

uint32_t LeafNode(const FilteredProfile& profile, const LocationNodes& nodes, StackId stack) {
  for (const LocationId location : profile.stack(stack)) {
    if (!profile.hidden(location)) return nodes.of(location).front();
  }
  return kNoNode;
}

Tally CountUp(const FilteredProfile& profile, const LocationNodes& nodes, size_t node_count,
              const std::vector<int64_t>& values) {
  Tally tally{std::vector<int64_t>(node_count, 0), std::vector<int64_t>(node_count, 0)};
  std::vector<uint32_t> seen_in(node_count, 0);  // stack + 1 that last visited the node
  for (uint32_t s = 0; s < values.size(); ++s) {
    const int64_t value = values[s];
    if (value == 0) continue;
    for (const LocationId location : profile.stack(StackId{s})) {
      if (profile.hidden(location)) continue;
      for (const uint32_t node : nodes.of(location)) {
        if (seen_in[node] == s + 1) continue;
        seen_in[node] = s + 1;
        tally.cum[node] = WrappingAdd(tally.cum[node], value);
      }
    }
    const uint32_t leaf = LeafNode(profile, nodes, StackId{s});
    if (leaf != kNoNode) tally.flat[leaf] = WrappingAdd(tally.flat[leaf], value);
  }
  return tally;
}

}  // namespace tidemark::report
