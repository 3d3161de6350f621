// The malloc family that this library stands in front of: libc's, or an allocator that
// was linked or preloaded behind us.
//
// Idea: a table of function pointers that the entry points jump through. Each pointer
// starts at a stub that fills the table in and goes on, so nothing has to run before the
// first malloc (the dynamic linker itself makes it, before any constructor).
//
// Calls that come while the table is being filled in, or where no allocator can be found,
// are served from a small static arena that never takes a block back; then `free`,
// `realloc` and `malloc_usable_size` stay behind a wrapper that knows the arena's blocks.
//
// Malloc-safe, signal-safe once filled in; filled in before a second thread exists.

#ifndef TIDEMARK_PROFILER_PRELOAD_NEXT_ALLOCATOR_H_
#define TIDEMARK_PROFILER_PRELOAD_NEXT_ALLOCATOR_H_

#include <stddef.h>

namespace tidemark::preload {

// Every pointer can be called at any time.
struct NextAllocator {
  void* (*malloc)(size_t size);
  void* (*calloc)(size_t count, size_t size);
  void* (*realloc)(void* block, size_t size);
  void (*free)(void* block);
  void* (*memalign)(size_t alignment, size_t size);
  int (*posix_memalign)(void** block, size_t alignment, size_t size);
  void* (*aligned_alloc)(size_t alignment, size_t size);
  void* (*valloc)(size_t size);
  void* (*pvalloc)(size_t size);
  size_t (*malloc_usable_size)(void* block);
  void (*free_sized)(void* block, size_t size);
  void (*free_aligned_sized)(void* block, size_t alignment, size_t size);
};

// What a file before this library (the executable, a library preloaded first) defines of
// these two; nullptr when it does not. The target's blocks are then its, but come to us with
// those functions that it lacks and we export.
struct FrontAllocator {
  void* (*realloc)(void* block, size_t size);
  void (*free)(void* block);
};
extern FrontAllocator g_front __attribute__((visibility("hidden")));

extern NextAllocator g_next __attribute__((visibility("hidden")));

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_NEXT_ALLOCATOR_H_
