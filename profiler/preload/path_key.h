// A name of 128 bits for a stack, extended frame by frame from the root.
//
// Two different stacks of one process share a key with probability n^2 / 2^129 for n
// stacks: 10^-21 for a billion. So a key stands for its stack, without comparing frames.
// The seed differs per process, so that no input can be made to collide.
//
// Malloc-safe, signal-safe, plain values.

#ifndef TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_
#define TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_

#include <stdint.h>

namespace tidemark::preload {

struct PathKey {
  uint64_t a;
  uint64_t b;

  // (a, b) = (low ^ high of (a ^ pc) * odd, low ^ high of (b + pc) * other odd): the folded
  // product mixes every bit of its input into all of the result.
  PathKey Extended(uint64_t pc) const {
    return {Fold(a ^ pc, 0x9e3779b97f4a7c15u) + b, Fold(b + pc, 0xd1342543de82ef95u) ^ a};
  }

  friend bool operator==(const PathKey&, const PathKey&) = default;

 private:
  static uint64_t Fold(uint64_t x, uint64_t y) {
    const unsigned __int128 product = static_cast<unsigned __int128>(x) * y;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
};

// Where every path starts. Changes when code was unloaded: the same addresses may mean
// other code then, and get paths of their own.
extern PathKey g_root_key __attribute__((visibility("hidden")));

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_PATH_KEY_H_
