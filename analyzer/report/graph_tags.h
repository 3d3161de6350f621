// The labels of the samples behind a node of a call graph: what a picture shows as boxes
// beside it. As in pprof, string labels, all those of a sample together, and of the numeric
// ones only "bytes".
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_GRAPH_TAGS_H_
#define TIDEMARK_ANALYZER_REPORT_GRAPH_TAGS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/report/call_graph.h"

namespace tidemark::report {

// How many boxes of each kind a node has at most.
inline constexpr size_t kMaxNodelets = 4;

struct Tag {
  // Numbers: as shown in the report's unit; those that look the same are one tag. Strings:
  // "key:value", sorted, as Graphviz wants them in quotes: on a line each.
  std::string name;
  int64_t value = 0;  // numbers: of the first sample
  std::string unit;
  Weight flat;
  Weight cum;
};

struct NodeTags {
  std::vector<Tag> labels;
  // By the name of the label that the samples have as well; "" for samples without one.
  std::map<std::string, std::vector<Tag>> numbers;

  size_t FlatCount() const;  // of all tags with flat weight
};

// [i]: of nodes[i], without tags whose weights are all below `cutoff`. Tags are in the order
// of the samples.
std::vector<NodeTags> CollectTags(const CallGraph& graph, absl::Span<const uint32_t> nodes,
                                  int64_t cutoff);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_GRAPH_TAGS_H_
