// What a capture costs: nanoseconds per frame of a warm stack, by depth, beside libgcc's; and
// nanoseconds per capture of FastCapture, by what changed since the previous one. The
// checker times CaptureStack on real programs, where caches are cold.

#include <stdint.h>
#include <stdio.h>
#include <unwind.h>

#include <algorithm>

#include "profiler/preload/fast_capture.h"
#include "profiler/preload/modules.h"
#include "profiler/preload/os.h"
#include "profiler/preload/stack_capture.h"

namespace {

using tidemark::preload::CapturedStack;
using tidemark::preload::FastCapture;
using tidemark::preload::MonotonicNs;

CapturedStack g_stack;
FastCapture* g_fast;

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

__attribute__((noinline)) void FastCaptureHere() {
  const auto* frame = static_cast<const uint64_t*>(__builtin_frame_address(0));
  g_fast->Capture({frame[1], reinterpret_cast<uint64_t>(frame + 2), frame[0]});
  __asm__ volatile("" ::: "memory");
}

// Calls FastCaptureHere `frames` calls further in, with frames that tell `kVariant` apart.
template <int kVariant>
__attribute__((noinline)) void FurtherIn(int frames) {
  volatile uint64_t words[1 + kVariant % 5];
  words[0] = 1;
  if (frames <= 1) {
    FastCaptureHere();
  } else {
    FurtherIn<kVariant>(frames - 1);
  }
  __asm__ volatile("" ::"g"(&words) : "memory");
}

// ns per capture when the inner `frames` frames are others each time: those of `variants`
// stacks in turn, which are remembered as long as they are few.
double FastNs(int frames, int variants) {
  static constexpr void (*kCalls[])(int) = {
      &FurtherIn<0>,  &FurtherIn<1>,  &FurtherIn<2>,  &FurtherIn<3>, &FurtherIn<4>,  &FurtherIn<5>,
      &FurtherIn<6>,  &FurtherIn<7>,  &FurtherIn<8>,  &FurtherIn<9>, &FurtherIn<10>, &FurtherIn<11>,
      &FurtherIn<12>, &FurtherIn<13>, &FurtherIn<14>, &FurtherIn<15>};
  return BestOf([&] {
           for (int i = 0; i < 16; ++i) kCalls[i % variants](frames);
         }) /
         16.0;
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
  printf(
      "      FastCapture: %.1f ns unchanged; two leaves %.1f; 2 frames new, known %.1f; "
      "4 of them %.1f; 20 frames new, unknown %.1f\n",
      FastNs(1, 1), FastNs(1, 2), FastNs(2, 16), FastNs(4, 16), FastNs(20, 16));
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
  g_fast = static_cast<FastCapture*>(tidemark::preload::MapPrivate(sizeof(FastCapture)));
  if (g_fast == nullptr) return 1;
  for (int depth : {0, 4, 12, 24, 50, 100, 400}) Descend<4>(depth);
  return 0;
}
