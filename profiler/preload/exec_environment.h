// What a program that is about to be started must find changed in its environment.
//
// A program for another machine or C library cannot load this library: its dynamic linker
// would say so on stderr, which the target's users would see (musl's even gives up). So the
// library is taken out of LD_PRELOAD there; other libraries in it remain.
//
// Malloc-safe, signal-safe, for use in a vfork child: writes only where the caller says.

#ifndef TIDEMARK_PROFILER_PRELOAD_EXEC_ENVIRONMENT_H_
#define TIDEMARK_PROFILER_PRELOAD_EXEC_ENVIRONMENT_H_

#include <stddef.h>

namespace tidemark::preload {

// Does exec of the file run code that cannot load this library? Scripts are looked through
// to their interpreter. False where that is not to be told; the caller's exec will find out.
// `path` counts from `directory`, as for openat.
bool IsForeignProgram(int directory, const char* path);
bool IsForeignProgram(int fd);

struct EnvironmentChanges {
  bool without_us;  // this library leaves LD_PRELOAD
  bool as_first;    // the program remains the one that TIDEMARK_CHILDREN counts from
};

// Bytes that ChangeEnvironment needs; 0: nothing would change.
size_t ChangedEnvironmentBytes(char* const* environment, const EnvironmentChanges& changes);

// The changed environment, made in `memory` (aligned to pointers). Entries that stay the
// same are the old ones.
char** ChangeEnvironment(char* const* environment, const EnvironmentChanges& changes, void* memory);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_EXEC_ENVIRONMENT_H_
