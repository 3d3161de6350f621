// The malloc family as the target calls it: only what every call has to go through.
//
// malloc is one countdown in TLS and a tail jump to the next allocator; free is one byte
// of the filter and a tail jump. Nothing here needs a stack frame: tests/preload counts
// the instructions.

#include <errno.h>
#include <stddef.h>

#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/live_filter.h"
#include "profiler/preload/next_allocator.h"
#include "profiler/preload/os.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload {

extern "C" {

TM_EXPORT void* malloc(size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.malloc(size);
  return TidemarkMalloc(size);
}

TM_EXPORT void* calloc(size_t count, size_t size) {
  size_t bytes;
  // What overflows is the allocator's to refuse, and nothing to count.
  if (TM_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) return g_next.calloc(count, size);
  if (TM_LIKELY(CountsDown(bytes))) return g_next.calloc(count, size);
  return TidemarkCalloc(count, size);
}

TM_EXPORT void* realloc(void* block, size_t size) {
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkReallocSampled(block, size);
  if (TM_LIKELY(CountsDown(size))) return g_next.realloc(block, size);
  return TidemarkRealloc(block, size);
}

// Older allocators have none: it is realloc behind a check, as in glibc.
TM_EXPORT void* reallocarray(void* block, size_t count, size_t size) {
  size_t bytes;
  if (TM_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
    errno = ENOMEM;
    return nullptr;
  }
  if (TM_UNLIKELY(g_front.realloc != nullptr)) return g_front.realloc(block, bytes);
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkReallocSampled(block, bytes);
  if (TM_LIKELY(CountsDown(bytes))) return g_next.realloc(block, bytes);
  return TidemarkRealloc(block, bytes);
}

TM_EXPORT void free(void* block) {
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkFree(block);
  g_next.free(block);
}

// Gone from glibc 2.26's headers, still called by programs that were linked before.
TM_EXPORT void cfree(void* block) {
  if (TM_UNLIKELY(g_front.free != nullptr)) return g_front.free(block);
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkFree(block);
  g_next.free(block);
}

TM_EXPORT void free_sized(void* block, size_t size) {
  if (TM_UNLIKELY(g_front.free != nullptr)) return g_front.free(block);
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkFreeSized(block, size);
  g_next.free_sized(block, size);
}

TM_EXPORT void free_aligned_sized(void* block, size_t alignment, size_t size) {
  if (TM_UNLIKELY(g_front.free != nullptr)) return g_front.free(block);
  if (TM_UNLIKELY(MaySampled(block))) return TidemarkFreeAlignedSized(block, alignment, size);
  g_next.free_aligned_sized(block, alignment, size);
}

TM_EXPORT void* memalign(size_t alignment, size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.memalign(alignment, size);
  return TidemarkMemalign(alignment, size);
}

TM_EXPORT int posix_memalign(void** block, size_t alignment, size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.posix_memalign(block, alignment, size);
  return TidemarkPosixMemalign(block, alignment, size);
}

TM_EXPORT void* aligned_alloc(size_t alignment, size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.aligned_alloc(alignment, size);
  return TidemarkAlignedAlloc(alignment, size);
}

TM_EXPORT void* valloc(size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.valloc(size);
  return TidemarkValloc(size);
}

TM_EXPORT void* pvalloc(size_t size) {
  if (TM_LIKELY(CountsDown(size))) return g_next.pvalloc(size);
  return TidemarkPvalloc(size);
}

// Here only for the blocks of next_allocator.cc's arena.
TM_EXPORT size_t malloc_usable_size(void* block) { return g_next.malloc_usable_size(block); }

}  // extern "C"

}  // namespace tidemark::preload
