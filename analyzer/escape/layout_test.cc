#include "analyzer/escape/layout.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace tidemark::escape {
namespace {

EscapeSite Graph(size_t nodes, const std::vector<std::pair<uint32_t, uint32_t>>& edges) {
  EscapeSite site;
  site.nodes.resize(nodes);
  for (const auto& [from, to] : edges) {
    Edge edge;
    edge.from = from;
    edge.to = to;
    site.edges.push_back(edge);
  }
  return site;
}

// Boxes lie inside the drawing and apart; edges go down from box to box.
void CheckDrawing(const EscapeSite& site, const Layout& layout, double gap_x) {
  ASSERT_EQ(layout.nodes.size(), site.nodes.size());
  ASSERT_EQ(layout.edges.size(), site.edges.size());
  constexpr double kSlack = 1e-6;
  for (const Box& box : layout.nodes) {
    EXPECT_GE(box.x, -kSlack);
    EXPECT_GE(box.y, -kSlack);
    EXPECT_LE(box.x + box.width, layout.size.width + kSlack);
    EXPECT_LE(box.y + box.height, layout.size.height + kSlack);
  }
  for (size_t i = 0; i < layout.nodes.size(); ++i) {
    for (size_t j = i + 1; j < layout.nodes.size(); ++j) {
      const Box& a = layout.nodes[i];
      const Box& b = layout.nodes[j];
      const bool apart_y = a.y + a.height <= b.y + kSlack || b.y + b.height <= a.y + kSlack;
      const bool apart_x =
          a.x + a.width + gap_x <= b.x + kSlack || b.x + b.width + gap_x <= a.x + kSlack;
      EXPECT_TRUE(apart_x || apart_y) << i << " and " << j << " overlap";
    }
  }
  for (size_t e = 0; e < site.edges.size(); ++e) {
    const Box& from = layout.nodes[site.edges[e].from];
    const Box& to = layout.nodes[site.edges[e].to];
    const auto& line = layout.edges[e];
    ASSERT_GE(line.size(), 2u);
    EXPECT_NEAR(line.front().first, from.x + from.width / 2, kSlack);
    EXPECT_NEAR(line.front().second, from.y + from.height, kSlack);
    EXPECT_NEAR(line.back().first, to.x + to.width / 2, kSlack);
    EXPECT_NEAR(line.back().second, to.y, kSlack);
    for (size_t k = 1; k < line.size(); ++k) {
      EXPECT_GE(line[k].second, line[k - 1].second - kSlack);
      EXPECT_TRUE(line[k].first == line[k - 1].first || line[k].second == line[k - 1].second);
    }
  }
}

TEST(Layout, Chain) {
  const EscapeSite site = Graph(3, {{0, 1}, {1, 2}});
  const Layout layout = LayOut(site, {{100, 20}, {50, 20}, {80, 30}}, 10, 40);
  CheckDrawing(site, layout, 10);
  EXPECT_EQ(layout.size.width, 100);
  EXPECT_EQ(layout.size.height, 20 + 40 + 20 + 40 + 30);
  EXPECT_EQ(layout.edges[0].size(), 2u);  // straight
}

TEST(Layout, DiamondWithALongEdge) {
  const EscapeSite site = Graph(5, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {0, 4}});
  const Layout layout = LayOut(site, std::vector<Size>(5, Size{60, 20}), 10, 30);
  CheckDrawing(site, layout, 10);
  EXPECT_EQ(layout.nodes[1].y, layout.nodes[2].y);
}

TEST(Layout, Nothing) {
  const Layout layout = LayOut(EscapeSite(), {}, 10, 10);
  EXPECT_TRUE(layout.nodes.empty());
  EXPECT_EQ(layout.size.width, 0);
}

// A circle or a loop is no escape path, but must not hang or crash the window.
TEST(Layout, CirclesEnd) {
  const EscapeSite site = Graph(3, {{0, 1}, {1, 2}, {2, 0}, {1, 1}});
  const Layout layout = LayOut(site, std::vector<Size>(3, Size{60, 20}), 10, 30);
  EXPECT_EQ(layout.nodes.size(), 3u);
  EXPECT_EQ(layout.edges.size(), 4u);
}

TEST(Layout, RandomGraphs) {
  std::mt19937 random(4);
  for (int round = 0; round < 50; ++round) {
    const uint32_t n = 2 + random() % 40;
    std::vector<std::pair<uint32_t, uint32_t>> edges;
    for (uint32_t i = 1; i < n; ++i) edges.emplace_back(random() % i, i);
    for (uint32_t k = 0; k < n; ++k) {
      const uint32_t a = random() % n;
      const uint32_t b = random() % n;
      if (a < b) edges.emplace_back(a, b);
    }
    std::vector<Size> sizes;
    for (uint32_t i = 0; i < n; ++i) {
      sizes.push_back({20.0 + random() % 200, 10.0 + random() % 30});
    }
    const EscapeSite site = Graph(n, edges);
    CheckDrawing(site, LayOut(site, sizes, 12, 40), 12);
  }
}

}  // namespace
}  // namespace tidemark::escape
