#include "analyzer/report/call_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "analyzer/report/graph_tags.h"

namespace tidemark::report {
namespace {

constexpr uint32_t kNoEdge = 0xffffffff;

uint64_t EdgeKey(uint32_t caller, uint32_t callee) { return uint64_t{caller} << 32 | callee; }

int64_t Magnitude(const Weight& weight) { return WrappingAbs(weight.sum); }

// -p log2(p): the information in an edge that has this part of a node's weight.
double Information(int64_t part, int64_t total) {
  const double p = static_cast<double>(WrappingAbs(part)) / static_cast<double>(total);
  return -p * std::log2(p);
}

}  // namespace

int64_t ToInt64(double f) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(f >= -kLimit && f < kLimit)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(f);
}

std::vector<int64_t> ShownValues(const CallGraph& graph) {
  std::vector<int64_t> values;
  values.reserve(graph.nodes().size());
  for (const uint32_t node : graph.nodes()) {
    const int64_t flat = graph.flat(node).value();
    values.push_back(flat != 0 ? flat : graph.cum(node).value());
  }
  return values;
}

CallGraph::CallGraph(const Selection& selection, Shape shape, bool modules)
    : selection_(selection),
      shape_(shape),
      table_(std::make_unique<NodeTable>(selection.options(), NodeTable::Unknown::kByModule,
                                         /*rebase=*/false, modules)),
      location_nodes_(table_->Add(selection.filtered())),
      stacks_(selection.WeightsPerStack()) {
  if (shape_ == Shape::kTree) {
    CountTree();
  } else {
    keys_.resize(table_->size());
    std::iota(keys_.begin(), keys_.end(), 0);
    CountGraph();
  }
}

uint32_t CallGraph::EdgeBetween(uint32_t caller, uint32_t callee) {
  LastEdge& last = last_edges_[callee];
  if (last.caller == caller) return last.edge;
  const auto [it, inserted] =
      edge_ids_.try_emplace(EdgeKey(caller, callee), static_cast<uint32_t>(edges_.size()));
  if (inserted) edges_.push_back({caller, callee, {}});
  last = {caller, it->second};
  return it->second;
}

void CallGraph::CountGraph() {
  const FilteredProfile& filtered = selection_.filtered();
  const size_t count = keys_.size();
  flat_.assign(count, {});
  cum_.assign(count, {});
  edges_.clear();
  edge_ids_.clear();
  last_edges_.assign(count, {});
  std::vector<uint32_t> node_seen_in(count, 0);  // stack + 1 that last visited the node
  std::vector<uint32_t> edge_seen_in;
  for (uint32_t s = 0; s < stacks_.weights.size(); ++s) {
    if (!stacks_.present[s]) continue;
    const Weight weight = stacks_.weights[s];
    uint32_t caller = kNoNode;
    bool residual = false;  // nodes between `caller` and the next one are not kept
    const auto locations = filtered.stack(StackId{s});
    for (size_t i = locations.size(); i-- > 0;) {
      if (filtered.hidden(locations[i])) continue;
      const auto nodes = location_nodes_.of(locations[i]);
      for (size_t n = nodes.size(); n-- > 0;) {
        const uint32_t node = nodes[n];
        if (!kept_.empty() && !kept_[node]) {
          residual = true;
          continue;
        }
        if (node_seen_in[node] != s + 1) {
          node_seen_in[node] = s + 1;
          cum_[node] += weight;
        }
        if (caller != kNoNode && caller != node) {
          const uint32_t id = EdgeBetween(caller, node);
          if (id >= edge_seen_in.size()) edge_seen_in.resize(id + 1, 0);
          if (edge_seen_in[id] != s + 1) {
            edge_seen_in[id] = s + 1;
            CallEdge& edge = edges_[id];
            edge.weight += weight;
            edge.residual |= residual;
            edge.inlined &= n + 1 != nodes.size();
          }
        }
        caller = node;
        residual = false;
      }
    }
    if (caller != kNoNode && !residual) flat_[caller] += weight;
  }
  dropped_.assign(edges_.size(), false);
  SelectNodes();
}

