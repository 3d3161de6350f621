#include "analyzer/leaks/ranking.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "analyzer/leaks/ranking_testing.h"
#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

// The behaviours a ranking meets. Times in seconds; each fills `end` seconds.
void Leak(SimulatedProcess& p, double mb_per_s, double end, double size = 4 * kKb) {
  const size_t site = p.AddSite("leak", MapOf("std::map<int, S>"));
  for (double t = 0; t < end; t += p.Exponential(size / (mb_per_s * kMb)))
    p.Allocate(site, size, t);
}

void GrowingArray(SimulatedProcess& p, double mb_per_s, double end) {
  const size_t site = p.AddSite("array", Container{ContainerKind::kSlice, "std::vector<int>", "int",
                                                   Operation::kGrow, Evidence::kMeasured});
  double born = 0;
  for (double capacity = 64 * kKb; born < end; capacity *= 2) {
    const double full = capacity / (mb_per_s * kMb);
    p.Allocate(site, capacity, born, full);
    born = full;
  }
}

void WarmUp(SimulatedProcess& p, double mb, double until) {
  const size_t site = p.AddSite("warm-up", MapOf("std::map<int, Row>"));
  const double size = 8 * kKb;
  for (double t = 0; t < until; t += until * size / (mb * kMb)) p.Allocate(site, size, t);
}

// At its limit from `full` on: each insertion evicts the oldest.
void LruCache(SimulatedProcess& p, double mb, double full, double end) {
  const size_t site = p.AddSite("lru", MapOf("std::unordered_map<int, Page>"));
  const double size = 4 * kKb;
  for (double t = 0; t < end; t += full * size / (mb * kMb)) p.Allocate(site, size, t, t + full);
}

// Batches of `period` seconds, each freed whole at its end.
void SawTooth(SimulatedProcess& p, double mb, double period, double phase, double end) {
  const size_t site = p.AddSite("saw-tooth", MapOf("std::map<int, Job>"));
  const double size = 2 * kKb;
  for (double t = 0; t < end; t += period * size / (mb * kMb)) {
    const double freed = (std::floor((t + phase) / period) + 1) * period - phase;
    p.Allocate(site, size, t, freed);
  }
}

void Churn(SimulatedProcess& p, const std::string& name, double live_mb, double lifetime,
           double end) {
  const size_t site = p.AddSite(name);
  const double size = kKb;
  const double gap = lifetime * size / (live_mb * kMb);
  for (double t = 0; t < end; t += p.Exponential(gap)) {
    p.Allocate(site, size, t, t + p.Exponential(lifetime));
  }
}

SimulatedProcess Server(uint32_t seed, double end) {
  SimulatedProcess p(seed, 64 * kKb);
  WarmUp(p, 30, end / 20);
  LruCache(p, 20, end / 5, end);
  SawTooth(p, 16, end / 7.3, end * (seed % 10) / 70, end);
  Churn(p, "requests", 4, end / 50, end);
  Leak(p, 24 / end, end);
  GrowingArray(p, 12 / end, end);
  return p;
}

// 40 servers with other seeds and phases, three snapshots: both leaks lead, no decoy is
// called a leak. All seeds are fixed; none may fail.
TEST(Rank, LeaksLeadAndDecoysAreNone) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    const Ranking ranking = RankAt(Server(seed, 60), {20, 40, 60});
    ASSERT_GE(ranking.findings.size(), 6u);
    for (int i = 0; i < 2; ++i) {
      const std::string& function = ranking.findings[i].site.function;
      EXPECT_TRUE(function == "leak" || function == "array") << seed << "\n" << Describe(ranking);
    }
    EXPECT_EQ(Find(ranking, "leak").verdict, Verdict::kLeak) << Describe(ranking);
    EXPECT_EQ(Find(ranking, "array").verdict, Verdict::kLeak) << Describe(ranking);
    EXPECT_EQ(Find(ranking, "leak").container->kind, ContainerKind::kMap);
    for (const char* decoy : {"warm-up", "lru", "saw-tooth", "requests"}) {
      EXPECT_NE(Find(ranking, decoy).verdict, Verdict::kLeak) << seed << "\n" << Describe(ranking);
    }
  }
}

