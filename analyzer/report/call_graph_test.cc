#include "analyzer/report/call_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/report/callgrind.h"
#include "analyzer/report/dot.h"
#include "analyzer/report/graph_tags.h"
#include "analyzer/report/test_profile.h"
#include "analyzer/report/top_proto.h"
#include "analyzer/report/tree.h"

namespace tidemark::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TestProfile Bytes() { return TestProfile("inuse_space/bytes"); }

// Nodes in their order, each "name flat cum" and below it its callees: "-> name weight", with
// "..>" for a residual edge and "(inline)" for inlined calls.
std::string Draw(const CallGraph& graph) {
  std::string text = "\n";
  for (const uint32_t node : graph.nodes()) {
    absl::StrAppend(&text, graph.name(node), " ", graph.flat(node).value(), " ",
                    graph.cum(node).value(), "\n");
    for (const uint32_t id : graph.callees(node)) {
      const CallEdge& edge = graph.edge(id);
      absl::StrAppend(&text, edge.residual ? "  ..> " : "  -> ", graph.name(edge.callee), " ",
                      edge.weight.value(), edge.inlined ? " (inline)" : "", "\n");
    }
  }
  return text;
}

// A profile, what is selected of it, and its graph; kept alive together.
class Drawing {
 public:
  Drawing(std::shared_ptr<const Profile> profile, const Options& options,
          const GraphTrim& trim = {})
      : profile_(std::move(profile)),
        selection_(Selection::Make(*profile_, options)),
        trimmed_(MakeTrimmedGraph(*selection_, trim)) {}

  const Selection& selection() const { return *selection_; }
  const TrimmedGraph& trimmed() const { return trimmed_; }
  const CallGraph& graph() const { return *trimmed_.graph; }
  std::string text() const { return Draw(graph()); }

 private:
  std::shared_ptr<const Profile> profile_;
  absl::StatusOr<Selection> selection_;
  TrimmedGraph trimmed_;
};

TEST(CallGraph, EdgesHaveWhatTheCallsBetweenTwoNodesHave) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10});
  p.Add("new grow main", {5});
  p.Add("insert main", {1});
  EXPECT_EQ(Drawing(p.Build(), {}).text(), R"(
new 15 15
insert 1 11
  -> new 10
grow 0 5
  -> new 5
main 0 16
  -> insert 11
  -> grow 5
)");
}

TEST(CallGraph, RecursionCountsOnceAndNeverOnItself) {
  TestProfile p = Bytes();
  p.Add("walk walk visit walk visit walk main", {7});
  EXPECT_EQ(Drawing(p.Build(), {}).text(), R"(
walk 7 7
  -> visit 7
main 0 7
  -> walk 7
visit 0 7
  -> walk 7
)");
}

TEST(CallGraph, AnEdgeIsInlineOnlyIfEveryCallWas) {
  TestProfile p = Bytes();
  p.Add("allocate<push_back<fill main", {3});
  p.Add("push_back fill", {4});
  EXPECT_EQ(Drawing(p.Build(), {}).text(), R"(
push_back 4 7
  -> allocate 3 (inline)
allocate 3 3
fill 0 7
  -> push_back 7
main 0 3
  -> fill 3
)");
}

TEST(CallGraph, SamplesThatCancelOutLeaveTheirEdges) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10}, 16);
  p.Add("new insert main", {-10}, 32);
  p.Add("main", {1});
  EXPECT_EQ(Drawing(p.Build(), {}).text(), R"(
main 1 1
  -> insert 0
)");
}

TEST(CallGraph, WhatIsTrimmedIsSkippedOverByResidualEdges) {
  TestProfile p = Bytes();
  p.Add("new insert main", {600});
  p.Add("new wrap grow main", {400});
  p.Add("leaf insert main", {9});
  Options options;
  options.node_fraction = 0.41;
  // 9 of insert's weight went to a leaf that is gone: it is nobody's flat weight.
  const Drawing drawing(p.Build(), options);
  EXPECT_EQ(drawing.text(), R"(
new 1000 1000
insert 0 609
  -> new 600
main 0 1009
  -> insert 609
  ..> new 400
)");
  EXPECT_EQ(drawing.trimmed().dropped_nodes, 3U);
  EXPECT_EQ(drawing.trimmed().nodes, 3U);
}

TEST(CallGraph, NodeCountKeepsTheFirstOfTheOrder) {
  TestProfile p = Bytes();
  p.Add("a b main", {6});
  p.Add("c b main", {5});
  Options options;
  options.node_count = 2;
  const auto profile = p.Build();
  EXPECT_EQ(Drawing(profile, options).text(), "\na 6 6\nc 5 5\n");
  options.sort_by_cum = true;
  EXPECT_EQ(Drawing(profile, options).text(), "\nb 0 11\nmain 0 11\n  -> b 11\n");
}

