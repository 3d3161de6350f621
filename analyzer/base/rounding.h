// Numbers from profiles, which may be anything, as integers that a report can show.
//
// Thread class: pure functions. Allocation class: nothing allocates.

#ifndef TIDEMARK_ANALYZER_BASE_ROUNDING_H_
#define TIDEMARK_ANALYZER_BASE_ROUNDING_H_

#include <cmath>
#include <cstdint>
#include <limits>

namespace tidemark {

// The nearest integer; what is outside is the end that is nearer, and what is no number 0.
inline int64_t Rounded(double value) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (std::isnan(value)) return 0;
  if (value >= kEnd) return std::numeric_limits<int64_t>::max();
  if (value <= -kEnd) return std::numeric_limits<int64_t>::min();
  return std::llround(value);
}

// a - b, or the end of the integers that it is beyond.
inline int64_t SaturatingDifference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b > 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_ROUNDING_H_
