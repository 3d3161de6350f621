// A name of 128 bits for a stack, extended frame by frame from the root.
//
// Idea: two polynomials in fixed points, modulo 2^64, over well mixed return addresses. So a
// path extended by a known suffix costs two multiplications, however long the suffix is.
//
// Two different stacks share a key by chance with a probability of at most 2^-106: each half
// has 64 bits, of which stacks that differ only in the places of equal frames may lose 11 (the
// factors of two in A^i - A^j for i - j < 512 and A = 5 mod 8). For a billion stacks that is
// 10^-14. So a key stands for its stack, without comparing frames.
//
// Malloc-safe, signal-safe, plain values.

#ifndef TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_
#define TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_

#include <stdint.h>

namespace tidemark::preload {

// Two points, 5 mod 8 both.
inline constexpr uint64_t kPathPointA = 0x9e3779b97f4a7c15u;
inline constexpr uint64_t kPathPointB = 0xd1342543de82ef95u;

// What one frame adds: the folded product mixes every bit of its input into all of the result.
inline uint64_t MixFrame(uint64_t pc, uint64_t by) {
  const unsigned __int128 product = static_cast<unsigned __int128>(pc ^ by) * kPathPointA;
  const uint64_t folded = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  return folded * by;
}
inline constexpr uint64_t kFrameMixA = 0xa0761d6478bd642fu;
inline constexpr uint64_t kFrameMixB = 0xe7037ed1a0b428dbu;

// Up to kMaxFrames frames to extend a path by, outermost first.
struct PathSuffix {
  static constexpr uint32_t kMaxFrames = 15;

  uint64_t a = 0;
  uint64_t b = 0;

  PathSuffix Extended(uint64_t pc) const {
    return {a * kPathPointA + MixFrame(pc, kFrameMixA), b * kPathPointB + MixFrame(pc, kFrameMixB)};
  }
};

// The points' powers, from 0.
struct PathPowers {
  struct {
    uint64_t a;
    uint64_t b;
  } of[PathSuffix::kMaxFrames + 1];
};
constexpr PathPowers MakePathPowers() {
  PathPowers powers{};
  powers.of[0] = {1, 1};
  for (uint32_t i = 1; i <= PathSuffix::kMaxFrames; ++i) {
    powers.of[i] = {powers.of[i - 1].a * kPathPointA, powers.of[i - 1].b * kPathPointB};
  }
  return powers;
}
inline constexpr PathPowers kPathPowers = MakePathPowers();

struct PathKey {
  uint64_t a;
  uint64_t b;

  PathKey Extended(uint64_t pc) const {
    return {a * kPathPointA + MixFrame(pc, kFrameMixA), b * kPathPointB + MixFrame(pc, kFrameMixB)};
  }
  // The same as extending by each of the `frames` frames of `suffix` in turn.
  PathKey Extended(const PathSuffix& suffix, uint32_t frames) const {
    return {a * kPathPowers.of[frames].a + suffix.a, b * kPathPowers.of[frames].b + suffix.b};
  }

  friend bool operator==(const PathKey&, const PathKey&) = default;
};

// Where every path starts. Changes when code was unloaded: the same addresses may mean
// other code then, and get paths of their own.
extern PathKey g_root_key __attribute__((visibility("hidden")));

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_