TEST(CallGraph, SmallEdgesAreDroppedAndCounted) {
  TestProfile p = Bytes();
  p.Add("new main", {1000});
  p.Add("new rare", {1});
  Options options;
  options.edge_fraction = 0.01;
  const Drawing drawing(p.Build(), options);
  EXPECT_EQ(drawing.text(), "\nnew 1001 1001\nmain 0 1000\n  -> new 1000\nrare 0 1\n");
  EXPECT_EQ(drawing.trimmed().dropped_edges, 1U);
}

TEST(CallGraph, DropNegativeTakesNodesButNotTheEdgesToThem) {
  TestProfile p = Bytes();
  p.Add("new main", {-5});
  p.Add("old main", {7});
  Options options;
  options.drop_negative = true;
  EXPECT_EQ(Drawing(p.Build(), options).text(), "\nold 7 7\nmain 0 2\n  -> old 7\n  -> new -5\n");
}

TEST(CallGraph, MeansDivideTheSums) {
  TestProfile p("objects/count space/bytes");
  p.Add("new main", {2, 10});
  p.Add("new other", {3, 30});
  Options options;
  options.mean = true;
  EXPECT_EQ(Drawing(p.Build(), options).text(),
            "\nnew 8 8\nmain 0 5\n  -> new 5\nother 0 10\n  -> new 10\n");
}

GraphTrim Tree() {
  GraphTrim trim;
  trim.shape = CallGraph::Shape::kTree;
  return trim;
}

TEST(CallGraph, ATreeHasANodeForEachPath) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10});
  p.Add("new insert other", {5});
  p.Add("new new insert main", {2});
  EXPECT_EQ(Drawing(p.Build(), {}, Tree()).text(), R"(
new 10 12
  -> new 2
new 5 5
new 2 2
insert 0 12
  -> new 12
insert 0 5
  -> new 5
main 0 12
  -> insert 12
other 0 5
  -> insert 5
)");
}

TEST(CallGraph, ATreesChildrenMoveUpWhenTheirParentGoes) {
  TestProfile p = Bytes();
  p.Add("new wrap<insert main", {10});
  p.Add("main", {6});
  p.Add("rest root", {20});
  Options options;
  options.node_count = 3;
  // By flat value: rest, new, main stay; root goes, and rest is a root itself then.
  EXPECT_EQ(Drawing(p.Build(), options, Tree()).text(), R"(
rest 20 20
new 10 10
main 6 16
  ..> new 10
)");
}

TEST(CallGraph, APictureLeavesOutResidualEdgesThatAnotherWayReplaces) {
  TestProfile p = Bytes();
  p.Add("new insert main", {600});
  p.Add("new wrap main", {300});
  p.Add("new insert", {100});
  Options options;
  options.node_fraction = 0.35;
  GraphTrim trim;
  const auto profile = p.Build();
  // main ..> new, over wrap, is one more way from main to new.
  EXPECT_THAT(Drawing(profile, options, trim).text(), HasSubstr("..> new 300"));
  trim.picture = true;
  EXPECT_THAT(Drawing(profile, options, trim).text(), Not(HasSubstr("..>")));
}

TEST(GraphTags, NumbersPerNodeFlatAndCumulative) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10}, 16);
  p.Add("new insert main", {20}, 32);
  p.Add("insert main", {5}, 16);
  const Drawing drawing(p.Build(), {});
  const auto tags = CollectTags(drawing.graph(), drawing.graph().nodes(), 0);
  std::string text;
  for (size_t i = 0; i < tags.size(); ++i) {
    absl::StrAppend(&text, drawing.graph().name(drawing.graph().nodes()[i]), ":");
    for (const Tag& tag : tags[i].numbers.at("")) {
      absl::StrAppend(&text, " ", tag.name, " ", tag.flat.sum, "/", tag.cum.sum);
    }
    absl::StrAppend(&text, "\n");
  }
  EXPECT_EQ(text, "new: 16B 10/10 32B 20/20\ninsert: 16B 5/15 32B 0/20\nmain: 16B 0/15 32B 0/20\n");
}

TEST(Dot, APictureOfThreeNodes) {
  TestProfile p = Bytes();
  p.SetModule("/usr/bin/app", 0x1000, 0x2000);
  p.Add("operator\"x\" ns::Cache::Insert main", {96});
  p.Add("main", {4});
  const auto profile = p.Build();
  const auto selection = Selection::Make(*profile, {});
  ASSERT_TRUE(selection.ok());
  const TrimmedGraph trimmed = PictureGraph(*selection);
  const ValueFormat format("bytes", ShownValues(*trimmed.graph), selection->total());
  const std::string dot = Dot(trimmed, {"File: app", "Type: \"x\""}, format);
  EXPECT_THAT(dot, HasSubstr("digraph \"app\" {\n"));
  EXPECT_THAT(dot, HasSubstr("label=\"File: app\\lType: \\\"x\\\"\\l\" tooltip=\"app\"] }\n"));
  EXPECT_THAT(dot, HasSubstr("[label=\"operator\\\"x\\\"\\n96B (96.00%)\" id=\"node"));
  EXPECT_THAT(dot, HasSubstr("[label=\"Cache\\nInsert\\n0 of 96B (96.00%)\" id=\"node"));
  EXPECT_THAT(dot, HasSubstr("[label=\" 96B\" weight=97 penwidth=5 color=\"#b20200\" "
                             "tooltip=\"main -> ns::Cache::Insert (96B)\""));
}

