#include "analyzer/escape/path_graph.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::escape {
namespace {

using testing::HasSubstr;

class EscapeTest : public testing::Test {
 protected:
  EscapeTest() {
    std::vector<ValueType> types;
    for (const char* type : {"alloc_space", "inuse_space", "alloc_samples", "inuse_samples"}) {
      types.push_back({builder_.AddString(type), builder_.AddString("bytes")});
    }
    builder_.SetSampleTypes(types);
  }

  // Functions leaf first, one location each; "a|b" is a inlined into b. The site is at
  // location `site`, its innermost line.
  StackId AddStack(const std::vector<std::string>& functions, uint32_t site,
                   std::optional<Container> container = std::nullopt) {
    std::vector<LocationId> locations;
    for (const std::string& entry : functions) {
      std::vector<Line> lines;
      const size_t split = entry.find('|');
      if (split == std::string::npos) {
        lines = {LineOf(entry)};
      } else {
        lines = {LineOf(entry.substr(0, split)), LineOf(entry.substr(split + 1))};
      }
      locations.push_back(
          builder_.AddLocation(0x1000 + next_address_++, MappingId{}, false, lines));
    }
    const StackId stack = builder_.AddStack(locations);
    annotations_.site.resize(stack.value + 1);
    annotations_.container.resize(stack.value + 1);
    annotations_.site[stack.value] = {.location = site, .line = 0};
    if (container) {
      annotations_.container[stack.value] =
          ContainerId{static_cast<uint32_t>(annotations_.containers.size())};
      annotations_.containers.push_back(*container);
    }
    return stack;
  }

  Line LineOf(const std::string& name) {
    Function function;
    function.name = builder_.AddString(name);
    function.filename = builder_.AddString("server.cc");
    return {.function = builder_.AddFunction(function), .line = 7};
  }

  void AddLive(StackId stack, int64_t bytes, std::optional<int64_t> outlives) {
    Add(stack, bytes, bytes, outlives, false);
  }
  void AddFreed(StackId stack, int64_t bytes, int64_t outlives, bool elsewhere = false) {
    Add(stack, bytes, 0, outlives, elsewhere);
  }

  void Add(StackId stack, int64_t alloc, int64_t live, std::optional<int64_t> outlives,
           bool elsewhere) {
    std::vector<Label> labels;
    if (outlives) {
      Label label;
      label.key = builder_.AddString("outlives");
      label.num = *outlives;
      label.num_unit = builder_.AddString("frames");
      labels.push_back(label);
    }
    if (elsewhere) {
      Label label;
      label.key = builder_.AddString("freed_by");
      label.str = builder_.AddString("other thread");
      labels.push_back(label);
    }
    const int64_t values[] = {alloc, live, 10, live > 0 ? 10 : 0};
    builder_.AddSample(stack, builder_.AddLabels(labels), values);
  }

  std::vector<EscapeSite> Find(const Options& options = {}) {
    builder_.SetAnnotations(annotations_);
    profile_ = builder_.Build().value();
    auto sites = FindEscapes(*profile_, options);
    EXPECT_TRUE(sites.ok()) << sites.status();
    return *std::move(sites);
  }

  // One line per edge: "from -how evidence bytes-> to".
  static std::string Draw(const EscapeSite& site) {
    std::string text;
    for (const Edge& e : site.edges) {
      absl::StrAppend(&text, site.nodes[e.from].title, " -", e.how, " ", Name(e.evidence), " ",
                      e.bytes, "-> ", site.nodes[e.to].title, "\n");
    }
    return text;
  }

