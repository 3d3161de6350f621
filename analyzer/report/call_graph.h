// Who calls whom, and with how much: nodes as in a table of rows, and an edge between two nodes
// for the calls between them. The rules are those of pprof's internal/graph; every report
// that shows callers or callees begins here.
//
// A graph has one node per NodeTable node. A tree (pprof's call_tree) has one per path from a
// root, so that several nodes share a NodeTable node. Walking the samples touches integers
// only, each stack once, however many samples it has.
//
// Thread class: one thread while it changes, any number of readers afterwards. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_CALL_GRAPH_H_
#define TIDEMARK_ANALYZER_REPORT_CALL_GRAPH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/tally.h"

namespace tidemark::report {

// The sums, which pprof compares and trims by; what it shows of them is Weight::value().
struct CallEdge {
  uint32_t caller = 0;  // nodes of the graph
  uint32_t callee = 0;
  Weight weight;          // once per sample, however often the call is in its stack
  bool residual = false;  // for some sample, nodes between the two are not in the graph
  bool inlined = true;    // every such call was inlined
};

class CallGraph {
 public:
  enum class Shape { kGraph, kTree };
  enum class Order {
    kFlat,     // by |flat|, then name, then |cum|
    kCum,      // by |cum|, then name, then |flat|
    kEntropy,  // by how much a picture would tell of the node
  };

  // Every node and edge. `selection` must remain live. modules: frames of different modules
  // are different nodes even when they have a function's name.
  CallGraph(const Selection& selection, Shape shape, bool modules);

  const Selection& selection() const { return selection_; }
  Shape shape() const { return shape_; }
  const NodeTable& table() const { return *table_; }

  // The nodes that a report shows, in its order. Edges may lead to others: to those whose
  // values cancel out, and to those that drop_negative took.
  const std::vector<uint32_t>& nodes() const { return nodes_; }
  size_t node_count() const { return keys_.size(); }  // of node ids
  // The NodeTable node: what the node is called.
  uint32_t key(uint32_t node) const { return keys_[node]; }
  std::string name(uint32_t node) const { return table_->PrintableName(keys_[node]); }
  const Weight& flat(uint32_t node) const { return flat_[node]; }
  const Weight& cum(uint32_t node) const { return cum_[node]; }
  // Of a tree, the parent in the whole of it; kNoNode for a root.
  uint32_t parent(uint32_t node) const { return parents_[node]; }
  const CallEdge& edge(uint32_t id) const { return edges_[id]; }

  // The edges to a node and from it, heaviest first, then by the names of caller and callee.
  // REQUIRES: after Arrange.
  absl::Span<const uint32_t> callers(uint32_t node) const { return in_.of(node); }
  absl::Span<const uint32_t> callees(uint32_t node) const { return out_.of(node); }

  // Counts again from the samples with these nodes only ([NodeTable node]): what is
  // between two of them becomes a residual edge. REQUIRES: a graph.
  void Rebuild(std::vector<bool> kept);
  // Takes nodes out of a tree ([node], kept or not); what they call is then called by their
  // nearest ancestor that is left. REQUIRES: a tree.
  void Splice(const std::vector<bool>& kept);
  // Takes away the edges to shown nodes with a |weight| below `cutoff`; returns how many.
  size_t DropSmallEdges(int64_t cutoff);
  // Takes away residual edges, lightest first, between nodes that are connected without them.
  // REQUIRES: after Arrange; the nodes are sorted.
  void DropRedundantEdges();
  void Sort(Order order);
  // Sorts the edges into callers() and callees().
  void Arrange();

  // Ids of `edges`, heaviest first, as callers() has them.
  void SortEdges(std::vector<uint32_t>* edges) const;

  // Calls visit(node) for each frame of a stack that is in the graph, as often as it is;
  // returns the node that has the stack's flat weight, or kNoNode. Splice changes nothing of
  // it. REQUIRES: the stack is of a sample that is counted.
  template <typename Visit>
  uint32_t Walk(StackId stack, Visit visit) const;

