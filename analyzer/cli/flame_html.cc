#include "analyzer/cli/flame_html.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "analyzer/cli/flame_page.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/report/filter.h"

namespace tidemark::cli {
namespace {

using report::FlameNode;
using report::FlameTree;

uint64_t Size(int64_t value) {
  return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

// How much of the picture each node takes, or any below it: with negative values a small node
// may have large ones below.
std::vector<uint64_t> Extents(const FlameTree& tree) {
  std::vector<uint64_t> extents(tree.nodes.size());
  for (size_t i = tree.nodes.size(); i-- > 0;) {
    const FlameNode& node = tree.nodes[i];
    extents[i] = std::max({extents[i], Size(node.value), Size(node.base_value)});
    if (i > 0) extents[node.parent] = std::max(extents[node.parent], extents[i]);
  }
  return extents;
}

// The extent that at most `count` nodes have.
uint64_t ThresholdFor(std::vector<uint64_t> extents, size_t count) {
  if (extents.size() <= count) return 0;
  const auto nth = extents.begin() + static_cast<ptrdiff_t>(count);
  std::nth_element(extents.begin(), nth, extents.end(), std::greater<>());
  return *nth + 1;
}

// Numbers of the frames' names on the page, in the order they are first used. 0 is the root's,
// and that of frames that stand for several.
class PageNames {
 public:
  PageNames() : names_(Json::array({""})) {}
  void StartTree(const FlameTree& tree) {
    tree_ = &tree;
    ids_.assign(tree.names.size(), 0);
  }
  size_t IdOf(uint32_t name) {
    if (name == 0) return 0;
    if (ids_[name] == 0) {
      const std::string& text = tree_->names[name];
      const auto [it, inserted] = known_.try_emplace(text, names_.size());
      if (inserted) names_.push_back(text);
      ids_[name] = it->second;
    }
    return ids_[name];
  }
  Json Take() { return std::move(names_); }

 private:
  const FlameTree* tree_ = nullptr;
  std::vector<size_t> ids_;  // of tree_'s names
  absl::flat_hash_map<std::string, size_t> known_;
  Json names_;
};

// The frames of one tree in depth-first order, as arrays.
class TreeJson {
 public:
  TreeJson(const FlameTree& tree, size_t frames, bool diff, PageNames* names)
      : tree_(tree), diff_(diff), names_(*names), extents_(Extents(tree)) {
    threshold_ = ThresholdFor(extents_, frames);
    names_.StartTree(tree);
  }

  Json Make() {
    std::vector<uint32_t> todo;
    if (!tree_.nodes.empty()) todo.push_back(0);
    while (!todo.empty()) {
      const uint32_t i = todo.back();
      todo.pop_back();
      const FlameNode& node = tree_.nodes[i];
      Push(names_.IdOf(node.name), node.depth, node.value, node.base_value);
      AddChildren(node, &todo);
    }
    Json json{{"name", tree_.sample_type},
              {"unit", tree_.unit},
              {"total", tree_.nodes.empty() ? 0 : tree_.nodes.front().value},
              {"base", tree_.nodes.empty() ? 0 : tree_.nodes.front().base_value},
              {"omitted", omitted_},
              {"below", threshold_},
              {"frames", std::move(frames_)},
              {"depths", std::move(depths_)},
              {"values", std::move(values_)}};
    if (diff_) json["bases"] = std::move(bases_);
    return json;
  }

 private:
  void Push(size_t name, uint32_t depth, int64_t value, int64_t base) {
    frames_.push_back(name);
    depths_.push_back(depth);
    values_.push_back(value);
    if (diff_) bases_.push_back(base);
  }

  void AddChildren(const FlameNode& node, std::vector<uint32_t>* todo) {
    int64_t value = 0, base = 0;
    for (uint32_t c = node.first_child; c < node.first_child + node.child_count; ++c) {
      if (extents_[c] >= threshold_) continue;
      value = report::WrappingAdd(value, tree_.nodes[c].value);
      base = report::WrappingAdd(base, tree_.nodes[c].base_value);
      omitted_ += Below(c);
    }
    // A frame without frames below may come before its siblings.
    if (value != 0 || base != 0) Push(0, node.depth + 1, value, base);
    for (uint32_t c = node.first_child + node.child_count; c-- > node.first_child;) {
      if (extents_[c] >= threshold_) todo->push_back(c);
    }
  }

  // Nodes of the subtree.
  size_t Below(uint32_t root) const {
    size_t count = 0;
    std::vector<uint32_t> todo = {root};
    while (!todo.empty()) {
      const FlameNode& node = tree_.nodes[todo.back()];
      todo.pop_back();
      ++count;
      for (uint32_t c = 0; c < node.child_count; ++c) todo.push_back(node.first_child + c);
    }
    return count;
  }

  const FlameTree& tree_;
  const bool diff_;
  PageNames& names_;
  const std::vector<uint64_t> extents_;
  uint64_t threshold_ = 0;
  size_t omitted_ = 0;
  Json frames_ = Json::array(), depths_ = Json::array(), values_ = Json::array(),
       bases_ = Json::array();
};

std::string PageData(const FlamePage& page, size_t frames) {
  PageNames names;
  Json types = Json::array();
  for (const FlameTree& tree : page.trees) {
    types.push_back(TreeJson(tree, frames / page.trees.size(), page.diff, &names).Make());
  }
  const Json data{{"title", page.title},       {"labels", page.labels},
                  {"diff", page.diff},         {"selected", page.selected},
                  {"types", std::move(types)}, {"names", names.Take()}};
  return ScriptSafeJson(data.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
}

}  // namespace

std::string ScriptSafeJson(absl::string_view json) {
  return absl::StrReplaceAll(json, {{"<", "\\u003c"},
                                    {">", "\\u003e"},
                                    {"&", "\\u0026"},
                                    {"\u2028", "\\u2028"},
                                    {"\u2029", "\\u2029"}});
}

std::string FlameHtml(const FlamePage& page, size_t max_bytes) {
  constexpr size_t kMostFrames = 200000;
  constexpr size_t kFewestFrames = 1000;
  size_t frames = kMostFrames;
  std::string data = PageData(page, frames);
  while (data.size() > max_bytes && frames > kFewestFrames) {
    frames /= 2;
    data = PageData(page, frames);
  }
  const std::string title = absl::StrReplaceAll(
      page.title, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
  // One pass: what is put in is not looked at again.
  return absl::StrReplaceAll(FlamePageTemplate(), {{"<!--TITLE-->", title}, {"<!--DATA-->", data}});
}

}  // namespace tidemark::cli
