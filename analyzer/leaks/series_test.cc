#include "analyzer/leaks/series.h"

#include "analyzer/leaks/simulated_process.h"
#include "analyzer/report/frame.h"
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
  const std::vector<AgeGroup> ages = {{0, 1, {100, 4, 0}}, {8, 12, {400, 8, 0}}};
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 0), 0);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 5), 100);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 9), 200);
  EXPECT_DOUBLE_EQ(BytesBefore(ages, 100), 500);
}

TEST(Series, LevelsFlowsAndAges) {
  SimulatedProcess process(1, 1);
  const size_t site = process.AddSite("f");
  process.Allocate(site, 100, 1);
  process.Allocate(site, 50, 2, 15);
  process.Allocate(site, 25, 12);
  const auto series =
      MakeSeries(std::vector{process.SnapshotAt(20), process.SnapshotAt(10)}, {}, nullptr);
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

TEST(Series, CallersOfASite) {
  SimulatedProcess process(1, 1);
  const size_t a = process.AddSite("f", std::nullopt, {"f", "a", "main"});
  const size_t b = process.AddSite("f", std::nullopt, {"b", "main"});
  process.Allocate(a, 100, 1);
  process.Allocate(b, 10, 1);
  process.Allocate(b, 40, 12);
  const auto series =
      MakeSeries(std::vector{process.SnapshotAt(10), process.SnapshotAt(20)}, {}, nullptr);
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ(series->sites.size(), 1u);
  const std::vector<Caller>& callers = series->sites[0].callers;
  // f's call of itself is no caller.
  ASSERT_EQ(callers.size(), 2u);
  const auto name = [&](const Caller& caller) {
    return report::MakeFrame(*series->snapshots[caller.snapshot], caller.stack, caller.frame)
        .function;
  };
  EXPECT_EQ(name(callers[0]), "a");
  EXPECT_EQ(callers[0].live_bytes, 100);
  EXPECT_EQ(callers[0].oldest_live_bytes, 100);
  EXPECT_EQ(name(callers[1]), "b");
  EXPECT_EQ(callers[1].live_bytes, 50);
  EXPECT_EQ(callers[1].oldest_live_bytes, 10);
  EXPECT_EQ(callers[1].samples, 2);
  EXPECT_EQ(series->site_of_newest_stack, (std::vector<uint32_t>{0, 0}));
}

TEST(Series, RefusesWhatIsNoHeapProfile) {
  EXPECT_EQ(MakeSeries({}, {}, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  ProfileBuilder builder;
  const ValueType cpu[] = {{builder.AddString("cpu"), builder.AddString("nanoseconds")}};
  builder.SetSampleTypes(cpu);
  const std::vector<std::shared_ptr<const Profile>> snapshots = {builder.Build().value()};
  EXPECT_EQ(MakeSeries(snapshots, {}, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Series, CanBeCancelled) {
  SimulatedProcess process(1, 1);
  process.Allocate(process.AddSite("f"), 100, 1);
  Progress progress;
  progress.cancelled = true;
  EXPECT_EQ(MakeSeries(std::vector{process.SnapshotAt(5)}, {}, &progress).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace tidemark::leaks