 private:
  // Lists of edges, one per node.
  class Lists {
   public:
    absl::Span<const uint32_t> of(uint32_t node) const {
      return absl::Span<const uint32_t>(edges_).subspan(begins_[node],
                                                        begins_[node + 1] - begins_[node]);
    }

   private:
    friend class CallGraph;
    std::vector<uint32_t> begins_;
    std::vector<uint32_t> edges_;
  };

  void CountGraph();
  void CountTree();
  void SelectNodes();
  uint32_t EdgeBetween(uint32_t caller, uint32_t callee);
  bool Redundant(uint32_t edge, std::vector<uint32_t>* seen, uint32_t mark) const;
  int64_t EntropyScore(uint32_t node) const;
  bool HeavierEdge(uint32_t a, uint32_t b) const;
  Lists ListsBy(uint32_t CallEdge::*end, bool sorted) const;
  void RankNames();

  const Selection& selection_;
  const Shape shape_;
  std::unique_ptr<NodeTable> table_;
  LocationNodes location_nodes_;
  Selection::PerStack stacks_;

  std::vector<uint32_t> keys_;  // [node]
  std::vector<Weight> flat_;    // [node]
  std::vector<Weight> cum_;     // [node]
  std::vector<bool> kept_;      // [NodeTable node]; empty: all
  std::vector<uint32_t> nodes_;
  std::vector<CallEdge> edges_;
  std::vector<bool> dropped_;  // [edge]
  Lists in_, out_;

  // Graphs. The edge that a callee was last reached by is mostly the one it is reached by
  // next; the map has the others, by caller and callee.
  struct LastEdge {
    uint32_t caller = kNoNode;
    uint32_t edge = 0;
  };
  std::vector<LastEdge> last_edges_;  // [callee]
  absl::flat_hash_map<uint64_t, uint32_t> edge_ids_;

  // Trees.
  std::vector<uint32_t> parents_;  // [node]; before its children
  std::vector<uint32_t> leaves_;   // [stack] kNoNode without one

  // [NodeTable node] Places in the order of all names: equal where PrintableName is, and
  // where FullName is.
  std::vector<uint32_t> name_ranks_, full_ranks_;
};

template <typename Visit>
uint32_t CallGraph::Walk(StackId stack, Visit visit) const {
  if (shape_ == Shape::kTree) {
    const uint32_t leaf = leaves_[stack.value];
    for (uint32_t node = leaf; node != kNoNode; node = parents_[node]) visit(node);
    return leaf;
  }
  const FilteredProfile& filtered = selection_.filtered();
  uint32_t leaf = kNoNode;
  const auto locations = filtered.stack(stack);
  for (size_t i = locations.size(); i-- > 0;) {
    if (filtered.hidden(locations[i])) continue;
    const auto nodes = location_nodes_.of(locations[i]);
    for (size_t n = nodes.size(); n-- > 0;) {
      const bool kept = kept_.empty() || kept_[nodes[n]];
      leaf = kept ? nodes[n] : kNoNode;
      if (kept) visit(nodes[n]);
    }
  }
  return leaf;
}

// Each shown node's flat value, or its cumulative one where flat is 0: what a report picks its
// unit by.
std::vector<int64_t> ShownValues(const CallGraph& graph);

// Go's int64(f) on amd64, which pprof's scores and cutoffs go through: the most negative number
// for what does not fit.
int64_t ToInt64(double f);

// How a report trims its graph.
struct GraphTrim {
  bool picture = false;  // nodes are chosen by entropy, tags count as nodes
  CallGraph::Shape shape = CallGraph::Shape::kGraph;
  bool modules = false;
};

struct TrimmedGraph {
  std::unique_ptr<CallGraph> graph;  // arranged
  int64_t tag_cutoff = 0;            // tags below it are not shown
  size_t nodes = 0;                  // after dropping, before node_count
  size_t dropped_nodes = 0;          // below node_fraction
  size_t dropped_edges = 0;          // below edge_fraction
};

// The graph that node_fraction, node_count and edge_fraction of the selection's options leave,
// sorted as sort_by_cum says (for a picture by entropy).
TrimmedGraph MakeTrimmedGraph(const Selection& selection, const GraphTrim& trim);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_CALL_GRAPH_H_
