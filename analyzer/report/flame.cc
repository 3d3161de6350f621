#include "analyzer/report/flame.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/filter.h"
#include "analyzer/report/frame.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {
namespace {

// The merged stacks, as a tree in depth-first order (parents before children). Built from
// the sorted stacks: each shares a prefix with the one before, and what follows is new. That
// reads memory in order, where a hash table of (parent, frame) would miss the cache at each
// frame.
class Trie {
 public:
  struct Node {
    uint32_t frame = 0;  // node id of the NodeTable
    uint32_t parent = 0;
    int64_t value = 0;
    int64_t self = 0;
    int64_t base_value = 0;
  };

  const std::vector<Node>& nodes() const { return nodes_; }

  void Add(const FilteredProfile& profile, const LocationNodes& location_nodes,
           const std::vector<int64_t>& values, bool inverted, bool is_base) {
    for (uint32_t s = 0; s < values.size(); ++s) {
      if (values[s] == 0) continue;
      const size_t begin = frames_.size();
      for (const LocationId location : profile.stack(StackId{s})) {
        if (profile.hidden(location)) continue;
        const auto ids = location_nodes.of(location);
        frames_.insert(frames_.end(), ids.begin(), ids.end());
      }
      if (!inverted) std::reverse(frames_.begin() + static_cast<ptrdiff_t>(begin), frames_.end());
      stacks_.push_back({begin, frames_.size() - begin, values[s], is_base});
    }
  }

  // Call once, after everything was added.
  void Merge() {
    std::sort(stacks_.begin(), stacks_.end(), [this](const Stack& a, const Stack& b) {
      const auto x = FramesOf(a);
      const auto y = FramesOf(b);
      return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
    });
    nodes_.emplace_back();
    std::vector<uint32_t> path = {0};  // from the root to the node added last
    for (const Stack& stack : stacks_) {
      const auto frames = FramesOf(stack);
      size_t shared = 0;
      while (shared < frames.size() && shared + 1 < path.size() &&
             nodes_[path[shared + 1]].frame == frames[shared]) {
        ++shared;
      }
      path.resize(shared + 1);
      for (const uint32_t frame : frames.subspan(shared)) {
        nodes_.push_back({frame, path.back(), 0, 0, 0});
        path.push_back(static_cast<uint32_t>(nodes_.size() - 1));
      }
      Node& end = nodes_[path.back()];
      int64_t& sum = stack.is_base ? end.base_value : end.self;
      sum = WrappingAdd(sum, stack.value);
    }
    for (size_t i = nodes_.size(); i-- > 0;) {
      Node& node = nodes_[i];
      node.value = WrappingAdd(node.value, node.self);
      if (i == 0) break;
      Node& parent = nodes_[node.parent];
      parent.value = WrappingAdd(parent.value, node.value);
      parent.base_value = WrappingAdd(parent.base_value, node.base_value);
    }
  }

 private:
  struct Stack {
    size_t begin = 0;  // into frames_
    size_t count = 0;
    int64_t value = 0;
    bool is_base = false;
  };

  absl::Span<const uint32_t> FramesOf(const Stack& stack) const {
    return absl::Span<const uint32_t>(frames_).subspan(stack.begin, stack.count);
  }

  std::vector<uint32_t> frames_;  // outermost in the tree first
  std::vector<Stack> stacks_;
  std::vector<Node> nodes_;
};

// The children of each node that have a value, in one array.
class Children {
 public:
  explicit Children(const std::vector<Trie::Node>& nodes) : begins_(nodes.size() + 1, 0) {
    const auto shown = [&](uint32_t i) { return nodes[i].value != 0 || nodes[i].base_value != 0; };
    for (uint32_t i = 1; i < nodes.size(); ++i) begins_[nodes[i].parent + 1] += shown(i);
    for (size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    children_.resize(begins_.back());
    std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
    for (uint32_t i = 1; i < nodes.size(); ++i) {
      if (shown(i)) children_[next[nodes[i].parent]++] = i;
    }
  }

  absl::Span<uint32_t> of(uint32_t node) {
    return absl::Span<uint32_t>(children_).subspan(begins_[node],
                                                   begins_[node + 1] - begins_[node]);
  }

 private:
  std::vector<uint32_t> begins_;  // [node] + 1
  std::vector<uint32_t> children_;
};

// The names of frames, and their place in FlameTree::names.
class Names {
 public:
  Names(const NodeTable& table, FlameTree* tree)
      : table_(table), tree_(*tree), ids_(table.size(), 0) {
    tree_.names.push_back("");
  }

  // `offset` is used when the frame is not known by a name.
  uint32_t Of(uint32_t frame, uint64_t offset) {
    uint32_t& id = ids_[frame];
    if (id == 0) {
      id = static_cast<uint32_t>(tree_.names.size());
      tree_.names.push_back(Name(frame, offset));
    }
    return id;
  }

