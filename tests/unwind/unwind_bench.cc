// What a capture costs: nanoseconds per frame of a warm stack, by depth, beside libgcc's.
// The checker times the same on real programs, where caches are cold.

#include <stdint.h>
#include <stdio.h>
#include <unwind.h>

#include <algorithm>

#include "profiler/preload/modules.h"
#include "profiler/preload/os.h"
#include "profiler/preload/stack_capture.h"

namespace {

using tidemark::preload::CapturedStack;
using tidemark::preload::MonotonicNs;

CapturedStack g_stack;

// Best of several rounds, in ns per call.
template <typename Body>
uint64_t BestOf(Body body) {
  constexpr uint64_t kCalls = 2000;
  uint64_t best = UINT64_MAX;
  for (int round = 0; round < 30; ++round) {
    const uint64_t begin = MonotonicNs();
    for (uint64_t i = 0; i < kCalls; ++i) body();
    best = std::min(best, (MonotonicNs() - begin) / kCalls);
  }
  return best;
}

__attribute__((noinline)) void CaptureHere() {
  const auto* frame = static_cast<const uint64_t*>(__builtin_frame_address(0));
  CaptureStack({frame[1], reinterpret_cast<uint64_t>(frame + 2), frame[0]}, &g_stack);
  __asm__ volatile("" ::: "memory");
}

void Measure() {
  const uint64_t ours = BestOf([] { CaptureHere(); });
  const uint64_t libgcc = BestOf([] {
    uint32_t frames = 0;
    _Unwind_Backtrace(
        [](_Unwind_Context*, void* count) {
          ++*static_cast<uint32_t*>(count);
          return _URC_NO_REASON;
        },
        &frames);
  });
  printf("%4u frames: %6lu ns, %5.1f ns per frame; libgcc %7lu ns, %5.1f ns per frame\n",
         g_stack.depth, ours, static_cast<double>(ours) / g_stack.depth, libgcc,
         static_cast<double>(libgcc) / g_stack.depth);
}

// Frames of different sizes, as real stacks have them.
template <int kWords>
__attribute__((noinline)) void Descend(int depth) {
  volatile uint64_t words[kWords];
  words[0] = static_cast<uint64_t>(depth);
  if (depth <= 0) {
    Measure();
  } else {
    Descend<(kWords * 5 + 3) % 31 + 1>(depth - 1);
  }
  __asm__ volatile("" ::"g"(&words) : "memory");
}

}  // namespace

int main() {
  static tidemark::state::Totals totals;
  tidemark::preload::AttachModules(nullptr, 0, nullptr, 0, &totals, 0);
  for (int depth : {0, 4, 12, 24, 50, 100, 400}) Descend<4>(depth);
  return 0;
}
