// Finds functions of other loaded files by name, without dlsym.
//
// Idea: dlsym allocates, and whoever interposes malloc and asks dlsym for the real one
// ends in a circle. The dynamic linker's own tables are enough: the link map gives the
// loaded files in search order, each file's DT_GNU_HASH (or DT_HASH) its symbols.
//
// Malloc-safe. Signal-safe but for the lock that kSearchNow names.

#ifndef TIDEMARK_PROFILER_PRELOAD_SYMBOL_LOOKUP_H_
#define TIDEMARK_PROFILER_PRELOAD_SYMBOL_LOOKUP_H_

#include <link.h>
#include <stdint.h>

namespace tidemark::preload {

struct LoadedObject {
  uint64_t bias;
  const ElfW(Dyn) * dynamic;
};

// The function that `object` exports as `name`; nullptr when it has none. Where there are
// several versions it is the default one. An IFUNC is resolved. `*size_bytes`: of its code, as
// the symbol tells; 0 when not found.
void* FindInObject(const LoadedObject& object, const char* name, uint64_t* size_bytes = nullptr);

// Does `object` call or refer to a `name` that it does not define itself?
bool Imports(const LoadedObject& object, const char* name);

// Is `name` its DT_SONAME?
bool HasSoname(const LoadedObject& object, const char* name);

enum class Search {
  // Reads the link map without a lock. REQUIRES: no other thread loads or unloads files:
  // the process is starting.
  kAtStart,
  // Asks dl_iterate_phdr, which takes the dynamic linker's (recursive) lock.
  kNow,
};

struct Found {
  void* function;  // nullptr: not found
  uint64_t size_bytes;
  LoadedObject object;
};

// What a call of `name` would reach if this library were not there: the first definition
// in the files behind this one in search order, then in those before it (they matter
// only where this library came late and is last).
Found FindNext(const char* name, Search search);

// The first definition in the files before this one; function nullptr: this library's own
// definition, if it has one, is what a call reaches.
Found FindInFront(const char* name, Search search);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_SYMBOL_LOOKUP_H_
