// Which file's code is at an address: the process's executable segments, with what
// unwinding (.eh_frame_hdr), symbolization (build ID, path) and the profile need of them.
//
// Idea: a sorted private snapshot, found by binary search without a lock, rebuilt from
// dl_iterate_phdr only when an address is in no known segment or a dlclose returned.
// dlopen cannot be interposed (it uses its caller's RUNPATH), so its files are noticed
// when the first stack goes through them.
//
// Hazards of dl_iterate_phdr. It allocates nothing, but it takes glibc's
// dl_load_write_lock. dlopen and dlclose hold that lock while they change the list (and
// dlclose calls free inside), and another thread's dl_iterate_phdr callback may hold it
// while it waits for a lock that our caller holds: so it is only called for addresses that
// no known segment has, at most once per page and millisecond, never with a lock that waits (the
// refresh is a try-lock; who does not get it goes on with the segments that are known). It
// is recursive, so a callback or a dlclose of our own thread is no deadlock. fork does not
// reset it, so a fork child starts from the inherited snapshot instead of asking again.
// Files in other dlmopen namespaces are not listed: their code counts as unknown.
//
// Malloc-safe, signal-safe. FindModule is lock-free.

#ifndef TIDEMARK_PROFILER_PRELOAD_MODULES_H_
#define TIDEMARK_PROFILER_PRELOAD_MODULES_H_

#include <cstdint>

#include "proto/state.h"

namespace tidemark::preload {

// One executable segment of a loaded file. Addresses are run-time addresses.
struct LoadedModule {
  uint64_t start;  // the segment, in whole pages
  uint64_t limit;
  uint64_t image_start;  // all loaded segments of the file
  uint64_t image_limit;
  uint64_t eh_frame_hdr;  // 0: the file has none
  uint32_t index;         // into the state's modules; state::kNoModule when not listed there
  uint32_t is_self;       // 1: the library this code is linked into (0 inside an executable)

  bool Contains(uint64_t address) const { return address - start < limit - start; }
};

// From now on segments are listed in `table`, their paths in `strings`, times counted from
// `start_monotonic_ns`. All known segments are listed anew, with new indices. Called once
// at start and once in each fork child, before any other thread can capture a stack.
// REQUIRES: the memory remains valid until the next call; `totals` counts both.
void AttachModules(state::Module* table, uint64_t capacity, char* strings, uint64_t string_capacity,
                   state::Totals* totals, uint64_t start_monotonic_ns);

// Called for each executable segment that is gone, after its module's unloaded_ns is set:
// the addresses in [start, limit) may mean other code from now on. Set before AttachModules.
using RetireRange = void (*)(uint64_t start, uint64_t limit);
void SetRetireRange(RetireRange retire);

// False: `address` is in no executable segment that the dynamic linker knows.
bool FindModule(uint64_t address, LoadedModule* module);

// Looks for files loaded and unloaded since; returns at once if there are none. Unloaded
// ones are marked, their range is retired and all unwind rules are forgotten.
void RefreshModules();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_MODULES_H_
