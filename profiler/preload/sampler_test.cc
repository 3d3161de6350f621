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

// Thinning a sample taken at R leaves it with the probability it would have had at 2R.
TEST(Sampler, ThinningGivesTheDoubledRatesProbability) {
  std::mt19937_64 random(3);
  for (uint64_t size : {16ull, 50000ull, 131072ull, 1000000ull}) {
    constexpr uint64_t kNew = 131072;
    int kept = 0;
    for (int i = 0; i < 100000; ++i) kept += KeepsWhenThinned(size, kNew, random()) ? 1 : 0;
    const double want = 1 / (1 + std::exp(-static_cast<double>(size) / kNew));
    EXPECT_NEAR(kept / 100000.0, want, 5 * 0.0016) << size;
  }
}

}  // namespace
}  // namespace tidemark::preload
