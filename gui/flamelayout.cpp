#include "gui/flamelayout.h"

#include <algorithm>
#include <cmath>

namespace tidemark::gui {

void FlameLayout::layOut(const report::FlameTree& tree, uint32_t zoom, double width,
                         double narrowest) {
  m_rows.clear();
  if (tree.nodes.empty()) return;
  m_rows.resize(tree.nodes[zoom].depth + 1);
  for (uint32_t node = zoom;; node = tree.nodes[node].parent) {
    m_rows[tree.nodes[node].depth] = {FlameBox{node, 0, width}};
    if (node == 0) break;
  }
  const double scale = tree.nodes[zoom].value > 0 ? width / tree.nodes[zoom].value : 0;
  // Row by row, parents left to right, so that each row is sorted by x as it is made.
  for (size_t row = m_rows.size() - 1; row < m_rows.size(); ++row) {
    std::vector<FlameBox> next;
    for (const FlameBox& parent : m_rows[row]) {
      const report::FlameNode& node = tree.nodes[parent.node];
      double x = parent.x;
      for (uint32_t i = 0; i < node.child_count; ++i) {
        const uint32_t child = node.first_child + i;
        const double childWidth = static_cast<double>(tree.nodes[child].value) * scale;
        if (childWidth < narrowest) break;  // the rest is narrower still
        next.push_back({child, x, childWidth});
        x += childWidth;
      }
    }
    if (!next.empty()) m_rows.push_back(std::move(next));
  }
}

std::optional<uint32_t> FlameLayout::nodeAt(double x, int row) const {
  if (row < 0 || static_cast<size_t>(row) >= m_rows.size()) return std::nullopt;
  const std::vector<FlameBox>& boxes = m_rows[static_cast<size_t>(row)];
  const auto after = std::upper_bound(boxes.begin(), boxes.end(), x,
                                      [](double at, const FlameBox& box) { return at < box.x; });
  if (after == boxes.begin()) return std::nullopt;
  const FlameBox& box = *(after - 1);
  if (x >= box.x + box.width) return std::nullopt;
  return box.node;
}

const FlameBox* FlameLayout::boxOf(const report::FlameTree& tree, uint32_t node) const {
  const size_t row = tree.nodes[node].depth;
  if (row >= m_rows.size()) return nullptr;
  for (const FlameBox& box : m_rows[row]) {
    if (box.node == node) return &box;
  }
  return nullptr;
}

double changeShare(const report::FlameNode& node) {
  const double value = std::fabs(static_cast<double>(node.value));
  const double base = std::fabs(static_cast<double>(node.base_value));
  const double larger = std::max(value, base);
  if (larger == 0) return 0;
  return std::clamp((value - base) / larger, -1.0, 1.0);
}

}  // namespace tidemark::gui
