#include "analyzer/classify/fold.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/classify/classifier.h"
#include "analyzer/model/profile_builder.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

const char kNew[] = "operator new(unsigned long)";
const char kInsert[] =
    "std::_Rb_tree<int, std::pair<int const, a::S>, std::_Select1st<std::pair<int const, a::S> >, "
    "std::less<int> >::_M_insert_<int>(int)";
const char kMap[] = "std::map<int, a::S, std::less<int> >::operator[](int const&)";

class FoldTest : public testing::Test {
 protected:
  FoldTest() {
    const ValueType types[] = {{builder_.AddString("alloc_space"), builder_.AddString("bytes")},
                               {builder_.AddString("alloc_objects"), builder_.AddString("count")},
                               {builder_.AddString("inuse_space"), builder_.AddString("bytes")}};
    builder_.SetSampleTypes(types);
    builder_.SetPeriod(types[0], 1);
    Mapping mapping;
    mapping.file = builder_.AddString("/usr/bin/server");
    mapping_ = builder_.AddMapping(mapping);
  }

  // One location for each inner list: inlined functions innermost first.
  StackId AddStack(const std::vector<std::vector<std::string>>& locations) {
    std::vector<LocationId> ids;
    for (const auto& functions : locations) {
      std::vector<Line> lines;
      for (const std::string& name : functions) {
        Function function;
        function.name = builder_.AddString(name);
        lines.push_back({.function = builder_.AddFunction(function), .line = 7});
      }
      ids.push_back(builder_.AddLocation(0x1000 + next_address_++, mapping_, false, lines));
    }
    return builder_.AddStack(ids);
  }

  void AddSample(StackId stack, int64_t size, int64_t alloc, int64_t live = 0) {
    Label label;
    label.key = builder_.AddString("bytes");
    label.num = size;
    const int64_t values[] = {alloc, alloc / size, live};
    builder_.AddSample(stack, builder_.AddLabels({label}), values);
  }

  std::shared_ptr<const Profile> Fold(const FoldOptions& options = {}) {
    const auto classified = Classify(*builder_.Build());
    EXPECT_TRUE(classified.ok()) << classified.status();
    const auto folded = FoldContainers(*classified, options);
    EXPECT_TRUE(folded.ok()) << folded.status();
    return *folded;
  }

  // The sample's stack, leaf first; "|" between the functions of one location.
  static std::string Stack(const Profile& profile, size_t row) {
    std::vector<std::string> locations;
    for (const LocationId id : profile.stack(profile.sample_stacks()[row])) {
      std::vector<std::string> functions;
      for (const Line& line : profile.lines(id)) {
        functions.emplace_back(profile.string(profile.function(line.function).name));
      }
      locations.push_back(functions.empty() ? "?" : absl::StrJoin(functions, "|"));
    }
    return absl::StrJoin(locations, " < ");
  }

  static std::string Site(const Profile& profile, size_t row) {
    const StackId stack = profile.sample_stacks()[row];
    const FramePosition site = profile.annotations().site[stack.value];
    const auto lines = profile.lines(profile.stack(stack)[site.location]);
    return lines.empty()
               ? "?"
               : std::string(profile.string(profile.function(lines[site.line].function).name));
  }

  ProfileBuilder builder_;
  MappingId mapping_;
  uint64_t next_address_ = 0;
};

TEST_F(FoldTest, AContainerIsOneFrame) {
  AddSample(AddStack({{kNew}, {kInsert}, {kMap}, {"put(int)"}, {"main"}}), 64, 100);
  AddSample(AddStack({{kNew}, {kInsert, kMap, "put(int)", "run()"}, {"main"}}), 64, 200);
  const auto folded = Fold();
  EXPECT_EQ(Stack(*folded, 0), "[map<int, S>] < put(int) < main");
  EXPECT_EQ(Stack(*folded, 1), "[map<int, S>] < put(int)|run() < main");
  EXPECT_EQ(Site(*folded, 0), "put(int)");
  EXPECT_EQ(Site(*folded, 1), "put(int)");
  EXPECT_EQ(folded->annotations().containers[0].badge, "map<int, S>");
}

