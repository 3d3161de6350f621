// The thread's only cache line of TLS: what the fast path of malloc touches.
//
// 64 bytes in all, initial-exec: glibc keeps little static TLS for libraries that are
// loaded late. Malloc-safe, signal-safe. A fresh thread is all zeroes: its first
// allocation goes to the slow path, which draws its first gap.

#ifndef TIDEMARK_PROFILER_PRELOAD_THREAD_STATE_H_
#define TIDEMARK_PROFILER_PRELOAD_THREAD_STATE_H_

#include <stddef.h>
#include <stdint.h>

namespace tidemark::preload {

struct alignas(64) ThreadState {
  // When `left` is X, X more bytes can be allocated without leaving the fast path; the
  // allocation that asks for more goes to the slow path, which finds X + 2^64 - size here and
  // makes it X again.
  uint64_t left;
  // Bytes of the current gap beyond what `left` was last set to (the countdown is capped
  // so that each thread reads the control page every kControlBytes).
  uint64_t rest;
  uint64_t rate;       // mean of the distribution the current gap was drawn from; 0: none drawn
  uint64_t random;     // xorshift state; 0: not seeded
  uint32_t slot;       // 1 + index into the state's threads; 0: none
  uint32_t busy;       // > 0 inside our own slow path
  uint32_t epoch;      // of the process's state (bumped in a fork child); differs: start afresh
  uint32_t in_new;     // allocations that left the fast path; TidemarkNew compares it
  uint32_t end_armed;  // see lifecycle.cc: the end of this thread will be noticed
  uint32_t pad;
  void* exact;  // exact mode: this thread's tables (exact_recorder.cc)
};
static_assert(sizeof(ThreadState) == 64);

// constinit: without it every access would call a TLS init function first.
extern constinit thread_local ThreadState t_state
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// The fast path's question: may this allocation pass unseen? If so it is accounted for. If not,
// `left` has run below zero, and the slow path takes that back before anything else.
// One instruction where the compiler would load, subtract, test and store.
inline __attribute__((always_inline)) bool CountsDown(size_t size) {
  bool below;
  __asm__("subq %[size], %[left]" : "=@ccc"(below), [left] "+m"(t_state.left) : [size] "r"(size));
  return !below;
}
inline void TakeBackCount(size_t size) { t_state.left += size; }

// The same question off the fast path; `left` stays as it was when the answer is no.
inline bool PassesUnseen(size_t size) {
  if (size > t_state.left) return false;
  t_state.left -= size;
  return true;
}

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_THREAD_STATE_H_
