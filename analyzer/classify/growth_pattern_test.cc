#include "analyzer/classify/growth_pattern.h"

#include <initializer_list>

#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

// The recorder's label of a size: 8 buckets in each octave, exact below 16.
int64_t Label(int64_t size) {
  int64_t step = 1;
  while (size / step >= 16) step *= 2;
  return size / step * step;
}

// `count` arrays that start at `first` bytes, grow by `factor` and end at `last`, live there.
GrowthPattern Arrays(int64_t count, double first, double last, double factor) {
  GrowthPattern pattern;
  for (double size = first; size <= last; size *= factor) {
    const auto bytes = static_cast<int64_t>(size);
    pattern.Add(Label(bytes), count * bytes, size * factor > last ? count * bytes : 0);
  }
  return pattern;
}

TEST(GrowthPattern, ArraysThatGrow) {
  EXPECT_TRUE(Arrays(1, 24 * 1024, 64 << 20, 2).IsGrowingArray());
  EXPECT_TRUE(Arrays(100, 16, 4096, 2).IsGrowingArray());
  EXPECT_TRUE(Arrays(1, 64, 1 << 20, 1.5).IsGrowingArray());
  EXPECT_TRUE(Arrays(3, 48, 1 << 20, 1.618).IsGrowingArray());
  // Three doublings, six smaller steps: could be chance.
  EXPECT_FALSE(Arrays(1, 1024, 8192, 2).IsGrowingArray());
  EXPECT_FALSE(Arrays(1, 1000, 7700, 1.5).IsGrowingArray());
}

TEST(GrowthPattern, ArraysOfManyLengths) {
  // 64 that end at 64 bytes, 32 at 128…
  GrowthPattern pattern;
  int64_t reached = 255;
  for (int64_t size = 64, ends = 128; ends > 0; size *= 2, ends /= 2) {
    pattern.Add(size, reached * size, ends * size);
    reached -= ends;
  }
  EXPECT_TRUE(pattern.IsGrowingArray());
}

TEST(GrowthPattern, BuffersOfPowersOfTwoAreNone) {
  GrowthPattern pattern;
  for (int64_t size = 4096; size <= (1 << 20); size *= 2) pattern.Add(size, 100 * size, 50 * size);
  EXPECT_FALSE(pattern.IsGrowingArray());
  // More of the larger: they did not grow out of the smaller.
  GrowthPattern larger;
  for (int64_t size = 4096, n = 1; size <= (1 << 20); size *= 2, n *= 3) {
    larger.Add(size, n * size, 0);
  }
  EXPECT_FALSE(larger.IsGrowingArray());
}

TEST(GrowthPattern, OtherSizesAreNone) {
  GrowthPattern nodes;
  nodes.Add(64, 1 << 20, 1 << 20);
  EXPECT_FALSE(nodes.IsGrowingArray());
  EXPECT_FALSE(Arrays(1, 100, 100000, 1.25).IsGrowingArray());
  EXPECT_FALSE(Arrays(1, 100, 1e7, 3).IsGrowingArray());
  EXPECT_FALSE(GrowthPattern().IsGrowingArray());
}

TEST(GrowthPattern, PrimesOfHashTables) {
  const auto table = [](std::initializer_list<int64_t> buckets) {
    GrowthPattern pattern;
    for (const int64_t n : buckets) pattern.Add(Label(8 * n), 8 * n, n == 42043 ? 8 * n : 0);
    return pattern;
  };
  const GrowthPattern libstdcxx =
      table({13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043});
  EXPECT_TRUE(libstdcxx.IsPrimeTable());
  EXPECT_FALSE(libstdcxx.IsGrowingArray());
  EXPECT_TRUE(table({5, 11, 23, 47, 97, 197, 397, 797, 1597, 3203}).IsPrimeTable());
  EXPECT_FALSE(table({13, 29, 59}).IsPrimeTable());
  EXPECT_FALSE(table({13, 29, 61, 131, 283, 593}).IsPrimeTable());
  EXPECT_FALSE(Arrays(1, 8, 1 << 20, 2).IsPrimeTable());
}

TEST(GrowthPattern, Nodes) {
  GrowthPattern nodes;
  nodes.Add(48, 48000, 40000);
  EXPECT_EQ(nodes.NodeSize(), 48);
  nodes.Add(1024, 3000, 3000);
  EXPECT_EQ(nodes.NodeSize(), 48);
  nodes.Add(4096, 8192, 0);
  EXPECT_EQ(nodes.NodeSize(), 0);  // not all of one size
  GrowthPattern few;
  few.Add(48, 48 * 63, 48 * 63);
  EXPECT_EQ(few.NodeSize(), 0);
  GrowthPattern temporary;
  temporary.Add(48, 48000, 20000);
  EXPECT_EQ(temporary.NodeSize(), 0);
  GrowthPattern large;
  large.Add(4096, 4096000, 4096000);
  EXPECT_EQ(large.NodeSize(), 0);
}

TEST(GrowthPattern, AbsurdNumbers) {
  GrowthPattern hostile;
  hostile.Add(INT64_MAX, INT64_MAX, INT64_MAX);
  hostile.Add(INT64_MIN, INT64_MIN, INT64_MIN);
  hostile.Add(-1, 5, 5);
  hostile.Add(0, 5, 5);
  hostile.Add(1, INT64_MAX, INT64_MIN);
  EXPECT_FALSE(hostile.IsGrowingArray());
  EXPECT_FALSE(hostile.IsPrimeTable());
  EXPECT_EQ(hostile.NodeSize(), 0);
  for (int64_t size = INT64_MAX; size > 0; size /= 2) hostile.Add(size, size, 0);
  hostile.IsGrowingArray();
}

}  // namespace
}  // namespace tidemark::classify
