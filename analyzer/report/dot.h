// A call graph as a picture: a program for Graphviz, pprof's -dot.
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_DOT_H_
#define TIDEMARK_ANALYZER_REPORT_DOT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/base/units.h"
#include "analyzer/report/call_graph.h"

namespace tidemark::report {

// The graph of a picture: trimmed by what nodes tell, redundant edges gone; a tree if the
// options say call_tree. `selection` must outlive it.
TrimmedGraph PictureGraph(const Selection& selection);

// legend: lines of text for the box at the top; none without lines. format: of the graph's
// values.
std::string Dot(const TrimmedGraph& trimmed, const std::vector<std::string>& legend,
                const ValueFormat& format);

// What of a function's name a picture has room for: pprof's ShortenFunctionName ("Store.Put"
// without its Go, Java or C++ package).
std::string ShortFunctionName(absl::string_view name);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_DOT_H_