TEST_F(FoldTest, AWrapperStaysWhereNoContainerIsKnown) {
  AddSample(AddStack({{"ztrymalloc_usable"}, {"zmalloc"}, {"createClient"}, {"main"}}), 64, 1);
  AddSample(AddStack({{"ztrymalloc_usable", "zmalloc"}, {"createClient"}, {"main"}}), 64, 1);
  AddSample(AddStack({{"ztrymalloc_usable", "zmalloc", "createClient"}, {"main"}}), 64, 1);
  AddSample(AddStack({{"createClient"}, {"main"}}), 64, 1);
  const auto folded = Fold();
  EXPECT_EQ(Stack(*folded, 0), "zmalloc < createClient < main");
  EXPECT_EQ(Stack(*folded, 1), "zmalloc < createClient < main");
  EXPECT_EQ(Stack(*folded, 2), "zmalloc < createClient < main");
  EXPECT_EQ(Stack(*folded, 3), "createClient < main");
  for (size_t row = 0; row < 4; ++row) EXPECT_EQ(Site(*folded, row), "createClient");
}

TEST_F(FoldTest, RowsKeepTheirValuesAndLabels) {
  // Two ways of allocating in one place of the program, which is one location.
  const StackId put = AddStack({{"put(int)"}, {"main"}});
  const auto built = *builder_.Build();
  ProfileBuilder builder(*built);
  std::vector<LocationId> outer(built->stack(put).begin(), built->stack(put).end());
  for (const char* name : {kInsert, kMap}) {
    Function function;
    function.name = builder.AddString(name);
    const Line line{.function = builder.AddFunction(function)};
    std::vector<LocationId> stack = {builder.AddLocation(0x9000, MappingId{0}, false, {&line, 1})};
    stack.insert(stack.end(), outer.begin(), outer.end());
    Label label;
    label.key = builder.AddString("bytes");
    label.num = 48;
    const int64_t values[] = {10, 1, 20};
    builder.AddSample(builder.AddStack(stack), builder.AddLabels({label}), values);
  }
  const auto folded = FoldContainers(*Classify(*builder.Build()));
  ASSERT_TRUE(folded.ok());
  ASSERT_EQ((*folded)->sample_count(), 2U);
  EXPECT_EQ((*folded)->sample_stacks()[0], (*folded)->sample_stacks()[1]);
  for (size_t row = 0; row < 2; ++row) {
    EXPECT_EQ((*folded)->values(0)[row], 10);
    EXPECT_EQ((*folded)->values(2)[row], 20);
    EXPECT_EQ((*folded)->labels((*folded)->sample_labels()[row])[0].num, 48);
  }
  EXPECT_EQ((*folded)->annotations().site.size(), (*folded)->stack_count());
}

TEST_F(FoldTest, WhatIsInferredIsAFrameOnRequest) {
  const StackId stack = AddStack({{kNew}, {}, {}});
  for (int64_t size = 1 << 16; size <= (1 << 22); size *= 2) AddSample(stack, size, size);
  const auto built = *builder_.Build();
  const auto classified = *Classify(built);
  EXPECT_EQ(Stack(**FoldContainers(classified), 0), "[slice?] < ? < ?");
  EXPECT_EQ(Stack(**FoldContainers(classified, {.inferred = false}), 0),
            std::string(kNew) + " < ? < ?");
}

TEST_F(FoldTest, EmptyStacksAndUnclassifiedProfiles) {
  AddSample(builder_.AddStack({}), 64, 1);
  const auto built = *builder_.Build();
  EXPECT_EQ(Stack(**FoldContainers(*Classify(built)), 0), "");
  EXPECT_EQ(FoldContainers(built).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark::classify
