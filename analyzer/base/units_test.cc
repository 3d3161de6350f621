#include "analyzer/base/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace tidemark {
namespace {

TEST(FormatValue, PicksTheLargestUnitThatFits) {
  EXPECT_EQ(FormatValue(0, "bytes"), "0");
  EXPECT_EQ(FormatValue(512, "bytes"), "512B");
  EXPECT_EQ(FormatValue(1023, "bytes"), "1023B");
  EXPECT_EQ(FormatValue(1024, "bytes"), "1kB");
  EXPECT_EQ(FormatValue(1536, "bytes"), "1.50kB");
  EXPECT_EQ(FormatValue(20 << 20, "bytes"), "20MB");
  EXPECT_EQ(FormatValue(-1536, "bytes"), "-1.50kB");
  EXPECT_EQ(FormatValue(2, "megabytes"), "2MB");
  EXPECT_EQ(FormatValue(1'200'000'000, "nanoseconds"), "1.20s");
  EXPECT_EQ(FormatValue(std::numeric_limits<int64_t>::min(), "bytes"), "-8192PB");
}

TEST(FormatValue, LeavesCountsAndUnknownUnitsAlone) {
  EXPECT_EQ(FormatValue(123456, "count"), "123456");
  EXPECT_EQ(FormatValue(7, ""), "7");
  EXPECT_EQ(FormatValue(7, "parsecs"), "7parsecs");
}

TEST(FormatPercent, HasPprofsColumns) {
  EXPECT_EQ(FormatPercent(1, 0), "    0%");
  EXPECT_EQ(FormatPercent(32, 1000), " 3.20%");
  EXPECT_EQ(FormatPercent(1000, 1000), "  100%");
  EXPECT_EQ(FormatPercent(24, 100000), "0.024%");
  EXPECT_EQ(FormatPercent(1, 2), "50.00%");
}

}  // namespace
}  // namespace tidemark