  ProfileBuilder builder_;
  Annotations annotations_;
  std::shared_ptr<const Profile> profile_;
  uint64_t next_address_ = 0;
};

const Container kMap = {ContainerKind::kMap, "std::map<int, S>", "", Operation::kInsert,
                        Evidence::kMeasured};

TEST_F(EscapeTest, MeasuredChain) {
  const StackId stack = AddStack({"operator new", "put", "handle", "loop", "main"}, 1, kMap);
  AddLive(stack, 1000, 3);
  const auto sites = Find();
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(Draw(sites[0]),
            "allocation -stored in measured 1000-> std::map<int, S>\n"
            "std::map<int, S> -allocated in measured 1000-> put\n"
            "put -outlived measured 1000-> handle\n"
            "handle -held by measured 1000-> process\n");
  EXPECT_EQ(sites[0].escape_point->function, "handle");
  EXPECT_EQ(sites[0].owner, "process");
  EXPECT_EQ(sites[0].nodes[4].role, NodeRole::kEscapePoint);
  EXPECT_EQ(sites[0].nodes[3].role, NodeRole::kOwner);
  EXPECT_EQ(sites[0].samples, 10);
  EXPECT_THAT(sites[0].explanation, HasSubstr("100 % outlived the site, 100 % the escape point"));
}

TEST_F(EscapeTest, TheSiteItselfCanBeTheEscapePoint) {
  AddLive(AddStack({"new", "put", "main"}, 1), 1000, 2);
  const auto sites = Find();
  EXPECT_EQ(sites[0].escape_point->function, "put");
  EXPECT_EQ(Draw(sites[0]),
            "allocation -allocated in measured 1000-> put\n"
            "put -held by measured 1000-> process\n");
}

// The last event saw young blocks in frames that still run: no evidence against them.
TEST_F(EscapeTest, YoungBlocksDoNotMoveTheEscapePoint) {
  const StackId stack = AddStack({"new", "put", "handle", "loop", "main"}, 1);
  AddLive(stack, 900, 3);
  AddLive(stack, 100, 0);
  const auto sites = Find();
  EXPECT_EQ(sites[0].escape_point->function, "handle");
  EXPECT_THAT(Draw(sites[0]), HasSubstr("put -held by inferred 100-> process"));
}

TEST_F(EscapeTest, CallersMerge) {
  AddLive(AddStack({"new", "put", "login", "handle", "main"}, 1), 600, 4);
  AddLive(AddStack({"new", "put", "logout", "handle", "main"}, 1), 400, 4);
  const auto sites = Find();
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(Draw(sites[0]),
            "allocation -allocated in measured 1000-> put\n"
            "put -outlived measured 600-> login\n"
            "login -outlived measured 600-> handle\n"
            "handle -held by measured 1000-> process\n"
            "put -outlived measured 400-> logout\n"
            "logout -outlived measured 400-> handle\n");
  EXPECT_EQ(sites[0].escape_point->function, "handle");
}

TEST_F(EscapeTest, InlinedCallersAreOutlivedWithTheirFrame) {
  AddLive(AddStack({"new", "put|handle", "loop", "main"}, 1), 100, 2);
  const auto sites = Find();
  EXPECT_EQ(sites[0].escape_point->function, "handle");
}

TEST_F(EscapeTest, RecursionAndOppositeOrdersStayAcyclic) {
  AddLive(AddStack({"new", "put", "a", "b", "a", "b", "main"}, 1), 600, 6);
  AddLive(AddStack({"new", "put", "b", "a", "main"}, 1), 400, 4);
  const auto sites = Find();
  // Kahn: every node can be taken in order.
  std::vector<int> incoming(sites[0].nodes.size(), 0);
  for (const Edge& e : sites[0].edges) ++incoming[e.to];
  size_t taken = 0;
  std::vector<uint32_t> ready;
  for (uint32_t i = 0; i < incoming.size(); ++i) {
    if (incoming[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const uint32_t node = ready.back();
    ready.pop_back();
    ++taken;
    for (const Edge& e : sites[0].edges) {
      if (e.from == node && --incoming[e.to] == 0) ready.push_back(e.to);
    }
  }
  EXPECT_EQ(taken, sites[0].nodes.size());
}

TEST_F(EscapeTest, WithoutLabelsEverythingIsInferred) {
  AddLive(
      AddStack({"new", "put", "handle", "std::function<void ()>::operator()() const", "main"}, 1),
      100, std::nullopt);
  const auto sites = Find();
  EXPECT_FALSE(sites[0].escape_point);
  EXPECT_EQ(Draw(sites[0]),
            "allocation -allocated in measured 100-> put\n"
            "put -called by inferred 100-> handle\n"
            "handle -called by inferred 100-> main\n"
            "main -held by inferred 100-> process\n");
  EXPECT_THAT(sites[0].explanation, HasSubstr("inferred"));
}

TEST_F(EscapeTest, NothingReturnedYet) {
  AddLive(AddStack({"new", "put", "main"}, 1), 100, 0);
  const auto sites = Find();
  EXPECT_FALSE(sites[0].escape_point);
  EXPECT_THAT(sites[0].explanation, HasSubstr("No frame"));
}

TEST_F(EscapeTest, OwnerOfWhatIsMostlyFreed) {
  const StackId stack = AddStack({"new", "put", "handle", "serve", "main"}, 1);
  AddLive(stack, 10, 3);
  AddFreed(stack, 1000, 3);
  AddFreed(stack, 9000, 1);                      // freed in the site: never got that far
  AddFreed(stack, 5000, 4, /*elsewhere=*/true);  // proves nothing about returns
  const auto sites = Find();
  EXPECT_EQ(sites[0].owner, "serve");
  EXPECT_EQ(sites[0].nodes.back().role, NodeRole::kEscapePoint);
}

// An array frees its old self each time it grows; the process holds the newest.
TEST_F(EscapeTest, AGrowingArrayIsTheProcesss) {
  const StackId stack = AddStack({"new", "put", "handle", "serve", "main"}, 1);
  AddLive(stack, 1000, 3);
  AddFreed(stack, 1000, 3);
  EXPECT_EQ(Find()[0].owner, "process");
}

TEST_F(EscapeTest, OrderLimitFocusAndBase) {
  const StackId big = AddStack({"new", "cache_put", "main"}, 1);
  const StackId small = AddStack({"new", "log_add", "main"}, 1);
  AddLive(big, 1000, 2);
  AddLive(small, 100, 2);
  Options options;
  options.limit = 1;
  const auto one = Find(options);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].site.function, "cache_put");
  options.focus = "^log";
  auto focused = FindEscapes(*profile_, options);
  ASSERT_TRUE(focused.ok());
  EXPECT_EQ(focused->at(0).site.function, "log_add");
  options.focus = "(";
  EXPECT_EQ(FindEscapes(*profile_, options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EscapeTest, BaseOrdersByGrowth) {
  AddLive(AddStack({"new", "cache_put", "main"}, 1), 1000, 2);
  AddLive(AddStack({"new", "log_add", "main"}, 1), 100, 2);
  Find();
  const std::shared_ptr<const Profile> profile = profile_;
  ProfileBuilder base(*profile);
  base.SetAnnotations(profile->annotations());
  const int64_t values[] = {0, -90, 0, 0};
  base.AddSample(StackId{1}, LabelSetId{0}, values);
  const auto before = base.Build().value();
  Options options;
  options.base = before.get();
  const auto sites = FindEscapes(*profile, options);
  ASSERT_TRUE(sites.ok());
  EXPECT_EQ(sites->at(0).site.function, "log_add");
}

// Labels from a hostile file.
TEST_F(EscapeTest, AbsurdLabels) {
  const StackId stack = AddStack({"new", "put", "main"}, 1);
  AddLive(stack, 100, INT64_MAX);
  AddLive(stack, 100, INT64_MIN);
  const auto sites = Find();
  EXPECT_EQ(sites[0].bytes, 200);
  EXPECT_EQ(sites[0].escape_point->function, "main");
}

TEST_F(EscapeTest, DeepStacksAreAbbreviated) {
  std::vector<std::string> functions = {"new", "put"};
  for (int i = 0; i < 200; ++i) functions.push_back(absl::StrCat("f", i));
  AddLive(AddStack(functions, 1), 100, 202);
  const auto sites = Find();
  EXPECT_LT(sites[0].nodes.size(), 32u);
  EXPECT_EQ(sites[0].escape_point->function, "f199");
}

TEST_F(EscapeTest, NotAHeapProfile) {
  const auto empty = ProfileBuilder().Build().value();
  EXPECT_EQ(FindEscapes(*empty, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tidemark::escape
