#include "analyzer/report/sampling_error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "analyzer/report/test_profile.h"

namespace tidemark::report {
namespace {

constexpr int64_t kRate = 65536;

double Probability(double block) { return -std::expm1(-block / kRate); }

TestProfile Tidemark() {
  TestProfile p("inuse_objects/count inuse_space/bytes inuse_samples/count");
  p.SetRate(kRate);
  return p;
}

SampledSum SumOf(const Profile& profile, int type) {
  const auto errors = SamplingErrors::For(profile, type);
  SampledSum sum;
  for (size_t i = 0; errors && i < profile.sample_count(); ++i) sum += errors->of(i);
  return sum;
}

TEST(SamplingErrors, VarianceOfRecordedSamples) {
  // Three samples of 64 bytes: each stands for w = 64 / p and brings w^2 (1 - p).
  const double p = Probability(64);
  const double w = 64 / p;
  TestProfile t = Tidemark();
  t.Add("site", {std::llround(3 / p), std::llround(3 * w), 3}, 64);
  const auto profile = t.Build();
  const SampledSum bytes = SumOf(*profile, 1);
  EXPECT_EQ(bytes.samples, 3);
  EXPECT_NEAR(bytes.estimate, 3 * w, 1);
  EXPECT_NEAR(bytes.variance / (3 * w * w * (1 - p)), 1, 1e-4);
  const SampledSum objects = SumOf(*profile, 0);
  EXPECT_NEAR(objects.variance / (3 / p / p * (1 - p)), 1, 2e-3);
}

TEST(SamplingErrors, HugeBlocksHaveNoError) {
  TestProfile t = Tidemark();
  t.Add("site", {2, 200 << 20, 2}, 96 << 20);  // the label is rounded down
  EXPECT_EQ(SumOf(*t.Build(), 1).variance, 0);
}

TEST(SamplingErrors, GoProfilesHaveTheirSamplesInferred) {
  TestProfile t("inuse_objects/count inuse_space/bytes");
  t.SetRate(kRate);
  const double p = Probability(64);
  const auto objects = std::llround(12 / p);
  t.Add("site", {objects, objects * 64}, 64);
  const SampledSum sum = SumOf(*t.Build(), 1);
  EXPECT_NEAR(sum.samples, 12, 0.01);
  const double w = 64 / p;
  EXPECT_NEAR(sum.variance / (12 * w * w * (1 - p)), 1, 1e-3);
}

TEST(SamplingErrors, ADoubledRateShowsInTheWeights) {
  TestProfile t = Tidemark();
  const double p = -std::expm1(-64.0 / (4 * kRate));
  t.Add("site", {std::llround(5 / p), std::llround(5 * 64 / p), 5}, 64);
  const double w = 64 / p;
  EXPECT_NEAR(SumOf(*t.Build(), 1).variance / (5 * w * w), 1, 1e-3);
}

TEST(SamplingErrors, ExactProfilesHaveNoError) {
  TestProfile t("inuse_objects/count inuse_space/bytes inuse_samples/count");
  t.SetRate(1);
  t.Add("site", {10, 640, 10}, 64);
  const SampledSum sum = SumOf(*t.Build(), 1);
  EXPECT_EQ(sum.variance, 0);
  EXPECT_EQ(IntervalOf(sum), Interval95(640, 640));
}

TEST(SamplingErrors, OthersCarryNoInformation) {
  TestProfile cpu("samples/count cpu/nanoseconds");
  cpu.SetRate(kRate);
  cpu.Add("site", {1, 10});
  const auto a = cpu.Build();
  EXPECT_FALSE(SamplingErrors::For(*a, 0));
  EXPECT_FALSE(SamplingErrors::For(*a, 1));
  TestProfile no_period("inuse_objects/count inuse_space/bytes");
  no_period.Add("site", {1, 64}, 64);
  const auto b = no_period.Build();
  EXPECT_FALSE(SamplingErrors::For(*b, 1));
  TestProfile no_objects("inuse_space/bytes");
  no_objects.SetRate(kRate);
  no_objects.Add("site", {64}, 64);
  const auto c = no_objects.Build();
  EXPECT_FALSE(SamplingErrors::For(*c, 0));
}

TEST(Interval, OneSampleMeansAnythingFromNearlyNoneToSixTimesAsMuch) {
  SampledSum one;
  one.estimate = 1000;
  one.samples = 1;
  one.variance = 1e6;
  const Interval95 i = IntervalOf(one);
  EXPECT_NEAR(i.first, 25.3, 0.1);
  EXPECT_NEAR(i.second, 5571.6, 0.1);
}

TEST(Interval, GoesOnSmoothlyAtTenSamples) {
  SampledSum sum;
  for (int k = 9; k <= 11; ++k) {
    sum.estimate = sum.variance = sum.samples = k;
    const Interval95 i = IntervalOf(sum);
    static constexpr double kExact[3][2] = {
        {4.1154, 17.0848}, {4.7954, 18.3904}, {5.4912, 19.6820}};
    EXPECT_NEAR(i.first, kExact[k - 9][0], 0.02) << k;
    EXPECT_NEAR(i.second, kExact[k - 9][1], 0.02) << k;
  }
}

TEST(Interval, DifferenceOfNothingSeenUsesTheOtherSidesWeight) {
  SampledSum none, some;
  some.estimate = 5000;
  some.samples = 5;
  some.variance = 5e6;  // 1000 each
  const Interval95 i = IntervalOfDifference(some, none);
  EXPECT_NEAR(i.first, 5000 - std::hypot(5000 - 1623.5, 3688.9), 1);
  EXPECT_NEAR(i.second, 11668.3, 1);
  EXPECT_EQ(IntervalOfDifference(none, none), Interval95(0, 0));
}

// How often the interval holds the truth when every block of a population is sampled with
// probability p.
double Coverage(const std::vector<std::pair<double, int>>& population, int trials) {
  std::mt19937_64 random(42);
  double truth = 0;
  for (const auto& [block, count] : population) truth += block * count;
  int inside = 0;
  for (int t = 0; t < trials; ++t) {
    SampledSum sum;
    for (const auto& [block, count] : population) {
      const double p = Probability(block);
      const int k = std::binomial_distribution<int>(count, p)(random);
      sum += {k * block / p, static_cast<double>(k), k * block * block * (1 - p) / p / p};
    }
    const Interval95 i = IntervalOf(sum);
    inside += i.first <= truth && truth <= i.second;
  }
  return static_cast<double>(inside) / trials;
}

// With a true coverage of 95 % a run of 4000 trials falls below 93.6 % in 1 of 40,000 runs
// (four standard deviations); the seed is fixed.
TEST(Interval, CoversTheTruth) {
  EXPECT_GE(Coverage({{64, 3000}}, 4000), 0.936);                // about 3 samples
  EXPECT_GE(Coverage({{64, 12000}}, 4000), 0.936);               // about 12
  EXPECT_GE(Coverage({{64, 500000}}, 4000), 0.936);              // about 490
  EXPECT_GE(Coverage({{65536, 40}}, 4000), 0.936);               // p = 0.63
  EXPECT_GE(Coverage({{64, 20000}, {4096, 400}}, 4000), 0.936);  // mixed sizes
}

TEST(SameProcess, ByPidAndProcessId) {
  const auto profile = [](const char* pid, const char* id) {
    TestProfile p("inuse_space/bytes");
    p.Add("site", {1});
    if (pid != nullptr) p.AddComment(std::string("tidemark.pid=") + pid);
    if (id != nullptr) p.AddComment(std::string("tidemark.process_id=") + id);
    return p.Build();
  };
  EXPECT_TRUE(SameProcess(*profile("7", "ab"), *profile("7", "ab")));
  EXPECT_FALSE(SameProcess(*profile("7", "ab"), *profile("7", "cd")));
  EXPECT_FALSE(SameProcess(*profile("7", "ab"), *profile("8", "ab")));
  EXPECT_FALSE(SameProcess(*profile("7", nullptr), *profile("7", nullptr)));
  EXPECT_FALSE(SameProcess(*profile(nullptr, nullptr), *profile(nullptr, nullptr)));
}

}  // namespace
}  // namespace tidemark::report
