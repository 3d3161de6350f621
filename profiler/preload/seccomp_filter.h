// Would a seccomp filter that the target installs let a system call of ours pass?
//
// Idea: what a filter forbids may be deadly, so nothing is tried out. The filter is a classic
// BPF program in the target's memory; it is run here, on the call we would make. The
// instructions are those that the kernel admits (seccomp_check_filter in its seccomp.c).
//
// Malloc-safe, signal-safe.

#ifndef TIDEMARK_PROFILER_PRELOAD_SECCOMP_FILTER_H_
#define TIDEMARK_PROFILER_PRELOAD_SECCOMP_FILTER_H_

#include <linux/filter.h>
#include <stdint.h>

namespace tidemark::preload {

// True if the filter returns SECCOMP_RET_ALLOW or SECCOMP_RET_LOG for the call. False too
// for a program that cannot be understood.
bool FilterAllows(const sock_fprog& filter, long number, const uint64_t (&arguments)[6]);

// Bits of g_forbidden_calls (os.h) for the calls that the filter does not let pass as the
// recorder makes them.
uint32_t CallsForbiddenBy(const sock_fprog& filter);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_SECCOMP_FILTER_H_