void CallGraph::CountTree() {
  const FilteredProfile& filtered = selection_.filtered();
  leaves_.assign(stacks_.weights.size(), kNoNode);
  absl::flat_hash_map<uint64_t, uint32_t> children;  // by parent and NodeTable node
  std::vector<bool> inlined;
  std::vector<uint32_t> path;  // of the previous stack: neighbours share most of theirs
  for (uint32_t s = 0; s < stacks_.weights.size(); ++s) {
    if (!stacks_.present[s]) continue;
    size_t depth = 0;
    bool shared = true;
    uint32_t parent = kNoNode;
    const auto locations = filtered.stack(StackId{s});
    for (size_t i = locations.size(); i-- > 0;) {
      if (filtered.hidden(locations[i])) continue;
      const auto keys = location_nodes_.of(locations[i]);
      for (size_t n = keys.size(); n-- > 0; ++depth) {
        shared = shared && depth < path.size() && keys_[path[depth]] == keys[n];
        if (!shared) {
          const auto [it, inserted] =
              children.try_emplace(EdgeKey(parent, keys[n]), static_cast<uint32_t>(keys_.size()));
          if (inserted) {
            keys_.push_back(keys[n]);
            parents_.push_back(parent);
            cum_.emplace_back();
            flat_.emplace_back();
            inlined.push_back(true);
          }
          path.resize(depth);
          path.push_back(it->second);
        }
        const uint32_t node = path[depth];
        cum_[node] += stacks_.weights[s];
        if (n + 1 == keys.size()) inlined[node] = false;
        parent = node;
      }
    }
    path.resize(depth);
    leaves_[s] = parent;
    if (parent != kNoNode) flat_[parent] += stacks_.weights[s];
  }
  // A node's one caller calls it whenever it is there: node and edge weigh the same.
  for (uint32_t node = 0; node < keys_.size(); ++node) {
    if (parents_[node] == kNoNode) continue;
    edges_.push_back({parents_[node], node, cum_[node], /*residual=*/false, inlined[node]});
  }
  dropped_.assign(edges_.size(), false);
  SelectNodes();
}

void CallGraph::SelectNodes() {
  nodes_.clear();
  const bool drop_negative = selection_.options().drop_negative;
  for (uint32_t node = 0; node < keys_.size(); ++node) {
    const int64_t flat = flat_[node].sum;
    const int64_t cum = cum_[node].sum;
    if (flat == 0 && cum == 0) continue;
    if (drop_negative && (flat < 0 || (flat == 0 && cum < 0))) continue;
    nodes_.push_back(node);
  }
}

void CallGraph::Rebuild(std::vector<bool> kept) {
  kept_ = std::move(kept);
  CountGraph();
}

void CallGraph::Splice(const std::vector<bool>& kept) {
  std::vector<bool> taken(keys_.size(), false);
  for (const uint32_t node : nodes_) taken[node] = !kept[node];
  std::vector<uint32_t> edge_to(keys_.size(), kNoEdge);
  for (uint32_t id = 0; id < edges_.size(); ++id) {
    if (!dropped_[id]) edge_to[edges_[id].callee] = id;
  }
  // Parents come before their children, so that a parent's own caller is final.
  for (uint32_t node = 0; node < keys_.size(); ++node) {
    if (edge_to[node] == kNoEdge) continue;
    CallEdge& edge = edges_[edge_to[node]];
    if (!taken[edge.caller]) continue;
    const uint32_t above = edge_to[edge.caller];
    if (above == kNoEdge) {
      dropped_[edge_to[node]] = true;
      edge_to[node] = kNoEdge;
    } else {
      edge.caller = edges_[above].caller;
      edge.residual = true;
      edge.inlined &= edges_[above].inlined;
    }
  }
  for (uint32_t node = 0; node < keys_.size(); ++node) {
    if (taken[node] && edge_to[node] != kNoEdge) dropped_[edge_to[node]] = true;
  }
  std::erase_if(nodes_, [&](uint32_t node) { return taken[node]; });
}

size_t CallGraph::DropSmallEdges(int64_t cutoff) {
  std::vector<bool> shown(keys_.size(), false);
  for (const uint32_t node : nodes_) shown[node] = true;
  size_t count = 0;
  for (uint32_t id = 0; id < edges_.size(); ++id) {
    if (dropped_[id] || !shown[edges_[id].callee] || Magnitude(edges_[id].weight) >= cutoff) {
      continue;
    }
    dropped_[id] = true;
    ++count;
  }
  return count;
}

void CallGraph::DropRedundantEdges() {
  std::vector<uint32_t> seen(keys_.size(), 0);
  uint32_t mark = 0;
  for (size_t i = nodes_.size(); i-- > 0;) {
    const auto edges = callers(nodes_[i]);
    for (size_t e = edges.size(); e-- > 0;) {
      // Nothing heavier than an edge that stays is taken away.
      if (!edges_[edges[e]].residual) break;
      if (Redundant(edges[e], &seen, ++mark)) dropped_[edges[e]] = true;
    }
  }
  Arrange();
}