 private:
  std::string Name(uint32_t frame, uint64_t offset) const {
    const NodeKey& key = table_.key(frame);
    if (!key.function.empty() || !key.file.empty() || key.address == 0) {
      return table_.PrintableName(frame);
    }
    Frame unknown;
    unknown.module = std::string(key.module);
    unknown.address = key.address;
    unknown.module_offset = offset;
    return ToString(unknown);
  }

  const NodeTable& table_;
  FlameTree& tree_;
  std::vector<uint32_t> ids_;  // [frame]; 0: none yet
};

// Module offsets of the frames of one profile, for those that have no better name.
void CollectOffsets(const Profile& profile, const LocationNodes& nodes,
                    std::vector<std::optional<uint64_t>>* offsets) {
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    const Location& location = profile.location(LocationId{i});
    if (!location.mapping.valid()) continue;
    const uint64_t offset = ModuleOffset(profile.mapping(location.mapping), location.address);
    for (const uint32_t node : nodes.of(LocationId{i})) {
      if (!(*offsets)[node]) (*offsets)[node] = offset;
    }
  }
}

// Trie order to FlameTree order: breadth first, so that siblings stand together.
void Arrange(const Trie& trie, Names* names, const std::vector<std::optional<uint64_t>>& offsets,
             FlameTree* tree) {
  const std::vector<Trie::Node>& nodes = trie.nodes();
  Children children(nodes);
  const auto name_of = [&](uint32_t node) {
    const uint32_t frame = nodes[node].frame;
    return names->Of(frame, offsets[frame].value_or(0));
  };
  std::vector<uint32_t> origin = {0};  // FlameTree node -> trie node
  tree->nodes.push_back({0, 0, 0, 0, 0, nodes[0].value, nodes[0].self, nodes[0].base_value});
  for (uint32_t at = 0; at < origin.size(); ++at) {
    const absl::Span<uint32_t> below = children.of(origin[at]);
    for (const uint32_t child : below) name_of(child);  // before the sort compares them
    std::sort(below.begin(), below.end(), [&](uint32_t a, uint32_t b) {
      if (nodes[a].value != nodes[b].value) return nodes[a].value > nodes[b].value;
      if (nodes[a].base_value != nodes[b].base_value) {
        return nodes[a].base_value > nodes[b].base_value;
      }
      const int order = tree->names[name_of(a)].compare(tree->names[name_of(b)]);
      return order != 0 ? order < 0 : a < b;
    });
    tree->nodes[at].first_child = static_cast<uint32_t>(tree->nodes.size());
    tree->nodes[at].child_count = static_cast<uint32_t>(below.size());
    const uint32_t depth = tree->nodes[at].depth + 1;
    for (const uint32_t child : below) {
      const Trie::Node& n = nodes[child];
      tree->nodes.push_back({name_of(child), at, 0, 0, depth, n.value, n.self, n.base_value});
      origin.push_back(child);
      tree->max_depth = std::max(tree->max_depth, depth);
    }
  }
}

}  // namespace

absl::StatusOr<FlameTree> Flame(const Profile& profile, const Profile* base, const Options& options,
                                bool inverted) {
  Options sides = options;
  sides.mean = false;
  const auto side = Selection::Make(profile, sides);
  if (!side.ok()) return side.status();
  const auto values = [](const Selection& of) {
    return of.filtered().ValuesPerStack(static_cast<size_t>(of.sample_type()));
  };

  FlameTree tree;
  tree.sample_type = side->type_name();
  tree.unit = side->unit();

  NodeTable table(options, NodeTable::Unknown::kByAddress, /*rebase=*/true);
  Trie trie;
  const LocationNodes nodes = table.Add(side->filtered());
  trie.Add(side->filtered(), nodes, values(*side), inverted, /*is_base=*/false);
  std::vector<std::optional<uint64_t>> offsets(table.size());
  CollectOffsets(side->profile(), nodes, &offsets);
  std::optional<Selection> base_side;  // the table's keys point into its profile
  if (base != nullptr) {
    const auto base_index = MatchingSampleType(*base, profile, side->sample_type());
    if (!base_index.ok()) return base_index.status();
    sides.sample_index = absl::StrCat(*base_index);
    auto made = Selection::Make(*base, sides);
    if (!made.ok()) return made.status();
    base_side = *std::move(made);
    const LocationNodes base_nodes = table.Add(base_side->filtered());
    trie.Add(base_side->filtered(), base_nodes, values(*base_side), inverted, /*is_base=*/true);
    offsets.resize(table.size());
    CollectOffsets(base_side->profile(), base_nodes, &offsets);
  }
  trie.Merge();
  Names names(table, &tree);
  Arrange(trie, &names, offsets, &tree);
  return tree;
}

}  // namespace tidemark::report