// Strings of a batch that is filled and flushed, looked at when the batch happens to be fuller
// each time. A growing array leaves nothing of its old block either, but these are ever more
// blocks, not ever larger ones.
TEST(Rank, BlocksThatAreReplacedAreNoGrowingArray) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SimulatedProcess p(seed, 16 * kKb);
    const size_t site = p.AddSite("strings", Container{ContainerKind::kString, "std::string", "",
                                                       Operation::kGrow, Evidence::kMeasured});
    for (double t = 0; t < 40; t += 0.0005) p.Allocate(site, 240, t, std::floor(t / 7 + 1) * 7);
    GrowingArray(p, 0.3, 40);
    const Ranking ranking = RankAt(p, {8, 16.5, 25, 34});
    EXPECT_NE(Find(ranking, "strings").verdict, Verdict::kLeak) << Describe(ranking);
    EXPECT_EQ(Find(ranking, "array").verdict, Verdict::kLeak) << Describe(ranking);
  }
}

// The server again, with snapshots a second apart, where the labels are coarse against the run.
TEST(Rank, ShortRun) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const Ranking ranking = RankAt(Server(seed, 6), {2, 4, 6});
    EXPECT_EQ(Find(ranking, "leak").verdict, Verdict::kLeak) << Describe(ranking);
    for (const char* decoy : {"warm-up", "lru", "saw-tooth", "requests"}) {
      EXPECT_NE(Find(ranking, decoy).verdict, Verdict::kLeak) << seed << "\n" << Describe(ranking);
    }
  }
}

// 10,000 steady sites with mean lifetimes from a twentieth of an interval to three of them.
// At most 1 % may be called leaks; the false discovery rate makes it far fewer.
class SteadySites : public testing::TestWithParam<int> {};

TEST_P(SteadySites, FalseAlarms) {
  const int snapshots = GetParam();
  SimulatedProcess p(11, 512 * kKb);
  const double interval = 60;
  const double end = interval * snapshots;
  for (int i = 0; i < 10000; ++i) {
    const double lifetime = interval * (0.05 + 2.95 * (i % 100) / 100.0);
    const double size = 8 * kKb;
    const size_t site = p.AddSite("site" + std::to_string(i));
    // In balance from the start, with about 12 live samples; only sampled blocks matter.
    const double live = 12;
    std::poisson_distribution<int> at_start(live);
    const auto allocate = [&](double birth, double death) {
      p.AllocateSampled(site, size, birth, death);
    };
    for (int n = at_start(p.random()); n > 0; --n) allocate(0, p.Exponential(lifetime));
    for (double t = p.Exponential(lifetime / live); t < end; t += p.Exponential(lifetime / live)) {
      allocate(t, t + p.Exponential(lifetime));
    }
  }
  std::vector<double> times;
  for (int i = 1; i <= snapshots; ++i) times.push_back(interval * i);
  const Ranking ranking = RankAt(p, times);
  int leaks = 0;
  int suspects = 0;
  for (const Finding& finding : ranking.findings) {
    leaks += finding.verdict == Verdict::kLeak;
    suspects += finding.verdict == Verdict::kSuspect;
  }
  EXPECT_LE(leaks, 100);
  EXPECT_LE(suspects, 100);
}
INSTANTIATE_TEST_SUITE_P(Snapshots, SteadySites, testing::Values(2, 3, 5, 8));

// A heap of 2,000 sites that only look like leaks, each kind with its own sizes, phases and
// speeds, and 200 that leak, at 24 to 48 samples over the run. What is found and what is
// called a leak falsely; one fixed seed.
struct Mixture {
  int leaks = 0;
  int found = 0;
  int parts = 0;         // leaks of sites whose other blocks come and go
  int parts_found = 0;   // as leak or suspect
  int parts_called = 0;  // leak
  int decoys = 0;
  std::map<std::string, int> false_leaks;  // by kind
};

