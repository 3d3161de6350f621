#include "analyzer/base/rounding.h"

#include "gtest/gtest.h"

namespace tidemark {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

TEST(Rounding, AnyNumberHasAnInteger) {
  EXPECT_EQ(Rounded(2.5), 3);
  EXPECT_EQ(Rounded(-2.5), -3);
  EXPECT_EQ(Rounded(1e30), kMost);
  EXPECT_EQ(Rounded(-1e30), kLeast);
  EXPECT_EQ(Rounded(9.3e18), kMost);
  EXPECT_EQ(Rounded(std::numeric_limits<double>::infinity()), kMost);
  EXPECT_EQ(Rounded(std::nan("")), 0);
}

TEST(Rounding, DifferencesStayWithinTheIntegers) {
  EXPECT_EQ(SaturatingDifference(5, 7), -2);
  EXPECT_EQ(SaturatingDifference(kMost, kLeast), kMost);
  EXPECT_EQ(SaturatingDifference(kLeast, 1), kLeast);
  EXPECT_EQ(SaturatingDifference(0, kLeast), kMost);
}

}  // namespace
}  // namespace tidemark
