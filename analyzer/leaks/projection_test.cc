#include "analyzer/leaks/projection.h"

#include <string>

#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

constexpr int64_t kMiB = 1 << 20;

// 1 MiB each second from the start, everything recorded; resident memory is 10 MiB more.
Series Growing(bool resident, bool cgroup) {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  for (int i = 0; i < 100; ++i) process.Allocate(site, kMiB, i);
  if (cgroup) process.set_comment("memory_limit_bytes", std::to_string(200 * kMiB));
  Snapshots snapshots;
  for (int time : {20, 40, 60, 80, 99}) {
    if (resident) process.set_comment("rss_bytes", std::to_string((time + 11) * kMiB));
    snapshots.push_back(process.SnapshotAt(time));
  }
  return MakeSeries(snapshots, {}, nullptr).value();
}

TEST(Projection, TimeUntilALimit) {
  const auto projection = ProjectLimit(Growing(false, false), 200 * kMiB);
  ASSERT_TRUE(projection);
  EXPECT_FALSE(projection->is_resident);
  EXPECT_FALSE(projection->is_cgroup);
  EXPECT_EQ(projection->used_bytes, 100 * kMiB);
  ASSERT_TRUE(projection->time_left);
  EXPECT_NEAR(projection->time_left->seconds, 100, 1);
  EXPECT_LE(projection->time_left->low_s, projection->time_left->seconds);
  ASSERT_TRUE(projection->time_left->high_s);
  EXPECT_GE(*projection->time_left->high_s, projection->time_left->seconds);
}

TEST(Projection, ResidentMemoryIsHeldAgainstTheCgroupsLimit) {
  const auto projection = ProjectLimit(Growing(true, true), 0);
  ASSERT_TRUE(projection);
  EXPECT_TRUE(projection->is_resident);
  EXPECT_TRUE(projection->is_cgroup);
  EXPECT_EQ(projection->limit_bytes, 200 * kMiB);
  EXPECT_EQ(projection->left_bytes(), 90 * kMiB);
  EXPECT_NEAR(projection->time_left->seconds, 90, 1);
  // A limit that is given counts before the cgroup's.
  EXPECT_EQ(ProjectLimit(Growing(true, true), 150 * kMiB)->left_bytes(), 40 * kMiB);
}

TEST(Projection, WithoutALimitThereIsNone) { EXPECT_FALSE(ProjectLimit(Growing(true, false), 0)); }

TEST(Projection, WhatIsOverTheLimitHasNoTimeLeft) {
  const auto projection = ProjectLimit(Growing(false, false), 50 * kMiB);
  ASSERT_TRUE(projection);
  EXPECT_LT(projection->left_bytes(), 0);
  EXPECT_FALSE(projection->time_left);
}

TEST(Projection, AStepHasNoPace) {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  process.Allocate(site, kMiB, 1);
  process.Allocate(site, 50 * kMiB, 45);
  Snapshots snapshots;
  for (int time : {10, 20, 30, 40, 50, 60, 70}) snapshots.push_back(process.SnapshotAt(time));
  const auto projection = ProjectLimit(MakeSeries(snapshots, {}, nullptr).value(), 200 * kMiB);
  ASSERT_TRUE(projection);
  EXPECT_TRUE(projection->grew_in_one_step);
  EXPECT_FALSE(projection->time_left);
  EXPECT_FALSE(ProjectLimit(Growing(false, false), 200 * kMiB)->grew_in_one_step);
}

TEST(Projection, WhatHasPausedHasNoPace) {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  for (int i = 0; i < 50; ++i) process.Allocate(site, kMiB, i);
  Snapshots snapshots;
  for (int time : {10, 20, 30, 40, 50, 60, 70, 80}) snapshots.push_back(process.SnapshotAt(time));
  const auto projection = ProjectLimit(MakeSeries(snapshots, {}, nullptr).value(), 200 * kMiB);
  ASSERT_TRUE(projection);
  EXPECT_TRUE(projection->has_paused);
  EXPECT_FALSE(projection->time_left);
}

TEST(TimeToFill, EndsOfTheInterval) {
  EXPECT_FALSE(TimeToFill(100, 0, std::nullopt));
  EXPECT_FALSE(TimeToFill(100, -1, std::nullopt));
  EXPECT_FALSE(TimeToFill(0, 1, std::nullopt));
  const auto sure = TimeToFill(100, 2, Interval{1, 4});
  ASSERT_TRUE(sure);
  EXPECT_EQ(sure->seconds, 50);
  EXPECT_EQ(sure->low_s, 25);
  EXPECT_EQ(sure->high_s, 100);
  // It may not grow at all.
  EXPECT_FALSE(TimeToFill(100, 2, Interval{-1, 4})->high_s);
}

}  // namespace
}  // namespace tidemark::leaks
