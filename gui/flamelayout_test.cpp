#include "gui/flamelayout.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemark::gui {
namespace {

// root 100
//   a 60: a1 40, a2 15
//   b 40: b1 0.5
report::FlameTree makeTree() {
  report::FlameTree tree;
  tree.names = {"", "a", "b", "a1", "a2", "b1"};
  const auto node = [](uint32_t name, uint32_t parent, uint32_t first, uint32_t count,
                       uint32_t depth, int64_t value) {
    report::FlameNode n;
    n.name = name;
    n.parent = parent;
    n.first_child = first;
    n.child_count = count;
    n.depth = depth;
    n.value = value;
    return n;
  };
  tree.nodes = {node(0, 0, 1, 2, 0, 1000), node(1, 0, 3, 2, 1, 600), node(2, 0, 5, 1, 1, 400),
                node(3, 1, 0, 0, 2, 400),  node(4, 1, 0, 0, 2, 150), node(5, 2, 0, 0, 2, 5)};
  tree.max_depth = 2;
  return tree;
}

std::string rowsText(const report::FlameTree& tree, const FlameLayout& layout) {
  std::string text;
  for (const auto& row : layout.rows()) {
    for (const FlameBox& box : row) {
      const std::string& name = tree.names[tree.nodes[box.node].name];
      text += (name.empty() ? "all" : name) + "@" + std::to_string(static_cast<int>(box.x)) + "+" +
              std::to_string(static_cast<int>(box.width)) + " ";
    }
    text += "\n";
  }
  return text;
}

TEST(FlameLayout, WidthsAreSharesOfTheRoot) {
  const report::FlameTree tree = makeTree();
  FlameLayout layout;
  layout.layOut(tree, 0, 200, 0.1);
  EXPECT_EQ(rowsText(tree, layout),
            "all@0+200 \n"
            "a@0+120 b@120+80 \n"
            "a1@0+80 a2@80+30 b1@120+1 \n");
}

TEST(FlameLayout, NarrowBoxesAreLeftOut) {
  const report::FlameTree tree = makeTree();
  FlameLayout layout;
  layout.layOut(tree, 0, 200, 2);
  EXPECT_EQ(rowsText(tree, layout), "all@0+200 \na@0+120 b@120+80 \na1@0+80 a2@80+30 \n");
}

TEST(FlameLayout, ZoomFillsTheWidthAndKeepsAncestors) {
  const report::FlameTree tree = makeTree();
  FlameLayout layout;
  layout.layOut(tree, 1, 300, 1);
  EXPECT_EQ(rowsText(tree, layout), "all@0+300 \na@0+300 \na1@0+200 a2@200+75 \n");
  layout.layOut(tree, 5, 300, 1);
  EXPECT_EQ(rowsText(tree, layout), "all@0+300 \nb@0+300 \nb1@0+300 \n");
}

TEST(FlameLayout, HitTestFindsTheBoxOrNothing) {
  const report::FlameTree tree = makeTree();
  FlameLayout layout;
  layout.layOut(tree, 0, 200, 1);
  EXPECT_EQ(layout.nodeAt(0, 0), 0u);
  EXPECT_EQ(layout.nodeAt(119.9, 1), 1u);
  EXPECT_EQ(layout.nodeAt(120, 1), 2u);
  EXPECT_EQ(layout.nodeAt(79, 2), 3u);
  EXPECT_EQ(layout.nodeAt(115, 2), std::nullopt);  // a's own share
  EXPECT_EQ(layout.nodeAt(199, 2), std::nullopt);
  EXPECT_EQ(layout.nodeAt(200, 0), std::nullopt);
  EXPECT_EQ(layout.nodeAt(-1, 0), std::nullopt);
  EXPECT_EQ(layout.nodeAt(5, -1), std::nullopt);
  EXPECT_EQ(layout.nodeAt(5, 3), std::nullopt);
}

TEST(FlameLayout, AnEmptyOrZeroTreeHasNothingBelowTheRoot) {
  FlameLayout layout;
  layout.layOut(report::FlameTree(), 0, 100, 1);
  EXPECT_TRUE(layout.rows().empty());
  report::FlameTree tree = makeTree();
  for (report::FlameNode& node : tree.nodes) node.value = 0;
  layout.layOut(tree, 0, 100, 1);
  EXPECT_EQ(rowsText(tree, layout), "all@0+100 \n");
}

TEST(FlameLayout, ChangesAreSharesOfTheLargerSide) {
  report::FlameNode node;
  EXPECT_EQ(changeShare(node), 0);
  node.value = 10;
  EXPECT_EQ(changeShare(node), 1);
  node.base_value = 5;
  EXPECT_EQ(changeShare(node), 0.5);
  node.value = 0;
  EXPECT_EQ(changeShare(node), -1);
}

}  // namespace
}  // namespace tidemark::gui