TEST(Dot, ManyNumbersBecomeFourBuckets) {
  TestProfile p = Bytes();
  for (int64_t size = 1; size <= 9; ++size) p.Add("new", {100 - size}, 1 << size);
  const auto profile = p.Build();
  const auto selection = Selection::Make(*profile, {});
  ASSERT_TRUE(selection.ok());
  const TrimmedGraph trimmed = PictureGraph(*selection);
  const ValueFormat format("bytes", ShownValues(*trimmed.graph), selection->total());
  const std::string dot = Dot(trimmed, {}, format);
  EXPECT_THAT(dot, HasSubstr("[label = \"2B\" "));
  EXPECT_THAT(dot, HasSubstr("[label = \"16B..512B\" "));
  EXPECT_THAT(dot, HasSubstr("NN1_3 "));
  EXPECT_THAT(dot, Not(HasSubstr("NN1_4 ")));
}

TEST(Dot, ShortNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"example.com/pkg/v2/store.(*Map).Put", "store.(*Map).Put"},
      {"github.com/a/b", "github.com/a/b"},
      {"runtime.mallocgc", "runtime.mallocgc"},
      {"com.example.Cache.put", "Cache.put"},
      {"ns::detail::Cache::Grow(int)", "Cache::Grow"},
      {"(anonymous namespace)::helper(int)", "helper(int)"},
      {"std::vector<int>::push_back(int&&)", "std::vector<int>::push_back(int&&)"},
      {"malloc", "malloc"},
      {"", ""},
  };
  for (const auto& [name, shortened] : cases) EXPECT_EQ(ShortFunctionName(name), shortened);
}

TEST(Callgrind, FunctionsWithTheirCalls) {
  TestProfile p = Bytes();
  p.SetModule("/usr/bin/app", 0x1000, 0x2000);
  p.Add("new@n.cc:3 main@m.cc:7", {64});
  const auto profile = p.Build();
  Options options;
  options.granularity = Granularity::kAddresses;
  const auto selection = Selection::Make(*profile, options);
  ASSERT_TRUE(selection.ok());
  EXPECT_EQ(Callgrind(*selection), R"(positions: instr line
events: inuse_space(B)

ob=(1) /usr/bin/app
fl=(1) n.cc
fn=(1) new
0x1001 3 64

ob=(1)
fl=(2) m.cc
fn=(2) main
+1 7 0
cfl=(1)
cfn=(1)
calls=0 * 3
* * 64
)");
}

TEST(Callgrind, ATreesFunctionsAreNumbered) {
  TestProfile p = Bytes();
  p.Add("new main", {64});
  p.Add("new other", {32});
  const auto profile = p.Build();
  Options options;
  options.granularity = Granularity::kAddresses;
  options.call_tree = true;
  const auto selection = Selection::Make(*profile, options);
  ASSERT_TRUE(selection.ok());
  const std::string text = Callgrind(*selection);
  EXPECT_THAT(text, HasSubstr("new [1/2]"));
  EXPECT_THAT(text, HasSubstr("new [2/2]"));
}

TEST(TopProto, RowsAsSamples) {
  TestProfile p = Bytes();
  p.Add("new insert main", {3072});
  p.Add("insert main", {1024});
  const auto profile = p.Build();
  const auto selection = Selection::Make(*profile, {});
  ASSERT_TRUE(selection.ok());
  const auto top = TopProto(*selection);
  ASSERT_TRUE(top.ok());
  std::string text;
  for (uint32_t s = 0; s < (*top)->sample_count(); ++s) {
    const LocationId location = (*top)->stack((*top)->sample_stacks()[s])[0];
    const FunctionId function = (*top)->lines(location)[0].function;
    absl::StrAppend(&text, (*top)->string((*top)->function(function).name), " ",
                    (*top)->values(0)[s], " ", (*top)->values(1)[s], "\n");
  }
  EXPECT_EQ(text, "new 3 3\ninsert 4 1\nmain 4 0\n");
  EXPECT_EQ((*top)->string((*top)->sample_types()[0].unit), "kB");
}

TEST(Peek, OnlyNamesThatMatch) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10});
  const auto profile = p.Build();
  const auto selection = Selection::Make(*profile, {});
  ASSERT_TRUE(selection.ok());
  const auto peek = Peek(*selection, "^in");
  ASSERT_TRUE(peek.ok());
  ASSERT_EQ(peek->rows.size(), 1U);
  EXPECT_EQ(peek->trimmed.graph->name(peek->rows[0]), "insert");
  EXPECT_EQ(Peek(*selection, "nothing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Peek(*selection, "(").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark::report
