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

}  // namespace
}  // namespace tidemark::leaks
