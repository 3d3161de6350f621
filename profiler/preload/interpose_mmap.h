// mmap, munmap and mremap as the target calls them: an option, TIDEMARK_MMAP=1.
//
// Anonymous mappings that the program itself makes then count as allocations of whole
// pages, with state::kPcMmap as the innermost "frame". Not counted: what malloc and thread
// stacks are made of (libc calls its own mmap, and a call out of the library that provides
// malloc or a pool's operator new passes), and mappings without access, which are addresses
// and no memory. Unmapping a part frees that part's bytes; the object ends with its last
// page. mremap is a free and an allocation, as realloc is.
//
// The entry points (interpose_mmap.cc) are one jump each: to the next definition, or, with
// the option on, to those that record (mapping_recorder.cc).
//
// Malloc-safe, signal-safe, keeps errno.

#ifndef TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_
#define TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_

#include <stddef.h>
#include <sys/types.h>

namespace tidemark::preload {

struct MmapCalls {
  void* (*mmap)(void* at, size_t bytes, int protection, int flags, int fd, off_t offset);
  int (*munmap)(void* at, size_t bytes);
  void* (*mremap)(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to);
};

// What the entry points jump to; every pointer can be called at any time.
extern MmapCalls g_mmap_calls __attribute__((visibility("hidden")));

// What a call would reach without this library.
const MmapCalls& NextMmapCalls();

// From now on mappings are recorded, whenever the process is. A second call does nothing.
void InstallMmapEntries();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_
