// The operating system as the preload library may use it: raw system calls (they touch
// no errno, cannot be interposed and never allocate), and the few string and number
// helpers that keep libc's allocating ones out.
//
// Malloc-safe, signal-safe.

#ifndef TIDEMARK_PROFILER_PRELOAD_OS_H_
#define TIDEMARK_PROFILER_PRELOAD_OS_H_

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

namespace tidemark::preload {

#define TM_LIKELY(x) __builtin_expect(!!(x), 1)
#define TM_UNLIKELY(x) __builtin_expect(!!(x), 0)

// The kernel's result: >= 0, or -errno.
inline long Syscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                    long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

inline long AsLong(const void* p) { return reinterpret_cast<long>(p); }

inline int GetPid() { return static_cast<int>(Syscall(SYS_getpid)); }
inline int GetTid() { return static_cast<int>(Syscall(SYS_gettid)); }
inline int Open(const char* path, int flags, int mode = 0) {
  return static_cast<int>(Syscall(SYS_openat, AT_FDCWD, AsLong(path), flags | O_CLOEXEC, mode));
}
inline long Read(int fd, void* to, size_t bytes) {
  return Syscall(SYS_read, fd, AsLong(to), static_cast<long>(bytes));
}
inline long Write(int fd, const void* from, size_t bytes) {
  return Syscall(SYS_write, fd, AsLong(from), static_cast<long>(bytes));
}
inline void Close(int fd) { Syscall(SYS_close, fd); }

// What seccomp leaves. Set for good, in fork children too, when the process puts itself under
// it: from then on files are left alone, and a call that the filter forbids is not made.
inline uint32_t g_in_sandbox __attribute__((visibility("hidden"))) = 0;       // (atomic)
inline uint32_t g_forbidden_calls __attribute__((visibility("hidden"))) = 0;  // (atomic) bits:
inline constexpr uint32_t kCallFutex = 1;  // to look at memory, and to wait for a lock
inline constexpr uint32_t kCallMap = 2;    // mmap, munmap, madvise as made below
inline constexpr uint32_t kCallGetPid = 4;
inline bool InSandbox() { return __atomic_load_n(&g_in_sandbox, __ATOMIC_RELAXED) != 0; }
inline bool IsForbidden(uint32_t call) {
  return TM_UNLIKELY((__atomic_load_n(&g_forbidden_calls, __ATOMIC_RELAXED) & call) != 0);
}

inline constexpr int kMadvWipeOnFork = 18;     // since Linux 4.14
inline constexpr int kMadvPopulateWrite = 23;  // since Linux 5.14
inline constexpr int kMapPrivateFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// Private zeroed memory, untouched pages cost nothing; nullptr when refused.
inline void* MapPrivate(size_t bytes) {
  if (IsForbidden(kCallMap)) return nullptr;
  long p = Syscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE, kMapPrivateFlags,
                   -1, 0);
  return p < 0 && p > -4096 ? nullptr : reinterpret_cast<void*>(p);
}
// The same, but a fork child finds it zeroed; not `*wiped` (before Linux 4.14): as the parent
// left it.
inline void* MapWipedOnFork(size_t bytes, bool* wiped = nullptr) {
  void* p = MapPrivate(bytes);
  if (p == nullptr) return nullptr;
  const long result = Syscall(SYS_madvise, AsLong(p), static_cast<long>(bytes), kMadvWipeOnFork);
  if (wiped != nullptr) *wiped = result == 0;
  return p;
}
inline void Unmap(void* p, size_t bytes) {
  Syscall(SYS_munmap, AsLong(p), static_cast<long>(bytes));
}

// CLOCK_MONOTONIC through the vDSO; clock_gettime cannot fail for it.
inline uint64_t MonotonicNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}
inline uint64_t RealtimeNs() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

// True when the byte at `address` can be read. The kernel compares the word there before it
// requeues no waiters, so EFAULT tells. futex, because malloc's own locks need it: a seccomp
// filter that lets the target run threads lets it pass.
inline bool IsReadable(uint64_t address) {
  if (IsForbidden(kCallFutex)) return false;
  uint32_t other = 0;
  constexpr long kNone = 0;  // to be woken, to be requeued
  return Syscall(SYS_futex, static_cast<long>(address & ~3ull), FUTEX_CMP_REQUEUE_PRIVATE, kNone,
                 kNone, AsLong(&other), 0) != -EFAULT;
}

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_OS_H_
