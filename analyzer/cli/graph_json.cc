#include "analyzer/cli/graph_json.h"

#include <utility>

#include "analyzer/cli/json_writer.h"

namespace tidemark::cli {
namespace {

using report::CallGraph;

// The granularity's columns of a node.
Json RowOf(const CallGraph& graph, uint32_t node) {
  struct {
    std::string function, file;
    int64_t line = 0;
    uint64_t address = 0;
  } row;
  graph.table().FillRow(graph.key(node), &row);
  Json json = NodeJson(row.function, row.file, row.line, row.address);
  if (graph.selection().options().show_columns) {
    json["column"] = NumberOrNull(graph.table().key(graph.key(node)).column);
  }
  return json;
}

Json EdgesOf(const CallGraph& graph, absl::Span<const uint32_t> edges,
             uint32_t report::CallEdge::*end) {
  Json list = Json::array();
  for (const uint32_t id : edges) {
    const report::CallEdge& edge = graph.edge(id);
    Json json = RowOf(graph, edge.*end);
    json["value"] = ValueJson(graph.selection().options(), edge.weight);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::string TreeJson(absl::string_view schema, const report::TreeReport& tree) {
  const CallGraph& graph = *tree.trimmed.graph;
  const report::Options& options = graph.selection().options();
  Json rows = Json::array();
  for (const uint32_t node : tree.rows) {
    Json row = RowOf(graph, node);
    row["flat"] = ValueJson(options, graph.flat(node));
    row["cum"] = ValueJson(options, graph.cum(node));
    row["callers"] = EdgesOf(graph, graph.callers(node), &report::CallEdge::caller);
    row["callees"] = EdgesOf(graph, graph.callees(node), &report::CallEdge::callee);
    rows.push_back(std::move(row));
  }
  Json document = DocumentHead(schema, graph.selection());
  document["rows"] = std::move(rows);
  return DumpDocument(document);
}

}  // namespace tidemark::cli
