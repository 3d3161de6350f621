// Positions for an escape path's nodes and edges: a layered drawing, no Graphviz, no
// fonts; the caller measures its own text.

#ifndef TIDEMARK_ANALYZER_ESCAPE_LAYOUT_H_
#define TIDEMARK_ANALYZER_ESCAPE_LAYOUT_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "analyzer/escape/path_graph.h"

namespace tidemark::escape {

struct Size {
  double width = 0;
  double height = 0;
};

struct Box {
  double x = 0;  // top left, in the caller's units, y downwards
  double y = 0;
  double width = 0;
  double height = 0;
};

struct Layout {
  std::vector<Box> nodes;                                     // parallel to EscapeSite::nodes
  std::vector<std::vector<std::pair<double, double>>> edges;  // poly-lines, parallel to edges
  Size size;
};

// REQUIRES: node_sizes.size() == site.nodes.size().
Layout LayOut(const EscapeSite& site, const std::vector<Size>& node_sizes, double gap_x,
              double gap_y);

}  // namespace tidemark::escape

#endif  // TIDEMARK_ANALYZER_ESCAPE_LAYOUT_H_