class MixtureMaker {
 public:
  MixtureMaker(uint32_t seed, int snapshots) : p_(seed, 512 * kKb), end_(60.0 * snapshots) {}

  Mixture Run(int snapshots) {
    for (int i = 0; i < 500; ++i) {
      Churning("churn" + std::to_string(i));
      SaturatedFifo("fifo" + std::to_string(i));
      WarmingUp("warm-up" + std::to_string(i));
      Bursting("burst" + std::to_string(i));
    }
    for (int i = 0; i < 200; ++i) Leaking("leak" + std::to_string(i));
    for (int i = 0; i < 200; ++i) LeakingAmongOthers("part" + std::to_string(i));
    std::vector<double> times;
    for (int i = 1; i <= snapshots; ++i) times.push_back(60.0 * i);
    Mixture result;
    for (const Finding& f : RankAt(p_, times).findings) {
      const std::string kind =
          f.site.function.substr(0, f.site.function.find_first_of("0123456789"));
      const bool called = f.verdict == Verdict::kLeak;
      if (kind == "leak") {
        ++result.leaks;
        result.found += called;
      } else if (kind == "part") {
        ++result.parts;
        result.parts_found += f.verdict <= Verdict::kSuspect;
        result.parts_called += called;
      } else {
        ++result.decoys;
        result.false_leaks[kind] += called;
      }
    }
    return result;
  }

 private:
  double Uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(p_.random());
  }
  // Arrivals of sampled blocks at `rate` per second between `from` and `to`.
  template <class Lifetime>
  void Arrivals(size_t site, double rate, double from, double to, Lifetime lifetime) {
    for (double t = from + p_.Exponential(1 / rate); t < to; t += p_.Exponential(1 / rate)) {
      p_.AllocateSampled(site, 8 * kKb, t, t + lifetime(t));
    }
  }

  void Churning(const std::string& name) {
    const double lifetime = Uniform(3, 180);
    const double live = Uniform(4, 40);
    Arrivals(p_.AddSite(name), live / lifetime, -5 * lifetime, end_,
             [&](double) { return p_.Exponential(lifetime); });
  }
  // Full before the first snapshot: as old as its oldest, always.
  void SaturatedFifo(const std::string& name) {
    const double span = Uniform(20, 55);
    const double live = Uniform(10, 60);
    Arrivals(p_.AddSite(name), live / span, 0, end_, [&](double) { return span; });
  }
  // Over in the first third at the latest.
  void WarmingUp(const std::string& name) {
    const double until = Uniform(1, end_ / 3);
    Arrivals(p_.AddSite(name), Uniform(10, 80) / until, 0, until, [](double) { return kForever; });
  }
  // Load that comes in bursts and is answered within them.
  void Bursting(const std::string& name) {
    const double period = Uniform(40, 200);
    const double phase = Uniform(0, period);
    const double length = period / 4;
    const size_t site = p_.AddSite(name);
    for (double begin = phase - period; begin < end_; begin += period) {
      Arrivals(site, Uniform(5, 40) / length, std::max(0.0, begin), std::min(end_, begin + length),
               [&](double t) { return std::max(0.1, begin + 1.5 * length - t); });
    }
  }
  void Leaking(const std::string& name) {
    Arrivals(p_.AddSite(name), Uniform(24, 48) / end_, 0, end_, [](double) { return kForever; });
  }
  // Of what it allocates a part stays; the rest is freed in time.
  void LeakingAmongOthers(const std::string& name) {
    const size_t site = p_.AddSite(name);
    Arrivals(site, Uniform(24, 48) / end_, 0, end_, [](double) { return kForever; });
    const double lifetime = Uniform(3, 60);
    Arrivals(site, Uniform(4, 20) / lifetime, -5 * lifetime, end_,
             [&](double) { return p_.Exponential(lifetime); });
  }

  SimulatedProcess p_;
  double end_;
};

struct Power {
  int snapshots;
  double at_least;
  double parts_at_least;
};
class Mixtures : public testing::TestWithParam<Power> {};

