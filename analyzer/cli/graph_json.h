// Call graphs as JSON: tidemark.tree/1 and tidemark.peek/1.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_GRAPH_JSON_H_
#define TIDEMARK_ANALYZER_CLI_GRAPH_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/report/tree.h"

namespace tidemark::cli {

// Rows as top's, with their callers and callees, heaviest first.
std::string TreeJson(absl::string_view schema, const report::TreeReport& tree);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_GRAPH_JSON_H_
