#include "analyzer/leaks/growth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tidemark::leaks {
namespace {

constexpr double kRate = 524288;

// `samples` of small blocks, each of which stands for `weight`.
Level Samples(double samples, double weight = kRate) {
  Level level;
  level += report::SampledSum{
      .estimate = samples * weight, .samples = samples, .variance = samples * weight * weight};
  return level;
}

// A block that sampling does not miss, of this many bytes.
Level LargeBlock(double bytes) {
  const double missed = std::exp(-bytes / kRate);
  Level level;
  level += report::SampledSum{.estimate = bytes, .samples = 1, .variance = bytes * bytes * missed};
  return level;
}

Comparison Of(const Level& base, const Level& now) {
  const Sampling sampling{.rate = kRate, .unseen = kRate};
  return {base, now, sampling, sampling, {}};
}

// Of n samples, `now` or more fall to one of two equal profiles.
double ExactPValue(int base, int now) {
  const int n = base + now;
  double tail = 0;
  for (int k = now; k <= n; ++k) {
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) -
                     n * std::log(2.0));
  }
  return tail;
}

TEST(Growth, IsTheExactTestOfTwoCounts) {
  for (const auto& [base, now] : {std::pair{0, 5},
                                  {0, 10},
                                  {0, 20},
                                  {1, 12},
                                  {3, 20},
                                  {10, 30},
                                  {20, 40},
                                  {50, 90},
                                  {100, 160},
                                  {500, 640}}) {
    const double p = GrowthPValue(Of(Samples(base), Samples(now)), 1, 0);
    const double exact = ExactPValue(base, now);
    EXPECT_LT(std::abs(std::log(p / exact)), std::log(1.7))
        << base << " " << now << ": " << p << ", exact " << exact;
  }
}

TEST(Growth, ExactProfilesAreComparedExactly) {
  Level base, now;
  base += report::SampledSum{.estimate = 1000, .samples = 10};
  now += report::SampledSum{.estimate = 1001, .samples = 10};
  const Comparison comparison{base, now, {}, {}, {}};
  EXPECT_EQ(GrowthPValue(comparison, 1, 0), 0);
  EXPECT_EQ(GrowthPValue(comparison, 1, 1), 0.5);
  EXPECT_EQ(DifferenceAt(3, comparison, 1), std::pair(1.0, 1.0));
}

TEST(Growth, LargeBlocksAreSeen) {
  Level base, now;
  for (int i = 0; i < 3; ++i) now += LargeBlock(16 * kRate);
  EXPECT_LT(GrowthPValue(Of(base, now), 1, 2 * kRate), 1e-6);
  // Among many large ones the samples of few small blocks are still few.
  for (int i = 0; i < 100; ++i) base += LargeBlock(8 * kRate);
  now = base;
  now += Samples(5);
  const double p = GrowthPValue(Of(base, now), 1, 0);
  EXPECT_GT(p, 0.5 * ExactPValue(0, 5));
}

// A share of a base that is itself uncertain: 100 samples more than 1000 are no sign of more
// than 5 %.
TEST(Growth, SharesKnowThatTheBaseIsUncertain) {
  EXPECT_GT(GrowthPValue(Of(Samples(1000), Samples(1100)), 1.05, 0), 0.05);
  EXPECT_LT(GrowthPValue(Of(Samples(1000), Samples(1400)), 1.05, 0), 1e-6);
}

// What lives on in both snapshots of one process says nothing about the growth in between.
TEST(Growth, FlowsOfOneProcessAreNarrower) {
  Comparison comparison = Of(Samples(1000), Samples(1030));
  EXPECT_GT(GrowthPValue(comparison, 1, 0), 0.05);
  comparison.flows = {Samples(40), Samples(10)};
  EXPECT_LT(GrowthPValue(comparison, 1, 0), 1e-4);
}

// A side that was sampled more coarsely may have missed more.
TEST(Growth, UnequalRates) {
  const Sampling fine{.rate = kRate / 64, .unseen = kRate / 64};
  const Sampling coarse{.rate = kRate, .unseen = kRate};
  const Level now = Samples(64, kRate / 64);  // 512 KiB
  EXPECT_GT(GrowthPValue({Level(), now, coarse, fine, {}}, 1, 0), 0.3);
  EXPECT_LT(GrowthPValue({Level(), now, fine, fine, {}}, 1, 0), 1e-12);
  EXPECT_LT(GrowthPValue({Level(), now, {}, fine, {}}, 1, 0), 1e-12);
}

// 40,000 pairs of counts with one mean: the share of those with p < 0.0025 is that, at most.
// 100 are expected; more than 135 have odds of 1 in 2,000 were the test exact.
TEST(Growth, FalseAlarms) {
  std::mt19937 random(1);
  int alarms = 0;
  for (const double mean : {6.0, 20.0, 100.0, 1000.0}) {
    std::poisson_distribution<int> count(mean);
    for (int i = 0; i < 10000; ++i) {
      const Level base = Samples(count(random));
      const Level now = Samples(count(random));
      alarms += GrowthPValue(Of(base, now), 1, 0) < 0.0025;
    }
  }
  EXPECT_LE(alarms, 135);
  EXPECT_GE(alarms, 40);  // nor is it blind
}

}  // namespace
}  // namespace tidemark::leaks
