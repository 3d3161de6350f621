// Logarithm and exponential in 64-bit fixed point, for code that may not touch the
// floating-point registers: a hook runs between any two instructions of the target.
//
// Idea: split into an integer part (a shift) and a fraction in [0, 1) looked up in a
// table of 257 entries with linear interpolation. The error of both is below 3e-6 of
// the result's scale (h^2/8 times the second derivative, h = 1/256). The tables are
// computed by the compiler.
//
// Malloc-safe, signal-safe.

#ifndef TIDEMARK_PROFILER_PRELOAD_FIXED_POINT_H_
#define TIDEMARK_PROFILER_PRELOAD_FIXED_POINT_H_

#include <stdint.h>

namespace tidemark::preload::fixed {

using Wide = unsigned __int128;

inline constexpr int kTableBits = 8;
inline constexpr int kTableSize = (1 << kTableBits) + 1;

struct Table {
  uint64_t value[kTableSize];
};

// log2(1 + i/256) in Q32, by repeated squaring: one bit of the result per step.
constexpr Table MakeLog2Table() {
  Table t{};
  for (int i = 0; i < kTableSize; ++i) {
    if (i == kTableSize - 1) {
      t.value[i] = 1ull << 32;
      break;
    }
    Wide x = (Wide{1} << 62) + (Wide(i) << (62 - kTableBits));  // Q62 in [1, 2)
    uint64_t result = 0;
    for (int bit = 31; bit >= 0; --bit) {
      x = (x * x) >> 62;
      if (x >= (Wide{2} << 62)) {
        x >>= 1;
        result |= 1ull << bit;
      }
    }
    t.value[i] = result;
  }
  return t;
}

// 2^(-i/256) in Q32, as a product of the square roots of 1/2: 2^(-1/2), 2^(-1/4)...
constexpr Table MakeExp2Table() {
  Wide root[kTableBits] = {};  // root[k] = 2^(-2^-(k+1)) in Q62
  for (int k = 0; k < kTableBits; ++k) {
    const Wide square = k == 0 ? Wide{1} << 61 : root[k - 1];  // Q62
    Wide low = 0;
    Wide high = Wide{1} << 62;
    while (high - low > 1) {  // integer square root by bisection
      const Wide mid = (low + high) / 2;
      (mid * mid >> 62) <= square ? low = mid : high = mid;
    }
    root[k] = low;
  }
  Table t{};
  for (int i = 0; i < kTableSize; ++i) {
    Wide x = Wide{1} << 62;
    if (i == kTableSize - 1) {
      x = Wide{1} << 61;
    } else {
      for (int k = 0; k < kTableBits; ++k) {
        if (i & (1 << (kTableBits - 1 - k))) x = x * root[k] >> 62;
      }
    }
    t.value[i] = static_cast<uint64_t>(x >> 30);
  }
  return t;
}

inline constexpr Table kLog2 = MakeLog2Table();
inline constexpr Table kExp2 = MakeExp2Table();
inline constexpr uint64_t kLn2Q32 = 2977044472;    // ln 2
inline constexpr uint64_t kLog2eQ32 = 6196328019;  // log2 e

// Between entries: `fraction` is Q32 in [0, 1).
inline uint64_t Interpolate(const Table& table, uint64_t fraction) {
  const uint64_t index = fraction >> (32 - kTableBits);
  const uint64_t rest = fraction & ((1ull << (32 - kTableBits)) - 1);
  const int64_t from = static_cast<int64_t>(table.value[index]);
  const int64_t to = static_cast<int64_t>(table.value[index + 1]);
  return static_cast<uint64_t>(from +
                               ((to - from) * static_cast<int64_t>(rest) >> (32 - kTableBits)));
}

// -ln(u) in Q32 for u = (random + 1) / 2^64, that is 0 < u <= 1.
inline uint64_t MinusLn(uint64_t random) {
  if (random == ~0ull) return 0;
  const uint64_t r = random + 1;
  const int zeros = __builtin_clzll(r);
  // r = 2^(63 - zeros) * (1 + fraction), so -log2(u) = 1 + zeros - log2(1 + fraction).
  const uint64_t fraction = (r << zeros << 1) >> 32;
  const uint64_t minus_log2 =
      (static_cast<uint64_t>(zeros + 1) << 32) - Interpolate(kLog2, fraction);
  return static_cast<uint64_t>(Wide{minus_log2} * kLn2Q32 >> 32);
}

// exp(-size / rate) in Q32. REQUIRES: rate > 0.
inline uint64_t ExpMinus(uint64_t size, uint64_t rate) {
  if (size / rate >= 23) return 0;  // below 2^-32
  const uint64_t x = static_cast<uint64_t>((Wide{size} << 32) / rate);
  const uint64_t exponent = static_cast<uint64_t>(Wide{x} * kLog2eQ32 >> 32);  // Q32, in bits
  const uint64_t shift = exponent >> 32;
  return shift >= 33 ? 0 : Interpolate(kExp2, exponent & 0xffffffff) >> shift;
}

}  // namespace tidemark::preload::fixed

#endif  // TIDEMARK_PROFILER_PRELOAD_FIXED_POINT_H_