// Whether another way leads from the edge's caller to its callee. `seen` holds the last mark
// that reached a node.
bool CallGraph::Redundant(uint32_t edge, std::vector<uint32_t>* seen, uint32_t mark) const {
  const uint32_t wanted = edges_[edge].caller;
  std::vector<uint32_t> reached = {edges_[edge].callee};
  (*seen)[reached[0]] = mark;
  for (size_t next = 0; next < reached.size(); ++next) {
    for (const uint32_t in : callers(reached[next])) {
      const uint32_t from = edges_[in].caller;
      if (in == edge || dropped_[in] || (*seen)[from] == mark) continue;
      if (from == wanted) return true;
      (*seen)[from] = mark;
      reached.push_back(from);
    }
  }
  return false;
}

// Nodes that merely pass on what they get tell little: a node scores with the entropy of
// where its weight comes from and of where it goes.
int64_t CallGraph::EntropyScore(uint32_t node) const {
  const auto entropy = [this](absl::Span<const uint32_t> edges, int64_t self) {
    int64_t total = self;
    for (const uint32_t id : edges) {
      const int64_t weight = edges_[id].weight.sum;
      if (weight > 0) total = WrappingAdd(total, weight);
    }
    double score = 0;
    if (total == 0) return score;
    for (const uint32_t id : edges) score += Information(edges_[id].weight.sum, total);
    if (self > 0) score += Information(self, total);
    return score;
  };
  const int64_t flat = flat_[node].sum;
  double score = in_.of(node).empty() ? 1 : entropy(in_.of(node), 0);
  score += out_.of(node).empty() ? 1 : entropy(out_.of(node), flat);
  return WrappingAdd(ToInt64(score * static_cast<double>(cum_[node].sum)), flat);
}

void CallGraph::RankNames() {
  if (!name_ranks_.empty()) return;
  std::vector<std::pair<std::string, uint32_t>> names(table_->size());
  for (uint32_t key = 0; key < names.size(); ++key) names[key] = {table_->PrintableName(key), key};
  std::sort(names.begin(), names.end());
  name_ranks_.resize(names.size());
  full_ranks_.resize(names.size());
  for (size_t begin = 0; begin < names.size();) {
    size_t end = begin + 1;
    while (end < names.size() && names[end].first == names[begin].first) ++end;
    if (end - begin > 1) {
      std::sort(names.begin() + static_cast<ptrdiff_t>(begin),
                names.begin() + static_cast<ptrdiff_t>(end), [this](const auto& a, const auto& b) {
                  return table_->FullName(a.second) < table_->FullName(b.second);
                });
    }
    for (size_t i = begin; i < end; ++i) {
      name_ranks_[names[i].second] = static_cast<uint32_t>(begin);
      full_ranks_[names[i].second] = static_cast<uint32_t>(i);
    }
    begin = end;
  }
}

void CallGraph::Sort(Order order) {
  RankNames();
  if (order == Order::kEntropy) {
    in_ = ListsBy(&CallEdge::callee, /*sorted=*/false);
    out_ = ListsBy(&CallEdge::caller, /*sorted=*/false);
  }
  struct Entry {
    int64_t score, second;
    uint32_t name, full_name, node;
  };
  std::vector<Entry> entries;
  entries.reserve(nodes_.size());
  for (const uint32_t node : nodes_) {
    const int64_t flat = flat_[node].sum;
    const int64_t cum = cum_[node].sum;
    int64_t score = flat;
    if (order == Order::kCum) score = cum;
    if (order == Order::kEntropy) score = EntropyScore(node);
    entries.push_back({WrappingAbs(score), WrappingAbs(order == Order::kFlat ? cum : flat),
                       name_ranks_[keys_[node]], full_ranks_[keys_[node]], node});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.name != b.name) return a.name < b.name;
    if (a.second != b.second) return a.second > b.second;
    if (a.full_name != b.full_name) return a.full_name < b.full_name;
    return a.node < b.node;
  });
  for (size_t i = 0; i < entries.size(); ++i) nodes_[i] = entries[i].node;
}

bool CallGraph::HeavierEdge(uint32_t a, uint32_t b) const {
  const CallEdge& left = edges_[a];
  const CallEdge& right = edges_[b];
  if (Magnitude(left.weight) != Magnitude(right.weight)) {
    return Magnitude(left.weight) > Magnitude(right.weight);
  }
  // From here on until the names pprof's order is chance.
  if (left.weight.sum != right.weight.sum) return left.weight.sum > right.weight.sum;
  const uint32_t left_caller = name_ranks_[keys_[left.caller]];
  const uint32_t right_caller = name_ranks_[keys_[right.caller]];
  if (left_caller != right_caller) return left_caller < right_caller;
  const uint32_t left_callee = name_ranks_[keys_[left.callee]];
  const uint32_t right_callee = name_ranks_[keys_[right.callee]];
  if (left_callee != right_callee) return left_callee < right_callee;
  return a < b;
}

