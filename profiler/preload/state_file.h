// Creates the state file and maps it. proto/state.h is its layout.
//
// Malloc-safe; not signal-safe (runs once at start and once in each fork child). Keeps no
// file descriptor open.

#ifndef TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_
#define TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_

#include <stddef.h>
#include <stdint.h>

#include "proto/state.h"

namespace tidemark::preload {

inline constexpr uint64_t kNodeCapacity = 131072;
inline constexpr uint64_t kLiveCapacity = 131072;
inline constexpr uint64_t kLivePerShard = kLiveCapacity / state::kLiveShards;
inline constexpr uint64_t kSiteCapacity = 16384;
inline constexpr uint64_t kFreedCapacity = 16384;
inline constexpr uint64_t kThreadCapacity = 512;
inline constexpr uint64_t kModuleCapacity = 1024;
inline constexpr uint64_t kStringCapacity = 128 << 10;
// Exact mode: room in the (sparse) file; its pages are made sure of as they are needed.
inline constexpr uint64_t kExactNodeCapacity = 4 << 20;
inline constexpr uint64_t kExactSiteCapacity = 2 << 20;
inline constexpr uint64_t kExactChunkCapacity = 256 << 10;

// The mapped state, by section. `header` is nullptr while nothing is recorded.
struct State {
  state::Header* header;
  state::Control* control;
  state::Totals* totals;
  state::Node* nodes;
  state::LiveShard* shards;
  state::LiveEntry* live;  // kLivePerShard entries for each shard in turn
  state::Site* sites;
  state::Freed* freed;
  state::Thread* threads;
  state::Module* modules;
  char* strings;
  state::ExactSite* exact_sites;
  state::ExactChunk* exact_chunks;
};

struct StateFileOptions {
  const char* path;              // TIDEMARK_STATE: a file or a directory; nullptr: default places
  const char* output_directory;  // absolute; the second default place; may be nullptr
  uint64_t process_id;
  bool exact;
};

// Where the file went, so that it can be removed. Empty: memfd, or no file at all.
inline constexpr size_t kMaxPath = 512;

// Maps a fresh, zeroed state with its directory filled in (Header::ready still 0) at
// `at`, or anywhere when `at` is nullptr. Tries TIDEMARK_STATE alone, or in turn
// /dev/shm/tidemark-UID/, the output directory and a memfd. All of the file's space is
// reserved first: a store into a full file system would kill the target with SIGBUS. (In
// exact mode all but the nodes, exact sites and chunks.)
// Returns nullptr, with nothing changed at `at`, when every place refused.
void* CreateStateFile(const StateFileOptions& options, void* at, char (&path)[kMaxPath]);

State StateAt(void* base);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_
