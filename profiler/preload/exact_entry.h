// Exact mode's malloc family: stands between the entry points and the real allocator.
//
// Idea: the entry points jump through g_next, so exact mode puts its own functions there.
// The sampled fast path stays as it is, and malloc(0), which no countdown would notice, is
// counted too. They are reached by tail jumps, so their caller's registers are found as in
// interpose_slow.cc.

#ifndef TIDEMARK_PROFILER_PRELOAD_EXACT_ENTRY_H_
#define TIDEMARK_PROFILER_PRELOAD_EXACT_ENTRY_H_

#include <stddef.h>

namespace tidemark::preload {

// Puts exact mode's functions into g_next, for good; a second call does nothing. They
// pass everything on while nothing is recorded. REQUIRES: g_next is filled in.
void InstallExactEntries();

// True once installed.
bool HasExactEntries();

// The allocator's own malloc, whatever stands in g_next.
void* RealMalloc();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_EXACT_ENTRY_H_
