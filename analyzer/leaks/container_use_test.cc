#include "analyzer/leaks/container_use.h"

#include <cmath>
#include <string>

#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

Container MapOf(const std::string& type, Operation operation) {
  return {ContainerKind::kMap, type, "", operation, Evidence::kMeasured};
}

Series SeriesOf(const SimulatedProcess& process, const std::vector<double>& times_s) {
  std::vector<std::shared_ptr<const Profile>> snapshots;
  for (double time_s : times_s) snapshots.push_back(process.SnapshotAt(time_s));
  return *MakeSeries(snapshots, {}, nullptr);
}

TEST(ContainerUses, EachTypeAtASiteOnItsOwn) {
  SimulatedProcess p(1, 1);
  const size_t insert = p.AddSite("f", MapOf("std::map<int, A>", Operation::kInsert), {}, {"a"});
  const size_t grow = p.AddSite("f", MapOf("std::map<int, A>", Operation::kGrow), {}, {"b"});
  const size_t other = p.AddSite("f", MapOf("std::map<int, B>", Operation::kInsert), {}, {"c"});
  const size_t none = p.AddSite("f");
  p.Allocate(insert, 10, 1);
  p.Allocate(grow, 200, 1);
  p.Allocate(other, 3000, 1, 5);
  p.Allocate(none, 40000, 1);
  const Series series = SeriesOf(p, {9});
  const ContainerUses uses(series);
  const auto of_site = uses.of_site(0);
  ASSERT_EQ(of_site.size(), 3);
  EXPECT_EQ(of_site[0].live.bytes.estimate, 210);
  EXPECT_EQ(of_site[0].elements_live.bytes.estimate, 10);
  EXPECT_EQ(of_site[0].storage_live.bytes.estimate, 200);
  EXPECT_EQ(of_site[0].grown.bytes.estimate, 200);
  EXPECT_EQ(of_site[0].language, report::Language::kCxx);
  EXPECT_EQ(of_site[1].alloc.bytes.estimate, 3000);
  EXPECT_EQ(of_site[1].live.bytes.estimate, 0);
  EXPECT_EQ(of_site[1].freed.bytes.estimate, 3000);
  EXPECT_EQ(of_site[2].container, nullptr);
  EXPECT_EQ(uses.live_bytes(), 40210);
  EXPECT_EQ(uses.alloc_bytes(), 43210);
  EXPECT_TRUE(uses.of_site(7).empty());
}

TEST(ContainerUses, ThePeakIsTheRecordersElseTheFullestSnapshot) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("f", MapOf("std::map<int, A>", Operation::kInsert));
  p.Allocate(site, 1000, 1);
  p.Allocate(site, 2000, 1, 25);  // in the second snapshot
  p.Allocate(site, 3000, 1, 15);  // before it
  {
    const Series series = SeriesOf(p, {20, 30, 40});
    const ContainerUses uses(series);
    ASSERT_TRUE(uses.peak().has_value());
    EXPECT_FALSE(uses.peak()->by_recorder);
    EXPECT_EQ(uses.peak()->ago_s, 20);
    EXPECT_EQ(uses.of_site(0)[0].then.bytes.estimate, 3000);
  }
  p.set_peak(10);
  const Series series = SeriesOf(p, {20, 30, 40});
  const ContainerUses uses(series);
  ASSERT_TRUE(uses.peak().has_value());
  EXPECT_TRUE(uses.peak()->by_recorder);
  EXPECT_EQ(uses.peak()->ago_s, 30);
  EXPECT_EQ(uses.of_site(0)[0].then.bytes.estimate, 6000);
}

TEST(ContainerUses, NoPeakWhereTheNewestIsTheFullest) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("f");
  p.Allocate(site, 1000, 1);
  p.Allocate(site, 1000, 25);
  const Series series = SeriesOf(p, {20, 30});
  EXPECT_FALSE(ContainerUses(series).peak().has_value());
}

TEST(Blocks, EvidenceIsInSamplesOfEqualWeight) {
  Blocks blocks{.bytes = {100, 4, 2500}, .objects = 4};
  EXPECT_EQ(blocks.evidence(), 4);
  blocks.bytes.variance = 0;
  EXPECT_TRUE(std::isinf(blocks.evidence()));
  EXPECT_EQ(Blocks{}.evidence(), 0);
}

}  // namespace
}  // namespace tidemark::leaks
