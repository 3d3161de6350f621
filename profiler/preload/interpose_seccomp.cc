// prctl and syscall as the target calls them, for one thing: to see that it puts itself
// under seccomp (libseccomp uses `syscall`, everybody else `prctl`).
//
// Every other call is a tail jump: some (vfork, clone) must not return into a frame of
// ours. libc's headers, which declare both as variadic, are left out; on this machine the
// arguments are in the same places.

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/os.h"
#include "profiler/preload/seccomp_filter.h"
#include "profiler/preload/symbol_lookup.h"

namespace tidemark::preload {
namespace {

constexpr int kSetSeccomp = 22;  // PR_SET_SECCOMP

using PrctlFunction = int (*)(int, long, long, long, long);
using SyscallFunction = long (*)(long, long, long, long, long, long, long);

int FirstPrctl(int option, long a, long b, long c, long d);
long FirstSyscall(long number, long a, long b, long c, long d, long e, long f);
constinit PrctlFunction g_prctl = FirstPrctl;
constinit SyscallFunction g_syscall = FirstSyscall;

// At load time, or at the first call of another library's constructor before that.
__attribute__((constructor)) void FindSeccompCalls() {
  void* next = FindNext("prctl", Search::kAtStart).function;
  if (next != nullptr) g_prctl = reinterpret_cast<PrctlFunction>(next);
  next = FindNext("syscall", Search::kAtStart).function;
  if (next != nullptr) g_syscall = reinterpret_cast<SyscallFunction>(next);
}

int FirstPrctl(int option, long a, long b, long c, long d) {
  FindSeccompCalls();
  if (g_prctl != FirstPrctl) return g_prctl(option, a, b, c, d);
  errno = ENOSYS;
  return -1;
}

long FirstSyscall(long number, long a, long b, long c, long d, long e, long f) {
  FindSeccompCalls();
  if (g_syscall != FirstSyscall) return g_syscall(number, a, b, c, d, e, f);
  errno = ENOSYS;
  return -1;
}

// Runs `call`, which installs `filter` (nullptr: none) and gives 0 if it succeeds. What the
// filter forbids is given up before it is in force: it may be so for other threads, too.
template <class Call>
__attribute__((noinline)) long Install(const sock_fprog* filter, bool strict, Call call) {
  const uint32_t before = __atomic_load_n(&g_forbidden_calls, __ATOMIC_RELAXED);
  // A filter that cannot be read is refused by the kernel.
  const bool readable = filter != nullptr && IsReadable(reinterpret_cast<uint64_t>(filter)) &&
                        IsReadable(reinterpret_cast<uint64_t>(filter->filter));
  if (readable) {
    __atomic_store_n(&g_forbidden_calls, before | CallsForbiddenBy(*filter), __ATOMIC_RELAXED);
  }
  BeforeSandbox();
  const long result = call();
  if (result == 0) {
    EnterSandbox(strict);
  } else {
    SandboxRefused();
    __atomic_store_n(&g_forbidden_calls, before, __ATOMIC_RELAXED);
  }
  return result;
}

__attribute__((noinline)) int SetSeccomp(int option, long a, long b, long c, long d) {
  const auto* filter = a == SECCOMP_MODE_FILTER ? reinterpret_cast<const sock_fprog*>(b) : nullptr;
  return static_cast<int>(Install(filter, a == SECCOMP_MODE_STRICT,
                                  [&]() -> long { return g_prctl(option, a, b, c, d); }));
}

__attribute__((noinline)) long SetSeccompBySyscall(long number, long a, long b, long c) {
  if (a != SECCOMP_SET_MODE_STRICT && a != SECCOMP_SET_MODE_FILTER) {
    return g_syscall(number, a, b, c, 0, 0, 0);  // asks something
  }
  const bool strict = a == SECCOMP_SET_MODE_STRICT;
  const auto* filter = strict ? nullptr : reinterpret_cast<const sock_fprog*>(c);
  return Install(filter, strict, [&] { return g_syscall(number, a, b, c, 0, 0, 0); });
}

}  // namespace

extern "C" {

TM_EXPORT int prctl(int option, long a, long b, long c, long d) {
  if (TM_UNLIKELY(option == kSetSeccomp)) return SetSeccomp(option, a, b, c, d);
  return g_prctl(option, a, b, c, d);
}

TM_EXPORT long syscall(long number, long a, long b, long c, long d, long e, long f) {
  if (TM_UNLIKELY(number == SYS_seccomp)) return SetSeccompBySyscall(number, a, b, c);
  return g_syscall(number, a, b, c, d, e, f);
}

}  // extern "C"

}  // namespace tidemark::preload
