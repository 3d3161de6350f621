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

__attribute__((noinline)) int SetSeccomp(int option, long a, long b, long c, long d) {
  const int result = g_prctl(option, a, b, c, d);
  if (result == 0) EnterSandbox(a == SECCOMP_MODE_STRICT);
  return result;
}

__attribute__((noinline)) long SetSeccompBySyscall(long number, long a, long b, long c) {
  const long result = g_syscall(number, a, b, c, 0, 0, 0);
  const bool sets = a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER;
  if (result == 0 && sets) EnterSandbox(a == SECCOMP_SET_MODE_STRICT);
  return result;
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
