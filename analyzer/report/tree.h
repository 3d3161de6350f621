// Every node with its callers and its callees: pprof's -tree and -peek.
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TREE_H_
#define TIDEMARK_ANALYZER_REPORT_TREE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/report/call_graph.h"

namespace tidemark::report {

struct TreeReport {
  TrimmedGraph trimmed;
  std::vector<uint32_t> rows;  // nodes of the graph, in its order
};

// `selection` must outlive the report.
TreeReport Tree(const Selection& selection);

// Only the nodes whose name matches. kInvalidArgument when the regex does not compile,
// kNotFound when it matches none.
absl::StatusOr<TreeReport> Peek(const Selection& selection, const std::string& regex);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TREE_H_
