// A lock that gives up. The holder may be preempted, or gone for good (a thread cancelled
// asynchronously), and a profiler that waits for ever hangs its target: a lost sample is
// the better outcome.
//
// Idea: spin briefly, then sleep by a futex wait that nobody wakes: it ends by its timeout
// of 1 ms. futex is a call that malloc's own locks make, so a seccomp filter that lets the
// target run threads lets it pass; where it does not, the lock only spins.
//
// Malloc-safe. In a signal handler: only where the interrupted thread cannot hold it (the
// recorder's `busy` mark sees to that).

#ifndef TIDEMARK_PROFILER_PRELOAD_BOUNDED_LOCK_H_
#define TIDEMARK_PROFILER_PRELOAD_BOUNDED_LOCK_H_

#include <linux/futex.h>
#include <stdint.h>
#include <time.h>

#include "profiler/preload/os.h"

namespace tidemark::preload {

inline constexpr int kLockSpins = 2000;
inline constexpr int kLockNaps = 100;  // about 100 ms in all

inline bool TryAcquire(uint32_t* lock) {
  return __atomic_load_n(lock, __ATOMIC_RELAXED) == 0 &&
         __atomic_exchange_n(lock, 1u, __ATOMIC_ACQUIRE) == 0;
}

inline bool AcquireBounded(uint32_t* lock) {
  for (int i = 0; i < kLockSpins; ++i) {
    if (TryAcquire(lock)) return true;
    __builtin_ia32_pause();
  }
  for (int i = 0; i < kLockNaps && !IsForbidden(kCallFutex); ++i) {
    const timespec nap = {0, 1000000};
    Syscall(SYS_futex, AsLong(lock), FUTEX_WAIT_PRIVATE, 1, AsLong(&nap));
    if (TryAcquire(lock)) return true;
  }
  return false;
}

inline void Release(uint32_t* lock) { __atomic_store_n(lock, 0u, __ATOMIC_RELEASE); }

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_BOUNDED_LOCK_H_