// At most 1 % of 2,000 decoys may be called leaks (and of no kind more than 3 %); of the leaks
// at least the share that the best single statistic finds at 1 % false positives.
TEST_P(Mixtures, LeaksAreFoundAndDecoysAreNot) {
  const Mixture result = MixtureMaker(7, GetParam().snapshots).Run(GetParam().snapshots);
  int false_leaks = 0;
  for (const auto& [kind, count] : result.false_leaks) {
    EXPECT_LE(count, 15) << kind;
    false_leaks += count;
  }
  EXPECT_GE(result.decoys, 1800);
  EXPECT_LE(false_leaks, result.decoys / 100);
  EXPECT_GE(result.found, GetParam().at_least * result.leaks);
  EXPECT_GE(result.parts_found, GetParam().parts_at_least * result.parts);
  std::printf(
      "%d snapshots: %d of %d leaks found, %d of %d among others (%d as leaks), %d of %d decoys "
      "called leaks\n",
      GetParam().snapshots, result.found, result.leaks, result.parts_found, result.parts,
      result.parts_called, false_leaks, result.decoys);
}
INSTANTIATE_TEST_SUITE_P(Snapshots, Mixtures,
                         testing::Values(Power{5, 0.97, 0.45}, Power{8, 0.98, 0.6},
                                         Power{16, 0.98, 0.6}),
                         [](const auto& p) { return std::to_string(p.param.snapshots); });

// Slow leaks among 500 steady sites, 8 snapshots: most are found.
TEST(Rank, FindsSlowLeaks) {
  int found = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SimulatedProcess p(seed, 64 * kKb);
    for (int i = 0; i < 50; ++i) Churn(p, "churn" + std::to_string(i), 1, 20, 400);
    Leak(p, 0.01, 400);  // 4 MB in all: about 60 samples
    const Ranking ranking = RankAt(p, {50, 100, 150, 200, 250, 300, 350, 400});
    found += Find(ranking, "leak").verdict == Verdict::kLeak &&
             ranking.findings[0].site.function == "leak";
  }
  EXPECT_GE(found, 17);
}

TEST(Rank, TwoSnapshotsShowGrowth) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    const Ranking ranking = RankAt(Server(seed, 60), {30, 60});
    const Finding& leak = Find(ranking, "leak");
    EXPECT_LE(leak.verdict, Verdict::kSuspect) << Describe(ranking);
    ASSERT_TRUE(leak.delta_ci);
    // 95 %: of ten fixed seeds none is far outside.
    EXPECT_LT(leak.delta_ci->low, 12.5 * kMb);
    EXPECT_GT(leak.delta_ci->high, 11.5 * kMb);
    EXPECT_FALSE(leak.slope_bytes_per_hour);
    for (const char* decoy : {"warm-up", "lru", "saw-tooth", "requests"}) {
      EXPECT_NE(Find(ranking, decoy).verdict, Verdict::kLeak) << Describe(ranking);
    }
  }
}

// A cache that is filling looks like a leak from both of its snapshots.
TEST(Rank, TwoSnapshotsOfAShortRunShowNoLeak) {
  SimulatedProcess p(1, 16 * kKb);
  LruCache(p, 20, 20, 8);
  const Ranking ranking = RankAt(p, {2, 8});
  EXPECT_EQ(Find(ranking, "lru").verdict, Verdict::kSuspect) << Describe(ranking);
}

TEST(Rank, OneSnapshotListsSuspects) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    const Ranking ranking = RankAt(Server(seed, 50), {50});
    EXPECT_EQ(Find(ranking, "leak").verdict, Verdict::kSuspect) << Describe(ranking);
    EXPECT_EQ(Find(ranking, "array").verdict, Verdict::kSuspect) << Describe(ranking);
    EXPECT_LE(Find(ranking, "leak").rank, 2) << Describe(ranking);
    for (const char* decoy : {"warm-up", "lru", "saw-tooth", "requests"}) {
      EXPECT_EQ(Find(ranking, decoy).verdict, Verdict::kSteady) << Describe(ranking);
    }
  }
}

