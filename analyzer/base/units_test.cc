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

TEST(ValueFormat, UsesOneUnitForATable) {
  // As in pprof: the smallest value's unit...
  const ValueFormat kilobytes("bytes", {1635103, 526338, 524344}, 5343744);
  EXPECT_EQ(kilobytes.Format(1635103), "1596.78kB");
  EXPECT_EQ(kilobytes.Format(526338), "514kB");
  EXPECT_EQ(kilobytes.Format(0), "0");
  // ... unless that is more than two orders of magnitude below the total.
  const ValueFormat wide("bytes", {20, 5'000'000, 0}, 5'000'020);
  EXPECT_EQ(wide.Format(5'000'000), "4882.81kB");
  EXPECT_EQ(wide.Format(20), "0.02kB");
  EXPECT_EQ(wide.Format(1), "0");
  EXPECT_EQ(ValueFormat("count", {1, 2}, 3).Format(2), "2");
  EXPECT_EQ(ValueFormat("bytes", {}, 0).Format(7), "7B");
  EXPECT_EQ(ValueFormat("bytes", {std::numeric_limits<int64_t>::min()}, -1)
                .Format(std::numeric_limits<int64_t>::min()),
            "-8192PB");
}

TEST(UnitFactor, ConvertsWithinAFamily) {
  EXPECT_EQ(UnitFactor("kilobytes") / UnitFactor("bytes"), 1024);
  EXPECT_EQ(UnitFactor("parsecs"), 0);
  EXPECT_TRUE(SameUnitFamily("ms", "nanoseconds"));
  EXPECT_FALSE(SameUnitFamily("ms", "bytes"));
  EXPECT_TRUE(SameUnitFamily("parsecs", "parsecs"));
  EXPECT_FALSE(SameUnitFamily("parsecs", "count"));
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
