#include "analyzer/classify/inference.h"

#include <string>
#include <vector>

#include "analyzer/classify/classifier.h"
#include "analyzer/model/profile_builder.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

// A stripped program: frames are numbers, 0 stands for operator new.
class InferenceTest : public testing::Test {
 protected:
  InferenceTest() {
    const ValueType types[] = {{builder_.AddString("alloc_space"), builder_.AddString("bytes")},
                               {builder_.AddString("alloc_objects"), builder_.AddString("count")},
                               {builder_.AddString("inuse_space"), builder_.AddString("bytes")}};
    builder_.SetSampleTypes(types);
    builder_.SetPeriod(types[0], 1);
    Mapping mapping;
    mapping.file = builder_.AddString("/usr/bin/server");
    mapping_ = builder_.AddMapping(mapping);
    Function function;
    function.name = builder_.AddString("operator new(unsigned long)");
    const Line line{.function = builder_.AddFunction(function)};
    frames_.push_back(builder_.AddLocation(1, MappingId{}, false, {&line, 1}));
    for (uint64_t i = 1; i < 20; ++i) {
      frames_.push_back(builder_.AddLocation(0x1000 * i, mapping_, false, {}));
    }
    Function named;
    named.name = builder_.AddString("make_session");
    const Line with_line{.function = builder_.AddFunction(named), .line = 12};
    with_lines_ = builder_.AddLocation(0x90000, mapping_, false, {&with_line, 1});
  }

  StackId Stack(const std::vector<size_t>& frames) {
    std::vector<LocationId> ids;
    for (const size_t i : frames) ids.push_back(frames_[i]);
    return builder_.AddStack(ids);
  }

  void AddBlocks(StackId stack, int64_t size, int64_t alloc, int64_t live, int64_t reallocs = 0) {
    std::vector<Label> labels(1);
    labels[0].key = builder_.AddString("bytes");
    labels[0].num = size;
    if (reallocs > 0) {
      labels.emplace_back();
      labels[1].key = builder_.AddString("reallocs");
      labels[1].num = reallocs;
    }
    const int64_t values[] = {alloc * size, alloc, live * size};
    builder_.AddSample(stack, builder_.AddLabels(labels), values);
  }

  void AddDoublings(StackId stack, int64_t first, int64_t last) {
    for (int64_t size = first; size <= last; size *= 2) AddBlocks(stack, size, 1, size == last);
  }

  std::string BadgeOf(StackId stack) {
    if (!profile_) profile_ = *Classify(*builder_.Build());
    const Annotations& annotations = profile_->annotations();
    const ContainerId id = annotations.container[stack.value];
    if (!id.valid()) return "";
    const Container& c = annotations.containers[id.value];
    EXPECT_EQ(c.evidence, Evidence::kInferred);
    return c.badge + " " + ShownName(c.operation);
  }

  ProfileBuilder builder_;
  MappingId mapping_;
  std::vector<LocationId> frames_;
  LocationId with_lines_;
  std::shared_ptr<const Profile> profile_;
};

TEST_F(InferenceTest, AnArrayThatDoubles) {
  const StackId array = Stack({0, 1, 2});
  AddDoublings(array, 1 << 16, 1 << 22);
  EXPECT_EQ(BadgeOf(array), "slice? grow");
}

TEST_F(InferenceTest, WhatWasReallocatedIsAnArrayOfAnySize) {
  const StackId array = Stack({1, 2});
  AddBlocks(array, 70000, 1, 1, 8);
  AddBlocks(array, 50000, 1, 1, 0);
  EXPECT_EQ(BadgeOf(array), "slice? grow");
}

TEST_F(InferenceTest, OneReallocIsNoEvidence) {
  const StackId once = Stack({1, 2});
  AddBlocks(once, 70000, 1, 1, 1);
  EXPECT_EQ(BadgeOf(once), "");
}

TEST_F(InferenceTest, EqualSmallBlocksAreNodes) {
  const StackId nodes = Stack({0, 1, 2});
  AddBlocks(nodes, 24, 1000, 900);
  EXPECT_EQ(BadgeOf(nodes), "nodes of 24 B? insert");
}

TEST_F(InferenceTest, LargerOnesMayBeATreesOrAnything) {
  const StackId nodes = Stack({0, 1, 2});
  AddBlocks(nodes, 48, 1000, 900);
  EXPECT_EQ(BadgeOf(nodes), "");
}

TEST_F(InferenceTest, WhereLinesAreKnownEqualBlocksAreObjects) {
  const StackId objects =
      builder_.AddStack(std::vector<LocationId>{frames_[0], with_lines_, frames_[2]});
  AddBlocks(objects, 24, 1000, 900);
  EXPECT_EQ(BadgeOf(objects), "");
}

TEST_F(InferenceTest, PrimesAndTheNodesBesideThemAreAMap) {
  // The node is made in the function that 2 called, the table in one that this called.
  const StackId nodes = Stack({0, 1, 2});
  const StackId table = Stack({0, 4, 3, 2});
  const StackId others = Stack({0, 5, 6});
  AddBlocks(nodes, 48, 10000, 10000);
  AddBlocks(others, 32, 1000, 1000);
  for (const int64_t buckets : {13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273}) {
    AddBlocks(table, 8 * buckets, 1, buckets == 10273);
  }
  EXPECT_EQ(BadgeOf(table), "map? rehash");
  EXPECT_EQ(BadgeOf(nodes), "map? insert");
  EXPECT_EQ(BadgeOf(others), "nodes of 32 B? insert");
}

TEST_F(InferenceTest, PointersToBlocksMayBeAVectorOrAHashTable) {
  const StackId nodes = Stack({0, 1, 3});
  const StackId pointers = Stack({0, 2, 3});
  AddBlocks(nodes, 48, 8000, 8000);
  AddDoublings(pointers, 64, 65536);
  EXPECT_EQ(BadgeOf(pointers), "");
  EXPECT_EQ(BadgeOf(nodes), "");
}

TEST_F(InferenceTest, PointersThatWereReallocatedAreAVector) {
  const StackId nodes = Stack({1, 3});
  const StackId pointers = Stack({2, 3});
  AddBlocks(nodes, 48, 8000, 8000);
  AddBlocks(pointers, 65536, 10, 1, 8);
  EXPECT_EQ(BadgeOf(pointers), "slice? grow");
  EXPECT_EQ(BadgeOf(nodes), "");
}

TEST_F(InferenceTest, AnArrayTooSmallForTheNodesIsAnother) {
  const StackId nodes = Stack({0, 1, 3});
  const StackId array = Stack({0, 2, 3});
  AddBlocks(nodes, 24, 800000, 800000);
  AddDoublings(array, 64, 4096);
  EXPECT_EQ(BadgeOf(array), "slice? grow");
  EXPECT_EQ(BadgeOf(nodes), "nodes of 24 B? insert");
}

}  // namespace
}  // namespace tidemark::classify
