#include "analyzer/report/flame.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "analyzer/report/test_profile.h"

namespace tidemark::report {
namespace {

// One line for each node, children below their parent: "name value/self/base".
void Print(const FlameTree& tree, uint32_t node, std::string* out) {
  const FlameNode& n = tree.nodes[node];
  absl::StrAppend(out, std::string(2 * n.depth, ' '), node == 0 ? "*" : tree.names[n.name], " ",
                  n.value, "/", n.self, "/", n.base_value, "\n");
  for (uint32_t i = 0; i < n.child_count; ++i) {
    EXPECT_EQ(tree.nodes[n.first_child + i].parent, node);
    EXPECT_GT(n.first_child, node);
    Print(tree, n.first_child + i, out);
  }
}

std::string Text(const absl::StatusOr<FlameTree>& tree) {
  if (!tree.ok()) return tree.status().ToString();
  std::string out = "\n";
  Print(*tree, 0, &out);
  return out;
}

TestProfile Example() {
  TestProfile p("inuse_space/bytes");
  p.Add("new insert main", {10});
  p.Add("new grow main", {30});
  p.Add("main", {2});
  return p;
}

TEST(Flame, MergesFromTheRootLargestFirst) {
  const auto profile = Example().Build();
  const auto tree = Flame(*profile, nullptr, {}, /*inverted=*/false);
  EXPECT_EQ(Text(tree), R"(
* 42/0/0
  main 42/2/0
    grow 30/0/0
      new 30/30/0
    insert 10/0/0
      new 10/10/0
)");
  EXPECT_EQ(tree->max_depth, 3u);
  EXPECT_EQ(tree->unit, "bytes");
}

TEST(Flame, InvertedMergesFromTheLeaf) {
  const auto profile = Example().Build();
  EXPECT_EQ(Text(Flame(*profile, nullptr, {}, /*inverted=*/true)), R"(
* 42/0/0
  new 40/0/0
    grow 30/0/0
      main 30/30/0
    insert 10/0/0
      main 10/10/0
  main 2/2/0
)");
}

TEST(Flame, RecursionKeepsItsDepthAndInlinedFramesAreFrames) {
  TestProfile p("inuse_space/bytes");
  p.Add("alloc<walk walk main", {1});
  const auto profile = p.Build();
  EXPECT_EQ(Text(Flame(*profile, nullptr, {}, false)), R"(
* 1/0/0
  main 1/0/0
    walk 1/0/0
      walk 1/0/0
        alloc 1/1/0
)");
}

TEST(Flame, BaseIsMergedInAndUnknownFramesArePairedAcrossAddressSpaces) {
  TestProfile p("inuse_space/bytes");
  p.SetModule("/bin/app", 0x55000000, 0x55010000, 0x1000);
  p.Add("0x55000100 main", {8});
  p.Add("0x55000200 main", {4});
  const auto profile = p.Build();
  TestProfile b("inuse_space/bytes");
  b.SetModule("/bin/app", 0x77000000, 0x77010000, 0x1000);
  b.Add("0x77000100 main", {3});
  b.Add("0x77000300 main", {1});
  const auto base = b.Build();
  EXPECT_EQ(Text(Flame(*profile, base.get(), {}, false)), R"(
* 12/0/4
  main 12/0/4
    app+0x1100 8/8/3
    app+0x1200 4/4/0
    app+0x1300 0/0/1
)");
}

TEST(Flame, FiltersApply) {
  const auto profile = Example().Build();
  Options options;
  options.focus = "grow";
  options.hide = "main";
  EXPECT_EQ(Text(Flame(*profile, nullptr, options, false)), R"(
* 30/0/0
  grow 30/0/0
    new 30/30/0
)");
}

TEST(Flame, ABaseWithoutTheSampleTypeIsRefused) {
  const auto profile = Example().Build();
  TestProfile b("contentions/count");
  b.Add("main", {3});
  const auto base = b.Build();
  EXPECT_EQ(Flame(*profile, base.get(), {}, false).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark::report
