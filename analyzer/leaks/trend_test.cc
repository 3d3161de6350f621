// Sites that are more than one kind of block: what is tested of them, and what they are called.

#include "analyzer/leaks/trend.h"

#include <cmath>
#include <cstdio>
#include <string>

#include "analyzer/leaks/ranking_testing.h"
#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

// A map of nodes and their table at one site, which goes on growing at a steady pace: where the
// table's last doubling falls is chance, and no reason to call it anything but a leak.
void HashMapLeak(SimulatedProcess& p, double nodes_per_s, double end) {
  constexpr double kNode = 56;
  constexpr double kBucket = 8;
  const std::string type = "std::unordered_map<long, S>";
  const size_t nodes = p.AddSite("hash map", MapOf(type));
  const size_t table = p.AddSite("hash map", Container{ContainerKind::kMap, type, "",
                                                       Operation::kRehash, Evidence::kMeasured});
  for (double t = 0; t < end; t += 1 / nodes_per_s) p.Allocate(nodes, kNode, t);
  double born = 0;
  for (double buckets = 1024; born < end; buckets *= 2) {
    const double full = buckets / nodes_per_s;
    p.Allocate(table, kBucket * buckets, born, full);
    born = full;
  }
}

// 40 paces, from one doubling to the next. Each fixed; none may fail.
TEST(Trend, ATableAmongItsNodesDoesNotHideTheirGrowth) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SimulatedProcess p(seed, 16 * kKb);
    HashMapLeak(p, 20000 * std::exp2(seed / 40.0), 5.5);
    const Ranking ranking = RankAt(p, {1, 2, 3, 4, 5});
    EXPECT_EQ(Find(ranking, "hash map").verdict, Verdict::kLeak) << seed << Describe(ranking);
  }
}

// `sessions[id] = std::make_unique<S>(…)`: the map is what one looks for, though what it owns is
// larger. Of arrays of pointers only those that are a part of the site's bytes worth naming.
TEST(Trend, ACollectionIsNamedBeforeWhatItHolds) {
  const auto of = [](ContainerKind kind, const std::string& type, Evidence evidence,
                     Operation operation = Operation::kInsert) {
    return Container{kind, type, "", operation, evidence};
  };
  const Container object = of(ContainerKind::kObject, "std::unique_ptr<S>", Evidence::kMeasured);
  struct Case {
    Container collection;
    double bytes;  // beside 200 of the object
    ContainerKind named;
  };
  const Case cases[] = {
      {of(ContainerKind::kMap, "std::map<int, S>", Evidence::kMeasured), 40, ContainerKind::kMap},
      {of(ContainerKind::kSet, "std::set<S*>", Evidence::kMeasured), 40, ContainerKind::kSet},
      {of(ContainerKind::kMap, "", Evidence::kInferred), 40, ContainerKind::kObject},
      {of(ContainerKind::kMap, "std::map<int, S>", Evidence::kMeasured), 2, ContainerKind::kObject},
      {of(ContainerKind::kSlice, "std::vector<S*>", Evidence::kMeasured), 40,
       ContainerKind::kObject},
      {of(ContainerKind::kSlice, "std::vector<S*>", Evidence::kMeasured), 80,
       ContainerKind::kSlice},
      {of(ContainerKind::kSlice, "std::vector<S*>", Evidence::kMeasured, Operation::kCreate), 80,
       ContainerKind::kObject},
      {of(ContainerKind::kString, "std::string", Evidence::kMeasured), 80, ContainerKind::kObject},
  };
  for (const Case& c : cases) {
    SimulatedProcess p(1, 1);  // everything is recorded
    const size_t owned = p.AddSite("site", object);
    const size_t collection = p.AddSite("site", c.collection);
    for (int i = 0; i < 100; ++i) {
      p.Allocate(owned, 200, i / 10.0);
      p.Allocate(collection, c.bytes, i / 10.0);
    }
    const Ranking ranking = RankAt(p, {10});
    ASSERT_TRUE(Find(ranking, "site").container);
    EXPECT_EQ(Find(ranking, "site").container->kind, c.named) << c.collection.type << c.bytes;
  }
}

