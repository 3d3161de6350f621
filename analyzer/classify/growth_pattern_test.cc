#include "analyzer/classify/growth_pattern.h"

#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

TEST(GrowthPattern, DoublingArray) {
  GrowthPattern vector;
  for (int64_t size = 24 * 1024; size < (64 << 20); size *= 2) vector.Add(size, size);
  EXPECT_TRUE(vector.IsDoubling());
}

TEST(GrowthPattern, PrimesOfAHashTableAreNone) {
  GrowthPattern table;
  for (int64_t buckets : {13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043}) {
    table.Add(buckets * 8, buckets * 8);
  }
  EXPECT_FALSE(table.IsDoubling());
}

TEST(GrowthPattern, NodesAndMixturesAreNone) {
  GrowthPattern nodes;
  nodes.Add(64, 1 << 20);
  EXPECT_FALSE(nodes.IsDoubling());
  GrowthPattern buffers;
  for (int64_t size = 100; size < 100000; size = size * 5 / 4) buffers.Add(size, size);
  EXPECT_FALSE(buffers.IsDoubling());
  EXPECT_FALSE(GrowthPattern().IsDoubling());
  GrowthPattern few;
  for (int64_t size : {4096, 8192, 16384}) few.Add(size, size);
  EXPECT_FALSE(few.IsDoubling());
}

TEST(GrowthPattern, AbsurdNumbers) {
  GrowthPattern hostile;
  hostile.Add(INT64_MAX, INT64_MAX);
  hostile.Add(INT64_MIN, INT64_MIN);
  hostile.Add(-1, 5);
  hostile.Add(0, 5);
  EXPECT_FALSE(hostile.IsDoubling());
}

}  // namespace
}  // namespace tidemark::classify
