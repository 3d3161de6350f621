// Call graphs as text for people, in pprof's layout.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_GRAPH_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_GRAPH_TEXT_H_

#include <string>

#include "analyzer/report/selection.h"
#include "analyzer/report/tree.h"

namespace tidemark::cli {

// Each row with its callers above and its callees below.
std::string TreeText(const report::TreeReport& tree);
// The picture's program for Graphviz, with the lines above a report as its legend.
std::string DotText(const report::Selection& selection);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_GRAPH_TEXT_H_