// Plain blocks, with a small array in each: naming the array would point at a tenth of the bytes.
TEST(Trend, ASiteIsWhatMostOfItIs) {
  for (const double array_bytes : {20.0, 180.0}) {
    SimulatedProcess p(1, 1);
    const size_t plain = p.AddSite("site");
    const size_t array = p.AddSite("site", Container{ContainerKind::kSlice, "Vec<u32>", "u32",
                                                     Operation::kCreate, Evidence::kMeasured});
    for (int i = 0; i < 100; ++i) {
      p.Allocate(plain, 100, i / 10.0);
      p.Allocate(array, array_bytes, i / 10.0);
    }
    EXPECT_EQ(Find(RankAt(p, {10}), "site").container.has_value(), array_bytes > 100);
  }
}

// What such a site also may be: keys that stay the same while their arrays grow.
TEST(Trend, NodesThatStayDoNotHideTheGrowthOfArrays) {
  SimulatedProcess p(1, 16 * kKb);
  const size_t nodes = p.AddSite("series", MapOf("std::map<int, std::vector<double>>"));
  for (int i = 0; i < 100000; ++i) p.Allocate(nodes, 80, 0.1);
  const size_t arrays =
      p.AddSite("series", Container{ContainerKind::kSlice, "std::vector<double>", "double",
                                    Operation::kGrow, Evidence::kMeasured});
  // 2,000 arrays that double with the time, each at its own moments.
  for (int i = 0; i < 2000; ++i) {
    double born = 0.2;
    double bytes = 512;
    for (double full = 0.4 + i * 0.0002; born < 60; full *= 2, bytes *= 2) {
      p.Allocate(arrays, bytes, born, full);
      born = full;
    }
  }
  const Ranking ranking = RankAt(p, {10, 20, 30, 40, 50, 60});
  EXPECT_EQ(Find(ranking, "series").verdict, Verdict::kLeak) << Describe(ranking);
}

// 2,000 maps in balance, each with a table that is made anew at random: two tests of each are no
// excuse for more than 1 % of false alarms.
TEST(Trend, SteadyNodesBesideTheirTableAreNoLeak) {
  constexpr double kLiveSamples = 12;
  constexpr double kEnd = 300;
  SimulatedProcess p(13, 512 * kKb);
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "map" + std::to_string(i);
    const double lifetime = 3 + 0.09 * i;
    const size_t nodes = p.AddSite(name, MapOf("std::unordered_map<long, S>"));
    for (double t = -5 * lifetime; t < kEnd; t += p.Exponential(lifetime / kLiveSamples)) {
      p.AllocateSampled(nodes, 8 * kKb, t, t + p.Exponential(lifetime));
    }
    const size_t table =
        p.AddSite(name, Container{ContainerKind::kMap, "std::unordered_map<long, S>", "",
                                  Operation::kRehash, Evidence::kMeasured});
    for (double t = 0; t < kEnd;) {
      const double next = t + p.Exponential(60);
      p.Allocate(table, 16 * kKb * std::uniform_int_distribution<int>(1, 64)(p.random()), t, next);
      t = next;
    }
  }
  const Ranking ranking = RankAt(p, {60, 120, 180, 240, 300});
  int leaks = 0;
  int suspects = 0;
  for (const Finding& finding : ranking.findings) {
    leaks += finding.verdict == Verdict::kLeak;
    suspects += finding.verdict == Verdict::kSuspect;
  }
  std::printf("%zu sites: %d leaks, %d suspects\n", ranking.findings.size(), leaks, suspects);
  EXPECT_LE(leaks, 20);
  EXPECT_LE(suspects, 20);
}

// A table that is loaded at once, whenever that is, is no leak: nothing shows that it goes on.
// From a few seconds in to the last interval, in one interval or across two; three or four
// snapshots cannot tell the latter from a leak. Each fixed; none may fail.
TEST(Trend, WhatIsLoadedInOneStepIsNoLeak) {
  for (int snapshots : {3, 4, 5, 6, 7, 8, 9, 12}) {
    const bool is_few = snapshots < 5;
    for (int at = 1; at < 2 * snapshots; at += is_few ? 2 : 1) {
      SimulatedProcess p(static_cast<uint32_t>(at), 16 * kKb);
      const size_t table = p.AddSite("table", MapOf("std::map<int, std::string>"));
      for (int i = 0; i < 77463; ++i) {
        p.Allocate(table, 88, 5.0 * at - (is_few ? 3 : 0) + 7.0 * i / 77463);
      }
      const size_t requests = p.AddSite("requests");
      for (double t = 0; t < 10.0 * snapshots; t += 0.01) p.Allocate(requests, 512, t, t + 0.5);
      std::vector<double> times;
      for (int i = 1; i <= snapshots; ++i) times.push_back(10.0 * i);
      const Ranking ranking = RankAt(p, times);
      EXPECT_NE(Find(ranking, "table").verdict, Verdict::kLeak) << snapshots << " " << at << "\n"
                                                                << Describe(ranking);
    }
  }
}