// Ages are whole seconds: what ran for one has none to speak of.
TEST(Rank, AgesAreToldOfRunsThatHaveSome) {
  SimulatedProcess p(5, kKb);
  Leak(p, 4, 50);
  EXPECT_EQ(Find(RankAt(p, {1}), "leak").reason.find("older than"), std::string::npos);
  EXPECT_NE(Find(RankAt(p, {50}), "leak").reason.find("older than 25s"), std::string::npos);
}

TEST(Rank, SurvivorsFromAllOfALongRunAreALeakInOneSnapshot) {
  SimulatedProcess p(5, 64 * kKb);
  Leak(p, 0.01, 600);
  WarmUp(p, 30, 30);
  const Ranking ranking = RankAt(p, {600});
  EXPECT_EQ(Find(ranking, "leak").verdict, Verdict::kLeak) << Describe(ranking);
  EXPECT_EQ(Find(ranking, "leak").reason.find("grew"), std::string::npos) << Describe(ranking);
  EXPECT_EQ(Find(ranking, "warm-up").verdict, Verdict::kSteady) << Describe(ranking);
}

// Go's profiles have neither ages nor sample counts.
TEST(Rank, PlainProfiles) {
  SimulatedProcess p(3, 64 * kKb);
  Leak(p, 0.4, 60);
  WarmUp(p, 30, 3);
  Churn(p, "requests", 4, 1, 60);
  p.set_plain(true);
  const Ranking ranking = RankAt(p, {20, 40, 60});
  EXPECT_EQ(ranking.findings[0].site.function, "leak") << Describe(ranking);
  EXPECT_EQ(ranking.findings[0].verdict, Verdict::kLeak) << Describe(ranking);
  EXPECT_NE(Find(ranking, "warm-up").verdict, Verdict::kLeak);
  EXPECT_NE(Find(ranking, "requests").verdict, Verdict::kLeak);
}

// Everything recorded: no sampling error, and yet a steady site is no leak.
TEST(Rank, ExactProfiles) {
  SimulatedProcess p(3, 1);
  Leak(p, 0.1, 60);
  Churn(p, "requests", 1, 2, 60);
  const Ranking ranking = RankAt(p, {20, 40, 60});
  EXPECT_EQ(Find(ranking, "leak").verdict, Verdict::kLeak) << Describe(ranking);
  EXPECT_EQ(Find(ranking, "requests").verdict, Verdict::kSteady) << Describe(ranking);
  EXPECT_EQ(Find(ranking, "leak").live_ci->low, Find(ranking, "leak").live_ci->high);
}

TEST(Rank, SlopeAndItsInterval) {
  SimulatedProcess p(9, 64 * kKb);
  Leak(p, 0.5, 80);
  const Ranking ranking = RankAt(p, {20, 40, 60, 80});
  const Finding& leak = ranking.findings[0];
  ASSERT_TRUE(leak.slope_bytes_per_hour && leak.slope_ci);
  const double truth = 0.5 * kMb * 3600;
  EXPECT_NEAR(*leak.slope_bytes_per_hour, truth, 0.2 * truth);
  EXPECT_LT(leak.slope_ci->low, truth);
  EXPECT_GT(leak.slope_ci->high, truth);
  EXPECT_EQ(leak.series.size(), 4u);
  EXPECT_EQ(ranking.times_ns.size(), 4u);
  EXPECT_GT(leak.samples, 100);
}

TEST(Rank, WhatFellIsShrinking) {
  SimulatedProcess p(2, 64 * kKb);
  const size_t site = p.AddSite("drained");
  for (int i = 0; i < 4000; ++i) p.Allocate(site, 4 * kKb, 1, 10 + 60.0 * i / 4000);
  const Ranking ranking = RankAt(p, {10, 30, 50, 65});
  EXPECT_EQ(ranking.findings[0].verdict, Verdict::kShrinking) << Describe(ranking);
}

TEST(Rank, NothingToRankIsAnError) {
  EXPECT_EQ(Rank({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark::leaks
