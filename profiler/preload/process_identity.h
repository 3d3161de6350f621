// Who this process is: what the state's header says of it, and a number that tells it apart.
//
// Malloc-safe. Runs once at start and once in each fork child.

#ifndef TIDEMARK_PROFILER_PRELOAD_PROCESS_IDENTITY_H_
#define TIDEMARK_PROFILER_PRELOAD_PROCESS_IDENTITY_H_

#include <cstdint>

#include "proto/state.h"

namespace tidemark::preload {

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): each bit depends on all.
inline uint64_t Mix(uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

// Tells this process from others that reuse its PID. Folded from AT_RANDOM so that the
// stack protector's canary, which is taken from the same bytes, cannot be computed back.
uint64_t MakeProcessId(uint64_t now_ns);

// Fills in pid, parent_pid, tidemark_version, comm, command_line, executable and
// output_directory. What /proc does not tell stays empty. REQUIRES: header is zeroed.
void DescribeProcess(state::Header* header, const char* output_directory);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_PROCESS_IDENTITY_H_