TEST(Trend, AStepIsSaidToBeOne) {
  SimulatedProcess p(1, kKb);
  const size_t table = p.AddSite("table", MapOf("std::map<int, S>"));
  for (int i = 0; i < 10000; ++i) p.Allocate(table, 80, 45);
  const Ranking ranking = RankAt(p, {10, 20, 30, 40, 50, 60, 70});
  EXPECT_EQ(Find(ranking, "table").verdict, Verdict::kSuspect) << Describe(ranking);
  EXPECT_NE(Find(ranking, "table").reason.find("in one step, 30s to 20s before the newest"),
            std::string::npos)
      << Describe(ranking);
  EXPECT_TRUE(Find(ranking, "table").advice.empty());
}

// A pool that is emptied now and then, a little less each time: up and down is no step.
TEST(Trend, WhatSwingsHasNoStep) {
  AmountSeries amounts;
  const double levels[] = {0, 100, 5, 110, 10, 120, 15, 130};
  std::vector<double> times_s;
  for (double level : levels) {
    times_s.push_back(10.0 * static_cast<double>(times_s.size()));
    amounts.live.push_back({.sum = {level, level, 0}, .count_variance = level, .objects = level});
  }
  EXPECT_FALSE(TestGrowth(times_s, amounts).step);
  amounts.live = {};
  for (double level : {0.0, 1.0, 2.0, 50.0, 97.0, 99.0, 98.0, 100.0}) {
    amounts.live.push_back({.sum = {level, level, 0}, .count_variance = level, .objects = level});
  }
  const std::optional<Step> step = TestGrowth(times_s, amounts).step;
  ASSERT_TRUE(step);
  EXPECT_EQ(step->from, 2u);
  EXPECT_EQ(step->to, 4u);
}

// What goes on beside the step is not hidden by it.
TEST(Trend, ALeakInTheSitesOfATableIsFound) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SimulatedProcess p(seed, 4 * kKb);
    const size_t table = p.AddSite("table", MapOf("std::map<int, S>"));
    for (int i = 0; i < 100000; ++i) p.Allocate(table, 80, 45);
    for (double t = 0; t < 80; t += 0.008) p.Allocate(table, 80, t);
    const Ranking ranking = RankAt(p, {10, 20, 30, 40, 50, 60, 70, 80});
    const Finding& table_leak = Find(ranking, "table");
    EXPECT_EQ(table_leak.verdict, Verdict::kLeak) << seed << Describe(ranking);
    EXPECT_NE(table_leak.reason.find("besides a step of "), std::string::npos) << Describe(ranking);
    // 125 nodes a second, whatever was loaded.
    ASSERT_TRUE(table_leak.slope_bytes_per_hour);
    EXPECT_NEAR(*table_leak.slope_bytes_per_hour / 3600, 125 * 80, 0.4 * 125 * 80);
  }
}

// Warm enough after three fifths of the recording: it may go on or not, but it does not now.
TEST(Trend, WhatStoppedAfterTheMiddleIsNoLeak) {
  for (int snapshots : {6, 8, 12, 24, 60}) {
    const double end = 10.0 * snapshots;
    SimulatedProcess p(static_cast<uint32_t>(snapshots), 16 * kKb);
    const size_t pool = p.AddSite("pool");
    for (int i = 0; i < 20000; ++i) p.Allocate(pool, 400, 0.6 * end * i / 20000);
    std::vector<double> times;
    for (int i = 1; i <= snapshots; ++i) times.push_back(10.0 * i);
    const Ranking ranking = RankAt(p, times);
    EXPECT_EQ(Find(ranking, "pool").verdict, Verdict::kSuspect) << Describe(ranking);
    EXPECT_NE(Find(ranking, "pool").reason.find("hardly since"), std::string::npos)
        << Describe(ranking);
  }
}

