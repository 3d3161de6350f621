#include "analyzer/leaks/series.h"

#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"
#include "proto/buckets.h"

namespace tidemark::leaks {
namespace {

TEST(Ages, BucketEndsAreTheRecorders) {
  for (uint32_t bucket = 0; bucket < 100; ++bucket) {
    EXPECT_EQ(AgeBucketEnd(static_cast<int64_t>(TimeBucketStart(bucket))),
              static_cast<int64_t>(TimeBucketStart(bucket + 1)));
  }
  EXPECT_EQ(AgeBucketEnd(INT64_MAX), INT64_MAX);
}

TEST(Ages, GroupsAreSplitInProportion) {
  const std::vector<AgeGroup> ages = {{0, 1, 100, 4}, {8, 12, 400, 8}};
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 0), 0);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 5), 100);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 9), 200);
  EXPECT_DOUBLE_EQ(SamplesBefore(ages, 10), 8);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 100), 500);
}

TEST(Series, LevelsFlowsAndAges) {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  process.Allocate(site, 100, 1);
  process.Allocate(site, 50, 2, 15);
  process.Allocate(site, 25, 12);
  const auto series =
      MakeSeries(std::vector{process.SnapshotAt(20), process.SnapshotAt(10)}, nullptr);
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ(series->sites.size(), 1u);
  EXPECT_TRUE(series->has_times);
  EXPECT_EQ(series->times_s, (std::vector<double>{0, 10}));
  const SiteSeries& f = series->sites[0];
  EXPECT_EQ(f.at[0].live.sum.estimate, 150);
  EXPECT_EQ(f.at[1].live.sum.estimate, 125);
  EXPECT_EQ(f.at[1].alloc.sum.estimate, 175);
  EXPECT_EQ(f.at[1].live.sum.variance, 0);
  EXPECT_EQ(f.at[1].live.count_variance, 100 * 100 + 25 * 25);
  EXPECT_EQ(BytesBefore(f.at[1].ages, 10), 100);
}

TEST(Series, RestartKeepsTheNewestProcess) {
  SimulatedProcess before(1, 1);
  before.Allocate(before.AddSite("f"), 100, 1);
  before.set_process_id("aa");
  SimulatedProcess after(1, 1);
  after.Allocate(after.AddSite("f"), 10, 1);
  after.set_process_id("bb");
  const auto series = MakeSeries(std::vector{before.SnapshotAt(5), after.SnapshotAt(20)}, nullptr);
  ASSERT_TRUE(series.ok());
  EXPECT_EQ(series->snapshots.size(), 1u);
  ASSERT_EQ(series->notes.size(), 1u);
  EXPECT_EQ(series->notes[0],
            "1 snapshot is of another process (was it restarted?) and left out: only the newest "
            "process counts");
}

TEST(Series, TeardownAtExitIsLeftOut) {
  SimulatedProcess process(1, 1);
  process.Allocate(process.AddSite("f"), 100, 1, 9);
  std::vector<std::shared_ptr<const Profile>> snapshots = {process.SnapshotAt(4),
                                                           process.SnapshotAt(8)};
  process.set_reason("exit");
  snapshots.push_back(process.SnapshotAt(10));
  const auto series = MakeSeries(snapshots, nullptr);
  ASSERT_TRUE(series.ok());
  EXPECT_EQ(series->snapshots.size(), 2u);
  EXPECT_EQ(series->notes.size(), 1u);
  // Alone, it is all there is; with its heap intact it counts.
  EXPECT_EQ(MakeSeries(std::vector{snapshots[2]}, nullptr)->snapshots.size(), 1u);
  SimulatedProcess leaky(1, 1);
  leaky.Allocate(leaky.AddSite("f"), 100, 1);
  snapshots = {leaky.SnapshotAt(4)};
  leaky.set_reason("exit");
  snapshots.push_back(leaky.SnapshotAt(10));
  EXPECT_EQ(MakeSeries(snapshots, nullptr)->snapshots.size(), 2u);
}

TEST(Series, AFallingCounterIsARestart) {
  SimulatedProcess before(1, 1);
  before.Allocate(before.AddSite("f"), 100, 1);
  SimulatedProcess after(1, 1);
  after.Allocate(after.AddSite("f"), 10, 1);
  const auto series = MakeSeries(std::vector{before.SnapshotAt(5), after.SnapshotAt(20)}, nullptr);
  ASSERT_TRUE(series.ok());
  EXPECT_EQ(series->snapshots.size(), 1u);
}

TEST(Series, RefusesWhatIsNoHeapProfile) {
  EXPECT_EQ(MakeSeries({}, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  ProfileBuilder builder;
  const ValueType cpu[] = {{builder.AddString("cpu"), builder.AddString("nanoseconds")}};
  builder.SetSampleTypes(cpu);
  const std::vector<std::shared_ptr<const Profile>> snapshots = {builder.Build().value()};
  EXPECT_EQ(MakeSeries(snapshots, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Series, CanBeCancelled) {
  SimulatedProcess process(1, 1);
  process.Allocate(process.AddSite("f"), 100, 1);
  Progress progress;
  progress.cancelled = true;
  EXPECT_EQ(MakeSeries(std::vector{process.SnapshotAt(5)}, &progress).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace tidemark::leaks