void CallGraph::SortEdges(std::vector<uint32_t>* edges) const {
  std::sort(edges->begin(), edges->end(),
            [this](uint32_t a, uint32_t b) { return HeavierEdge(a, b); });
}

CallGraph::Lists CallGraph::ListsBy(uint32_t CallEdge::*end, bool sorted) const {
  Lists lists;
  lists.begins_.assign(keys_.size() + 1, 0);
  for (size_t id = 0; id < edges_.size(); ++id) {
    if (!dropped_[id]) ++lists.begins_[edges_[id].*end + 1];
  }
  std::partial_sum(lists.begins_.begin(), lists.begins_.end(), lists.begins_.begin());
  lists.edges_.resize(lists.begins_.back());
  std::vector<uint32_t> next(lists.begins_.begin(), lists.begins_.end() - 1);
  for (uint32_t id = 0; id < edges_.size(); ++id) {
    if (!dropped_[id]) lists.edges_[next[edges_[id].*end]++] = id;
  }
  if (!sorted) return lists;
  for (size_t node = 0; node < keys_.size(); ++node) {
    std::sort(lists.edges_.begin() + lists.begins_[node],
              lists.edges_.begin() + lists.begins_[node + 1],
              [this](uint32_t a, uint32_t b) { return HeavierEdge(a, b); });
  }
  return lists;
}

void CallGraph::Arrange() {
  RankNames();
  in_ = ListsBy(&CallEdge::callee, /*sorted=*/true);
  out_ = ListsBy(&CallEdge::caller, /*sorted=*/true);
}

namespace {

// How many of the sorted nodes fit in a picture of `node_count`, where tags take the place of
// nodes.
size_t RoomFor(const CallGraph& graph, size_t node_count, int64_t tag_cutoff) {
  const auto first = absl::MakeConstSpan(graph.nodes()).subspan(0, node_count);
  const std::vector<NodeTags> tags = CollectTags(graph, first, tag_cutoff);
  size_t count = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    count += std::min(tags[i].FlatCount(), kMaxNodelets) + 1;
    if (count >= node_count) return i + 1;
  }
  return first.size();
}

}  // namespace

TrimmedGraph MakeTrimmedGraph(const Selection& selection, const GraphTrim& trim) {
  const Options& options = selection.options();
  const bool tree = trim.shape == CallGraph::Shape::kTree;
  TrimmedGraph trimmed;
  trimmed.graph = std::make_unique<CallGraph>(selection, trim.shape, trim.modules);
  CallGraph& graph = *trimmed.graph;

  const auto keep = [&](auto begin, auto end) {
    std::vector<bool> kept(tree ? graph.node_count() : graph.table().size(), false);
    for (; begin != end; ++begin) kept[tree ? *begin : graph.key(*begin)] = true;
    if (tree) {
      graph.Splice(kept);
    } else {
      graph.Rebuild(std::move(kept));
    }
  };

  int64_t total = 0;
  for (const uint32_t node : graph.nodes()) total = WrappingAdd(total, graph.flat(node).sum);
  const auto cutoff = [total](double fraction) {
    return WrappingAbs(ToInt64(static_cast<double>(total) * fraction));
  };
  const int64_t node_cutoff = cutoff(options.node_fraction);
  const int64_t edge_cutoff = cutoff(options.edge_fraction);
  trimmed.tag_cutoff = node_cutoff;
  if (node_cutoff > 0) {
    std::vector<uint32_t> large = graph.nodes();
    std::erase_if(large, [&](uint32_t n) { return Magnitude(graph.cum(n)) < node_cutoff; });
    trimmed.dropped_nodes = graph.nodes().size() - large.size();
    if (trimmed.dropped_nodes > 0) keep(large.begin(), large.end());
  }
  trimmed.nodes = graph.nodes().size();

  auto order = options.sort_by_cum ? CallGraph::Order::kCum : CallGraph::Order::kFlat;
  if (trim.picture) order = CallGraph::Order::kEntropy;
  graph.Sort(order);
  if (options.node_count > 0) {
    // Small edges would have a say in which nodes are redundant otherwise.
    graph.DropSmallEdges(edge_cutoff);
    const auto node_count = static_cast<size_t>(options.node_count);
    const size_t room = trim.picture ? RoomFor(graph, node_count, node_cutoff)
                                     : std::min(graph.nodes().size(), node_count);
    if (room < graph.nodes().size()) {
      const std::vector<uint32_t> sorted = graph.nodes();
      keep(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(room));
      graph.Sort(order);
    }
  }
  // Only what this step takes is counted: after a node_count that took nothing, it is 0.
  trimmed.dropped_edges = graph.DropSmallEdges(edge_cutoff);
  graph.Arrange();
  if (trim.picture) graph.DropRedundantEdges();
  return trimmed;
}

}  // namespace tidemark::report
