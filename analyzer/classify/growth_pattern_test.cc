#include "analyzer/classify/growth_pattern.h"

#include <initializer_list>
#include <vector>

#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

// `count` arrays that grow through these sizes and live in the last.
GrowthPattern Through(const std::vector<int64_t>& sizes, int64_t count = 1, int64_t tolerance = 0) {
  GrowthPattern pattern(tolerance);
  for (const int64_t size : sizes) {
    pattern.Add(size, count * size, size == sizes.back() ? count * size : 0);
  }
  return pattern;
}

std::vector<int64_t> Doubling(int64_t first, int64_t last, int64_t beside = 0) {
  std::vector<int64_t> sizes;
  for (int64_t size = first; size <= last; size *= 2) sizes.push_back(size + beside);
  return sizes;
}

// As an array of `element` bytes whose length grows by the factor.
std::vector<int64_t> Growing(double factor, int64_t element, int64_t last) {
  std::vector<int64_t> sizes;
  for (int64_t length = 4; length * element <= last;
       length = static_cast<int64_t>(static_cast<double>(length) * factor)) {
    sizes.push_back(length * element);
  }
  return sizes;
}

TEST(GrowthPattern, ArraysThatGrow) {
  EXPECT_TRUE(Through(Doubling(24 * 1024, 64 << 20)).IsGrowingArray());
  EXPECT_TRUE(Through(Doubling(16, 4096), 100).IsGrowingArray());
  EXPECT_TRUE(Through(Growing(1.5, 16, 1 << 20)).IsGrowingArray());
  EXPECT_TRUE(Through(Growing(1.6, 48, 1 << 20), 3).IsGrowingArray());
  // Three doublings could be chance.
  EXPECT_FALSE(Through(Doubling(1024, 8192)).IsGrowingArray());
}

TEST(GrowthPattern, ArraysOfManyLengths) {
  // 64 that end at 64 bytes, 32 at 128…
  GrowthPattern pattern;
  int64_t reached = 127;
  for (int64_t size = 64, ends = 64; ends > 0; size *= 2, ends /= 2) {
    pattern.Add(size, reached * size, ends * size);
    reached -= ends;
  }
  EXPECT_TRUE(pattern.IsGrowingArray());
  // And others that began with three elements.
  for (const int64_t size : Doubling(3 * 64, 3 * 4096)) pattern.Add(size, size, 0);
  EXPECT_TRUE(pattern.IsGrowingArray());
}

TEST(GrowthPattern, SizesThatAreOffByTwo) {
  EXPECT_TRUE(Through({64, 127, 254, 510, 1020}, 1, 2).IsGrowingArray());
  EXPECT_FALSE(Through({64, 127, 254, 510, 1020}, 1, 0).IsGrowingArray());
}

// hashbrown has 16 bytes beside its slots, absl one byte and a slot.
TEST(GrowthPattern, TablesDoNotDoubleToTheByte) {
  EXPECT_FALSE(Through(Doubling(25 * 4, 25 << 16, 16)).IsGrowingArray());
  EXPECT_FALSE(Through(Doubling(25 * 4, 25 << 16, 16), 1, 2).IsGrowingArray());
  EXPECT_FALSE(Through(Doubling(17 * 8, 17 << 16, -1)).IsGrowingArray());
}

TEST(GrowthPattern, BuffersOfPowersOfTwoAreNone) {
  GrowthPattern pattern;
  for (const int64_t size : Doubling(4096, 1 << 20)) pattern.Add(size, 100 * size, 50 * size);
  EXPECT_FALSE(pattern.IsGrowingArray());
  // More of the larger: they did not grow out of the smaller.
  GrowthPattern larger;
  int64_t count = 1;
  for (const int64_t size : Doubling(4096, 1 << 20)) {
    larger.Add(size, count * size, 0);
    count *= 3;
  }
  EXPECT_FALSE(larger.IsGrowingArray());
}

TEST(GrowthPattern, OtherSizesAreNone) {
  EXPECT_FALSE(Through({64}).IsGrowingArray());
  EXPECT_FALSE(Through(Growing(1.25, 100, 100000)).IsGrowingArray());
  EXPECT_FALSE(Through(Growing(3, 100, 10000000)).IsGrowingArray());
  EXPECT_FALSE(GrowthPattern().IsGrowingArray());
  GrowthPattern unknown = Through(Doubling(1024, 65536));
  unknown.Add(0, 1 << 20, 0);
  EXPECT_FALSE(unknown.IsGrowingArray());
}

TEST(GrowthPattern, TablesOfPointers) {
  const auto table = [](std::initializer_list<int64_t> lengths) {
    std::vector<int64_t> sizes;
    for (const int64_t length : lengths) sizes.push_back(8 * length);
    return Through(sizes);
  };
  const GrowthPattern libstdcxx =
      table({13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043});
  EXPECT_TRUE(libstdcxx.IsPointerTable());
  EXPECT_FALSE(libstdcxx.IsGrowingArray());
  EXPECT_TRUE(table({5, 11, 23, 47, 97, 197, 397, 797, 1597, 3203}).IsPointerTable());
  EXPECT_TRUE(table({17, 33, 65, 129, 257, 513}).IsPointerTable());
  EXPECT_FALSE(table({13, 29, 59}).IsPointerTable());
  EXPECT_FALSE(table({13, 29, 61, 131, 283, 593}).IsPointerTable());
  // What the labels of sizes could not tell from libc++'s primes.
  EXPECT_FALSE(Through(Doubling(48, 49152)).IsPointerTable());
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
  EXPECT_FALSE(hostile.IsPointerTable());
  EXPECT_EQ(hostile.NodeSize(), 0);
  for (int64_t size = INT64_MAX; size > 0; size /= 2) hostile.Add(size, size, 0);
  hostile.IsGrowingArray();
}

}  // namespace
}  // namespace tidemark::classify
