// The out-of-line halves of the entry points: what happens when the fast path cannot let
// a call pass unseen.
//
// The entry points come here with a tail jump, so that the frame of these functions lies
// directly below their caller's: that is how the caller's registers are known exactly
// (interpose_slow.cc). C linkage keeps their names readable in a disassembly.
//
// Malloc-safe, signal-safe. Preserve errno where the allocator succeeds.

#ifndef TIDEMARK_PROFILER_PRELOAD_INTERPOSE_SLOW_H_
#define TIDEMARK_PROFILER_PRELOAD_INTERPOSE_SLOW_H_

#include <stddef.h>
#include <stdint.h>

#define TM_EXPORT __attribute__((visibility("default")))
#define TM_HIDDEN __attribute__((visibility("hidden")))

namespace tidemark::preload {

// Sizes above PTRDIFF_MAX come here too and are left to the allocator to refuse. The entry
// point of the first eight counted the size down below zero; they take that back.
extern "C" {
TM_HIDDEN void* TidemarkMalloc(size_t size);
TM_HIDDEN void* TidemarkCalloc(size_t count, size_t size);
TM_HIDDEN void* TidemarkRealloc(void* block, size_t size);
TM_HIDDEN void* TidemarkMemalign(size_t alignment, size_t size);
TM_HIDDEN int TidemarkPosixMemalign(void** block, size_t alignment, size_t size);
TM_HIDDEN void* TidemarkAlignedAlloc(size_t alignment, size_t size);
TM_HIDDEN void* TidemarkValloc(size_t size);
TM_HIDDEN void* TidemarkPvalloc(size_t size);

// REQUIRES of all four: MaySampled(block).
TM_HIDDEN void* TidemarkReallocSampled(void* block, size_t size);
TM_HIDDEN void TidemarkFree(void* block);
TM_HIDDEN void TidemarkFreeSized(void* block, size_t size);
TM_HIDDEN void TidemarkFreeAlignedSized(void* block, size_t alignment, size_t size);

// operator new and delete, by index into the table of interpose_new.h. `a` and `b` are
// whatever stands in the second and third argument register.
TM_HIDDEN void* TidemarkNew(size_t size, uintptr_t a, uintptr_t b, uint32_t which);
TM_HIDDEN void TidemarkDelete(void* block, uintptr_t a, uintptr_t b, uint32_t which);
}

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_INTERPOSE_SLOW_H_
