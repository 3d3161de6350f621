#include "analyzer/cli/graph_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/report/dot.h"

namespace tidemark::cli {
namespace {

using report::CallEdge;
using report::CallGraph;

// dropped_edges are told of pictures only.
Trimmed TrimmedOf(const report::TrimmedGraph& trimmed, bool with_edges) {
  Trimmed result;
  for (const uint32_t node : trimmed.graph->nodes()) {
    result.shown_total = report::WrappingAdd(result.shown_total, trimmed.graph->flat(node).value());
  }
  result.shown_nodes = trimmed.graph->nodes().size();
  result.nodes = trimmed.nodes;
  result.dropped_nodes = trimmed.dropped_nodes;
  if (with_edges) result.dropped_edges = trimmed.dropped_edges;
  return result;
}

}  // namespace

std::string TreeText(const report::TreeReport& tree) {
  constexpr char kSeparator[] =
      "----------------------------------------------------------+-------------\n";
  const CallGraph& graph = *tree.trimmed.graph;
  const report::Selection& selection = graph.selection();
  const ValueFormat format = FormatFor(selection, report::ShownValues(graph));
  const int64_t total = selection.total();

  std::string out = absl::StrJoin(
      ReportLabels(selection, format, TrimmedOf(tree.trimmed, /*with_edges=*/false)), "\n");
  absl::StrAppend(&out, "\n", kSeparator,
                  "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n");
  int64_t flat_sum = 0;
  for (const uint32_t node : tree.rows) {
    const int64_t flat = graph.flat(node).value();
    const int64_t cum = graph.cum(node).value();
    // The sum, not the mean, even where the nodes have means.
    const auto add_edge = [&](const CallEdge& edge, uint32_t other) {
      absl::StrAppendFormat(&out, "%50s %s |   %s%s\n", format.Format(edge.weight.sum),
                            FormatPercent(edge.weight.sum, cum), graph.name(other),
                            edge.inlined ? " (inline)" : "");
    };
    out += kSeparator;
    for (const uint32_t id : graph.callers(node)) add_edge(graph.edge(id), graph.edge(id).caller);
    flat_sum = report::WrappingAdd(flat_sum, flat);
    absl::StrAppendFormat(&out, "%10s %s %s %10s %s                | %s\n", format.Format(flat),
                          FormatPercent(flat, total), FormatPercent(flat_sum, total),
                          format.Format(cum), FormatPercent(cum, total), graph.name(node));
    for (const uint32_t id : graph.callees(node)) add_edge(graph.edge(id), graph.edge(id).callee);
  }
  if (!graph.nodes().empty()) out += kSeparator;
  return out;
}

std::string DotText(const report::Selection& selection) {
  const report::TrimmedGraph trimmed = report::PictureGraph(selection);
  const ValueFormat format = FormatFor(selection, report::ShownValues(*trimmed.graph));
  std::vector<std::string> legend =
      ReportLabels(selection, format, TrimmedOf(trimmed, /*with_edges=*/true));
  legend.push_back("\nSee https://git.io/JfYMW for how to read the graph");
  return report::Dot(trimmed, legend, format);
}

}  // namespace tidemark::cli
