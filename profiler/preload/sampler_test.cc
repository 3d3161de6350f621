#include "profiler/preload/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>

namespace tidemark::preload {
namespace {

TEST(FixedPoint, MinusLnIsWithinThreeMillionths) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t r = random() >> (random() % 64);
    const double want = -std::log((static_cast<double>(r) + 1) / 18446744073709551616.0);
    EXPECT_NEAR(static_cast<double>(fixed::MinusLn(r)) / 4294967296.0, want, 3e-6) << r;
  }
  EXPECT_EQ(fixed::MinusLn(~0ull), 0u);
}

TEST(FixedPoint, ExpMinusIsWithinThreeMillionths) {
  for (uint64_t size = 1; size < 20'000'000; size += 997) {
    const double want = std::exp(-static_cast<double>(size) / 524288);
    EXPECT_NEAR(static_cast<double>(fixed::ExpMinus(size, 524288)) / 4294967296.0, want, 3e-6);
  }
  EXPECT_EQ(fixed::ExpMinus(~0ull, 1), 0u);
  EXPECT_EQ(fixed::ExpMinus(1ull << 62, 1ull << 40), 0u);
}

TEST(Sampler, WeightMatchesTheFormula) {
  for (uint64_t rate : {1ull, 2ull, 100ull, 4096ull, 524288ull, 1ull << 30}) {
    for (uint64_t size : {1ull, 7ull, 16ull, 64ull, 1000ull, 4096ull, 65536ull, 524288ull,
                          600000ull, 10000000ull, 1ull << 40}) {
      const double x = static_cast<double>(size) / static_cast<double>(rate);
      const double want = static_cast<double>(size) / -std::expm1(-x);
      const Weight w = WeightOf(size, rate, 0);
      // Half a byte of rounding, else 1e-5 relative.
      EXPECT_NEAR(static_cast<double>(w.bytes), want, 0.51 + want * 1e-5) << size << " at " << rate;
    }
  }
}

// The mean of 100,000 stochastic roundings of 1/p. Their standard deviation is at most
// 0.5, that of the mean 0.0016; five of those fail once in 1.7 million runs, and the seed
// is fixed.
TEST(Sampler, ObjectsRoundWithoutBias) {
  std::mt19937_64 random(2);
  for (uint64_t size : {300000ull, 500000ull, 1000000ull}) {
    double sum = 0;
    for (int i = 0; i < 100000; ++i) sum += WeightOf(size, 524288, random()).objects;
    const double want = 1 / -std::expm1(-static_cast<double>(size) / 524288);
    EXPECT_NEAR(sum / 100000, want, 5 * 0.0016) << size;
  }
}

// For each size, n blocks pass a countdown as in the recorder. The number of bytes
// estimated is unbiased: its standard error is sqrt(n * s^2 (1-p)/p). A deviation of five
// of those happens once in 1.7 million runs; the seeds are fixed.
TEST(Sampler, EstimatesAreUnbiased) {
  uint64_t state = 12345;
  constexpr uint64_t kRate = 65536;
  for (uint64_t size : {16ull, 1024ull, 100000ull, 1048576ull}) {
    const double p = -std::expm1(-static_cast<double>(size) / kRate);
    const uint64_t n = static_cast<uint64_t>(20000 / p);
    uint64_t left = DrawGap(NextRandom(&state), kRate);
    double bytes = 0;
    double objects = 0;
    for (uint64_t i = 0; i < n; ++i) {
      if (size <= left) {
        left -= size;
        continue;
      }
      const Weight w = WeightOf(size, kRate, NextRandom(&state));
      bytes += static_cast<double>(w.bytes);
      objects += w.objects;
      left = DrawGap(NextRandom(&state), kRate);
    }
    const double s = static_cast<double>(size);
    const double error = s * std::sqrt(static_cast<double>(n) * (1 - p) / p) + s;
    EXPECT_NEAR(bytes, s * static_cast<double>(n), 5 * error + s * static_cast<double>(n) * 1e-5);
    // Rounding adds at most 0.25 of variance per sample.
    const double object_error = error / s + std::sqrt(static_cast<double>(n) * p * 0.25);
    EXPECT_NEAR(objects, static_cast<double>(n), 5 * object_error);
  }
}

// A sample taken at R and thinned to R' is there with the probability it would have had at R',
// whatever R is. The standard error is at most 0.5 / sqrt(100000); five of them are exceeded
// once in 1.7 million runs; the seed is fixed.
TEST(Sampler, ThinningGivesTheNewRatesProbability) {
  std::mt19937_64 random(3);
  constexpr uint64_t kNew = 131072;
  for (uint64_t old_rate : {4096ull, 65536ull, 131072ull}) {
    for (uint64_t size : {16ull, 50000ull, 131072ull, 1000000ull}) {
      int kept = 0;
      for (int i = 0; i < 100000; ++i) {
        const Weight taken = WeightOf(size, old_rate, random());
        const Thinned thinned = ThinSample(size, taken, kNew, random(), random());
        kept += thinned.kept ? 1 : 0;
        if (thinned.kept) {
          EXPECT_NEAR(static_cast<double>(thinned.weight.bytes),
                      static_cast<double>(WeightOf(size, kNew, 0).bytes), 1);
        }
      }
      const auto p = [&](uint64_t rate) {
        return -std::expm1(-static_cast<double>(size) / static_cast<double>(rate));
      };
      EXPECT_NEAR(kept / 100000.0, p(kNew) / p(old_rate), 5 * 0.0016) << size << " " << old_rate;
    }
  }
}

TEST(Sampler, ThinningLeavesSparserSamplesAlone) {
  const Weight taken = WeightOf(1000, 1 << 20, 1);
  const Thinned thinned = ThinSample(1000, taken, 1 << 16, ~uint64_t{0}, 1);
  EXPECT_TRUE(thinned.kept);
  EXPECT_EQ(thinned.weight.bytes, taken.bytes);
  EXPECT_EQ(thinned.weight.objects, taken.objects);
}

}  // namespace
}  // namespace tidemark::preload