// The same of 1,000 sites of 10 to 80 samples, complete after a third to three fifths of the
// recording: at most 1 % are called leaks.
TEST(Trend, FewOfManyLateWarmUpsAreCalledLeaks) {
  for (const int snapshots : {5, 8, 16}) {
    const double end = 60.0 * snapshots;
    SimulatedProcess p(static_cast<uint32_t>(snapshots), 512 * kKb);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int i = 0; i < 1000; ++i) {
      const double until = (0.33 + 0.27 * uniform(p.random())) * end;
      const double samples = 10 + 70 * uniform(p.random());
      const size_t site = p.AddSite("warm-up" + std::to_string(i));
      for (double t = p.Exponential(until / samples); t < until;
           t += p.Exponential(until / samples)) {
        p.AllocateSampled(site, 8 * kKb, t);
      }
    }
    std::vector<double> times;
    for (int i = 1; i <= snapshots; ++i) times.push_back(60.0 * i);
    int leaks = 0;
    for (const Finding& finding : RankAt(p, times).findings) {
      leaks += finding.verdict == Verdict::kLeak;
    }
    std::printf("%d snapshots: %d of 1000 late warm-ups called leaks\n", snapshots, leaks);
    EXPECT_LE(leaks, 10);
  }
}

// A leak that begins in the middle of the recording, among 300 steady sites: what is never freed
// does not swing, and how far it lies from one line says nothing.
TEST(Trend, ALeakThatBeginsLateIsFound) {
  int found = 0;
  int false_leaks = 0;
  constexpr int kRuns = 30;
  for (uint32_t seed = 1; seed <= kRuns; ++seed) {
    const int snapshots = 6 + 2 * (static_cast<int>(seed) % 4);
    const double end = 60.0 * snapshots;
    SimulatedProcess p(seed, 512 * kKb);
    const size_t leak = p.AddSite("leak", MapOf("std::map<int, S>"));
    for (double t = end / 2; t < end; t += p.Exponential(end / 400)) {
      p.AllocateSampled(leak, 8 * kKb, t);
    }
    for (int i = 0; i < 300; ++i) {
      const double lifetime = 3 + i;
      const size_t site = p.AddSite("steady" + std::to_string(i));
      for (double t = -5 * lifetime; t < end; t += p.Exponential(lifetime / 20)) {
        p.AllocateSampled(site, 8 * kKb, t, t + p.Exponential(lifetime));
      }
    }
    std::vector<double> times;
    for (int i = 1; i <= snapshots; ++i) times.push_back(60.0 * i);
    for (const Finding& finding : RankAt(p, times).findings) {
      if (finding.verdict != Verdict::kLeak) continue;
      ++(finding.site.function == "leak" ? found : false_leaks);
    }
  }
  EXPECT_EQ(found, kRuns);
  EXPECT_LE(false_leaks, kRuns * 3);  // 1 % of 300
}

// Go's slices grow by 1.25 once they are large: they leave four times as much behind as they
// hold. A small one among much that is live, in few snapshots and in many.
TEST(Trend, AGoSliceGrowsByAQuarter) {
  for (const bool is_small : {false, true}) {
    SimulatedProcess p(1, 16 * kKb);
    p.set_plain(true);
    const size_t slice = p.AddSite("slice", Container{ContainerKind::kSlice, "[]string", "string",
                                                      Operation::kGrow, Evidence::kMeasured});
    double born = 0;
    for (double bytes = 32 * kKb; born < 100; bytes *= 1.25) {
      const double full = bytes / (5 * kKb);
      p.Allocate(slice, bytes, born, full);
      born = full;
    }
    if (is_small) p.Allocate(p.AddSite("cache"), 80 * kMb, 1);
    const Ranking ranking =
        is_small ? RankAt(p, {10, 20, 30, 40, 50, 60, 70, 80, 90, 100}) : RankAt(p, {33, 66, 100});
    EXPECT_EQ(Find(ranking, "slice").verdict, Verdict::kLeak) << Describe(ranking);
  }
}

}  // namespace
}  // namespace tidemark::leaks
