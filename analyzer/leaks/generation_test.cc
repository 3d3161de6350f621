#include "analyzer/leaks/generation.h"

#include "analyzer/leaks/simulated_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

using testing::ElementsAre;

// 10 bytes each second; those of the seconds 10 to 19 are freed at 30. Everything recorded.
SimulatedProcess OneGenerationDies() {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  for (int i = 0; i < 40; ++i) {
    process.Allocate(site, 10, i + 0.5, i >= 10 && i < 20 ? 30 : kForever);
  }
  return process;
}

Series SeriesOf(const SimulatedProcess& process, const std::vector<double>& times) {
  Snapshots snapshots;
  for (double time : times) snapshots.push_back(process.SnapshotAt(time));
  return MakeSeries(snapshots, {}, nullptr).value();
}

TEST(Generations, BoundariesAreTheMarksInsideTheRun) {
  const Series series = SeriesOf(OneGenerationDies(), {10, 20, 40});
  EXPECT_TRUE(Boundaries(series, {}).empty());
  EXPECT_THAT(Boundaries(series, {.since_s = {20, 10, 20, -5, 99}}), ElementsAre(0, 10, 20, 40));
  EXPECT_THAT(Boundaries(series, {.at_each_snapshot = true}), ElementsAre(0, 10, 20, 40));
  EXPECT_THAT(Boundaries(series, {.times_ns = {SimulatedProcess::kEpoch + 15'000'000'000}}),
              ElementsAre(0, 15, 40));
}

TEST(Generations, OfAProfileWithoutSamples) {
  const Series series = SeriesOf(SimulatedProcess(1, 1), {10});
  const auto generations = GenerationsOfAll(series, Boundaries(series, {.since_s = {5}}));
  ASSERT_EQ(generations.size(), 1u);  // without ages, a mark is where a snapshot is
  EXPECT_EQ(generations[0].live_bytes, 0);
}

// The labels of the seconds from 8 on are 2, from 16 on 4 seconds wide.
TEST(Generations, WhatIsLeftOfEach) {
  const Series series = SeriesOf(OneGenerationDies(), {10, 20, 40});
  const auto generations =
      GenerationsOf(series, series.sites[0], Boundaries(series, {.since_s = {10, 20}}));
  ASSERT_EQ(generations.size(), 3u);
  EXPECT_EQ(generations[0].live_bytes, 100);
  EXPECT_EQ(generations[1].live_bytes, 0);
  EXPECT_EQ(generations[1].live_ci.low, 0);
  EXPECT_EQ(generations[2].live_bytes, 200);
  EXPECT_LE(generations[2].live_ci.low, 200);
  EXPECT_GE(generations[2].live_ci.high, 200);
  // All sites together are this one.
  EXPECT_EQ(GenerationsOfAll(series, Boundaries(series, {.since_s = {10, 20}}))[2].live_bytes, 200);
}

// A mark within a label's span: either side may have its blocks.
TEST(Generations, AMarkInsideALabelLeavesItOpen) {
  const Series series = SeriesOf(OneGenerationDies(), {40});
  const auto generations =
      GenerationsOf(series, series.sites[0], Boundaries(series, {.since_s = {34}}));
  ASSERT_EQ(generations.size(), 2u);
  // 32 to 40 is one label of 8 seconds: a quarter of its 80 bytes is said to be older.
  EXPECT_EQ(generations[1].live_bytes, 60);
  EXPECT_EQ(generations[1].live_ci.low, 0);
  EXPECT_GE(generations[1].live_ci.high, 80);
}

// Few large blocks of one site beside many small ones of another: all together is not less sure
// than both on their own.
TEST(Generations, TheTotalIsNoWiderThanItsSites) {
  SimulatedProcess process(1, 64 * 1024);
  const size_t small = process.AddSite("small");
  for (int i = 0; i < 4000; ++i) process.Allocate(small, 4096, 0.01 * i);
  const size_t large = process.AddSite("large");
  for (int i = 0; i < 4; ++i) process.Allocate(large, 16 << 20, 5.0 * i);
  const Series series = SeriesOf(process, {50});
  const std::vector<double> boundaries = Boundaries(series, {.since_s = {4}});
  double width = 0;
  for (const SiteSeries& site : series.sites) {
    const Generation of_site = GenerationsOf(series, site, boundaries)[1];
    width += of_site.live_ci.high - of_site.live_ci.low;
  }
  const Generation of_all = GenerationsOfAll(series, boundaries)[1];
  EXPECT_LE(of_all.live_ci.high - of_all.live_ci.low, width);
}

// Without ages: what is left is bounded by levels and what was allocated since.
TEST(Generations, FromFlowsAlone) {
  SimulatedProcess process = OneGenerationDies();
  process.set_plain(true);
  const Series series = SeriesOf(process, {10, 20, 40});
  const auto generations =
      GenerationsOf(series, series.sites[0], Boundaries(series, {.at_each_snapshot = true}));
  ASSERT_EQ(generations.size(), 3u);
  // 300 live; 100 were live at 10, 200 allocated since 20.
  EXPECT_EQ(generations[1].live_ci, (Interval{0, 100}));
  EXPECT_FALSE(generations[1].live_bytes);
  // Of the last, at least 300 - 200 live at 20; at most all 200 allocated.
  EXPECT_EQ(generations[2].live_ci, (Interval{100, 200}));
}

}  // namespace
}  // namespace tidemark::leaks
