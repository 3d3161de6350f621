// Poisson sampling over bytes: how far to the next sample, and what a sample stands for.
//
// Idea: think of all bytes a thread ever requests as a line with points on it, on average
// one every `rate` bytes, placed by a Poisson process. A block is sampled when at least
// one point falls inside it, which has probability p = 1 - exp(-size / rate). A sample
// then stands for 1/p blocks and size/p bytes, which makes every sum unbiased. The gap
// between points is exponential, so what lies behind a block is independent of the block:
// after each sample, and after each change of rate, a fresh gap is drawn.
//
// The weight is computed from the rate at which the gap was drawn, per sample, never from
// a mean size afterwards.
//
// Malloc-safe, signal-safe, integer only (fixed_point.h).

#ifndef TIDEMARK_PROFILER_PRELOAD_SAMPLER_H_
#define TIDEMARK_PROFILER_PRELOAD_SAMPLER_H_

#include <stdint.h>

#include "profiler/preload/fixed_point.h"

namespace tidemark::preload {

inline constexpr uint64_t kDefaultRateBytes = 524288;
// A thread looks at the control page at least this often.
inline constexpr uint64_t kControlBytes = 256 << 10;
inline constexpr uint64_t kMaxRateBytes = 1ull << 40;

// xorshift64* (Marsaglia; Vigna 2016): 64 good bits from 8 bytes of state.
// REQUIRES: *state != 0.
inline uint64_t NextRandom(uint64_t* state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545f4914f6cdd1du;
}

// The number of bytes that pass before the next point: g with P(g >= k) = exp(-k / rate),
// so a block of `size` is sampled iff g < size.
inline uint64_t DrawGap(uint64_t random, uint64_t rate) {
  return static_cast<uint64_t>(fixed::Wide{fixed::MinusLn(random)} * rate >> 32);
}

struct Weight {
  uint64_t bytes;    // size / p, rounded to the nearest byte
  uint32_t objects;  // 1 / p, rounded stochastically: its mean is 1 / p
};

// What one sampled block of `size` bytes stands for. REQUIRES: size > 0, rate > 0.
inline Weight WeightOf(uint64_t size, uint64_t rate, uint64_t random) {
  uint64_t bytes;
  if (size <= rate) {
    // With x = size / rate <= 1: size / p = rate * x / (1 - e^-x), and
    // x / (1 - e^-x) = 1 + x/2 + x^2/12 - x^4/720 + x^6/30240 - ... (Bernoulli numbers);
    // the next term is below 1e-6. The quotient 1 - e^-x itself would lose all digits.
    const uint64_t x = static_cast<uint64_t>((fixed::Wide{size} << 32) / rate);
    const uint64_t x2 = static_cast<uint64_t>(fixed::Wide{x} * x >> 32);
    const uint64_t x4 = static_cast<uint64_t>(fixed::Wide{x2} * x2 >> 32);
    const uint64_t x6 = static_cast<uint64_t>(fixed::Wide{x4} * x2 >> 32);
    const uint64_t factor = (1ull << 32) + x / 2 + x2 / 12 - x4 / 720 + x6 / 30240;
    bytes = static_cast<uint64_t>((fixed::Wide{factor} * rate + (1ull << 31)) >> 32);
  } else {
    const uint64_t p = (1ull << 32) - fixed::ExpMinus(size, rate);
    bytes = static_cast<uint64_t>(((fixed::Wide{size} << 32) + p / 2) / p);
  }
  // bytes / size >= 1; the remainder decides the rounding.
  const uint64_t whole = bytes / size;
  const uint64_t rest = bytes % size;
  const bool up = static_cast<uint64_t>(fixed::Wide{random} * size >> 64) < rest;
  const uint64_t objects = whole + (up ? 1 : 0);
  return {bytes, objects > 0xffffffff ? 0xffffffffu : static_cast<uint32_t>(objects)};
}

// The table that holds a sample of `size` bytes and weight `bytes` is thinned to `new_rate`.
// The sample was taken with p = size / bytes, at whatever rate was in force then; it is kept
// with p' / p, where p' is new_rate's probability, and is restated at that rate.
// One that was taken more sparsely already stays as it is.
struct Thinned {
  bool kept;
  Weight weight;  // meaningful if kept
};
inline Thinned ThinSample(uint64_t size, const Weight& taken, uint64_t new_rate,
                          uint64_t keep_random, uint64_t weight_random) {
  const Weight after = WeightOf(size, new_rate, weight_random);
  if (taken.bytes >= after.bytes) return {true, taken};
  const bool kept =
      static_cast<uint64_t>(fixed::Wide{keep_random} * after.bytes >> 64) < taken.bytes;
  return {kept, after};
}

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_SAMPLER_H_
