// mmap, munmap and mremap as the target calls them: an option, TIDEMARK_MMAP=1.
//
// Anonymous mappings that the program itself makes then count as allocations of whole
// pages, with state::kPcMmap as the innermost "frame". Not counted: what malloc and thread
// stacks are made of (libc calls its own mmap, and a call out of the library that provides
// malloc or a pool's operator new passes), and mappings without access, which are addresses
// and no memory. Unmapping a part frees that part's bytes; the object ends with its last
// page. mremap is a free and an allocation, as realloc is.
//
// While the option is off each of them is one jump.
//
// Malloc-safe, signal-safe, keeps errno.

#ifndef TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_
#define TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_

namespace tidemark::preload {

// From now on mappings are recorded, whenever the process is. A second call does nothing.
void InstallMmapEntries();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_INTERPOSE_MMAP_H_
