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
Json TreeJson(const PageTree& from, bool diff, PageNames* names) {
  const FlameTree& tree = from.tree;
  names->StartTree(tree);
  Json frames = Json::array(), depths = Json::array(), values = Json::array(),
       bases = Json::array();
  std::vector<uint32_t> todo;
  if (!tree.nodes.empty()) todo.push_back(0);
  while (!todo.empty()) {
    const FlameNode& node = tree.nodes[todo.back()];
    todo.pop_back();
    frames.push_back(names->IdOf(node.name));
    depths.push_back(node.depth);
    values.push_back(node.value);
    if (diff) bases.push_back(node.base_value);
    for (uint32_t c = node.child_count; c-- > 0;) todo.push_back(node.first_child + c);
  }
  Json json{{"name", tree.sample_type},
            {"unit", tree.unit},
            {"total", tree.nodes.empty() ? 0 : tree.nodes.front().value},
            {"base", tree.nodes.empty() ? 0 : tree.nodes.front().base_value},
            {"omitted", from.omitted},
            {"below", from.below},
            {"frames", std::move(frames)},
            {"depths", std::move(depths)},
            {"values", std::move(values)}};
  if (diff) json["bases"] = std::move(bases);
  return json;
}

std::string PageData(const FlamePage& page) {
  PageNames names;
  Json types = Json::array();
  for (const PageTree& tree : page.trees) types.push_back(TreeJson(tree, page.diff, &names));
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

void TrimTree(size_t frames, PageTree* page_tree) {
  FlameTree& tree = page_tree->tree;
  const std::vector<uint64_t> extents = Extents(tree);
  const uint64_t threshold = ThresholdFor(extents, frames);
  if (threshold == 0) return;
  const std::vector<FlameNode> old = std::move(tree.nodes);
  tree.nodes = {old.front()};
  std::vector<uint32_t> old_of = {0};  // by new number
  size_t kept = 1;
  for (uint32_t i = 0; i < tree.nodes.size(); ++i) {
    const FlameNode& from = old[old_of[i]];
    const auto first = static_cast<uint32_t>(tree.nodes.size());
    const uint32_t count = tree.nodes[i].child_count;  // 0 for what stands for several
    FlameNode rest;
    rest.parent = i;
    rest.depth = tree.nodes[i].depth + 1;
    for (uint32_t c = from.first_child; c < from.first_child + count; ++c) {
      if (extents[c] >= threshold) {
        tree.nodes.push_back(old[c]);
        tree.nodes.back().parent = i;
        old_of.push_back(c);
        ++kept;
      } else {
        rest.value = report::WrappingAdd(rest.value, old[c].value);
        rest.base_value = report::WrappingAdd(rest.base_value, old[c].base_value);
      }
    }
    if (rest.value != 0 || rest.base_value != 0) {
      rest.self = rest.value;
      tree.nodes.push_back(rest);
      old_of.push_back(0);
    }
    tree.nodes[i].first_child = first;
    tree.nodes[i].child_count = static_cast<uint32_t>(tree.nodes.size()) - first;
  }
  // Frames that stood for several already were counted when they were made.
  size_t several = 0;
  for (size_t i = 1; i < old.size(); ++i) several += old[i].name == 0 && extents[i] < threshold;
  page_tree->omitted += old.size() - kept - several;
  page_tree->below = threshold;
}

std::string FlameHtml(FlamePage page, size_t max_bytes) {
  constexpr size_t kFewestFrames = 1000;
  size_t frames = kMostPageFrames;
  const auto trim = [&] {
    for (PageTree& tree : page.trees) TrimTree(frames / page.trees.size(), &tree);
  };
  trim();
  std::string data = PageData(page);
  while (data.size() > max_bytes && frames > kFewestFrames) {
    frames /= 2;
    trim();
    data = PageData(page);
  }
  const std::string title = absl::StrReplaceAll(
      page.title, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
  // One pass: what is put in is not looked at again.
  return absl::StrReplaceAll(FlamePageTemplate(), {{"<!--TITLE-->", title}, {"<!--DATA-->", data}});
}

}  // namespace tidemark::cli
