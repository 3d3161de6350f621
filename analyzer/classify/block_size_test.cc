#include "analyzer/classify/block_size.h"

#include <cmath>
#include <memory>

#include "analyzer/model/profile_builder.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

// One row of `bytes` in `count` blocks (exact) or samples, labelled with a size.
std::shared_ptr<const Profile> OneRow(int64_t period, int64_t bytes, int64_t count, int64_t label,
                                      const char* count_type) {
  ProfileBuilder builder;
  const ValueType types[] = {{builder.AddString("alloc_space"), builder.AddString("bytes")},
                             {builder.AddString(count_type), builder.AddString("count")}};
  builder.SetSampleTypes(types);
  builder.SetPeriod({builder.AddString("space"), builder.AddString("bytes")}, period);
  Label size;
  size.key = builder.AddString("bytes");
  size.num = label;
  const int64_t values[] = {bytes, count};
  builder.AddSample(builder.AddStack({}), builder.AddLabels({size}), values);
  return *builder.Build();
}

int64_t Exact(int64_t bytes, int64_t count) {
  return BlockSizes(*OneRow(1, bytes, count, 64, "alloc_objects")).Of(0);
}

// What the recorder writes for `samples` blocks of `size` at `rate`.
int64_t Sampled(int64_t size, int64_t rate, int64_t label, int64_t samples = 3) {
  const double weight = static_cast<double>(size) /
                        -std::expm1(-static_cast<double>(size) / static_cast<double>(rate));
  const auto profile =
      OneRow(rate, samples * std::llround(weight), samples, label, "alloc_samples");
  const BlockSizes sizes(*profile);
  EXPECT_TRUE(sizes.are_known());
  return sizes.Of(0);
}

TEST(BlockSizes, ExactModeDivides) {
  EXPECT_EQ(Exact(7 * 68, 7), 68);
  EXPECT_EQ(Exact((7 * 68) + 1, 7), 0);  // not all of one size
  EXPECT_EQ(Exact(0, 0), 0);
  EXPECT_EQ(Exact(-68, 1), 0);
}

TEST(BlockSizes, SampledModeInvertsTheWeight) {
  for (const int64_t rate : {int64_t{524288}, int64_t{4096}}) {
    EXPECT_NEAR(Sampled(24, rate, 24), 24, 2);
    EXPECT_NEAR(Sampled(49152, rate, 49152), 49152, 2);
    EXPECT_NEAR(Sampled(50000, rate, 49152), 50000, 2);
    EXPECT_NEAR(Sampled((1 << 20) + 16, rate, 1 << 20), (1 << 20) + 16, 2);
  }
  // A hash table with 16 bytes beside its slots is told from an array.
  EXPECT_NE(Sampled(65536 + 16, 524288, 65536), Sampled(65536, 524288, 65536));
}

TEST(BlockSizes, WhatDoesNotFitTheLabelIsNotKnown) {
  // The rate was another when it was sampled.
  const auto other = OneRow(524288, 3 * 2000000, 3, 64, "alloc_samples");
  EXPECT_EQ(BlockSizes(*other).Of(0), 0);
  const auto absurd = OneRow(524288, INT64_MAX, 1, INT64_MAX, "alloc_samples");
  EXPECT_GE(BlockSizes(*absurd).Of(0), 0);
}

TEST(BlockSizes, OtherProfilesSayNone) {
  EXPECT_FALSE(BlockSizes(*OneRow(524288, 1, 1, 64, "alloc_objects")).are_known());
  EXPECT_FALSE(BlockSizes(*OneRow(0, 1, 1, 64, "alloc_samples")).are_known());
  EXPECT_FALSE(BlockSizes(**ProfileBuilder().Build()).are_known());
}

}  // namespace
}  // namespace tidemark::classify
