// Which rectangles of a flame tree are on screen, and which of them is under the mouse.
// Pure geometry: no widget, no painter.
//
// Row r holds the nodes of depth r, the root on top. Below the zoomed node, widths are
// shares of its value; it and its ancestors are as wide as the drawing. Children stand
// side by side, largest first, so what is too narrow to draw is always a run at the right.
//
// Thread class: any one thread.

#ifndef TIDEMARK_GUI_FLAMELAYOUT_H_
#define TIDEMARK_GUI_FLAMELAYOUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/report/flame.h"

namespace tidemark::gui {

struct FlameBox {
  uint32_t node = 0;
  double x = 0;
  double width = 0;
};

class FlameLayout {
 public:
  // Lays out `tree` (which must outlive the layout's use) zoomed on `zoom`. Boxes
  // narrower than `narrowest` are left out with everything below them.
  // REQUIRES: zoom < tree.nodes.size(); width > 0.
  void layOut(const report::FlameTree& tree, uint32_t zoom, double width, double narrowest);

  // Boxes by row, each from left to right.
  const std::vector<std::vector<FlameBox>>& rows() const { return m_rows; }
  std::optional<uint32_t> nodeAt(double x, int row) const;
  // The node's box; null when it is not on screen.
  const FlameBox* boxOf(const report::FlameTree& tree, uint32_t node) const;

 private:
  std::vector<std::vector<FlameBox>> m_rows;
};

// The change of a node's share of growth, in -1 … 1: how red or blue it is. The scale is
// the node's own size, so a doubled leaf is as red as a doubled root.
double changeShare(const report::FlameNode& node);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_FLAMELAYOUT_H_
