// Creates the state file, maps it, and makes sure of its space. proto/state.h is its layout.
//
// Idea: most processes are short and fill little of their state, so on tmpfs (where a page
// is memory) the file is sparse and its pages are asked for as its tables grow, by
// MADV_POPULATE_WRITE: that says so when a file system is full, where a store would kill
// the target with SIGBUS. A read is no better than a store: it too takes a page. On other
// file systems, and on kernels before 5.14, all space is reserved at the start.
//
// Malloc-safe; not signal-safe but for Reach and ReachPage. Creating runs once at start and
// once in each fork child. Keeps no file descriptor open.

#ifndef TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_
#define TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_

#include <stddef.h>
#include <stdint.h>

#include "proto/state.h"

namespace tidemark::preload {

inline constexpr uint64_t kNodeCapacity = 131072;
inline constexpr uint64_t kLiveCapacity = 131072;
inline constexpr uint64_t kLivePerShard = kLiveCapacity / state::kLiveShards;
inline constexpr uint32_t kLivePagesPerShard =
    kLivePerShard * sizeof(state::LiveEntry) / state::kPageBytes;
static_assert(kLivePagesPerShard == 32);  // the bits of LiveShard::pages
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
// /dev/shm/tidemark-UID/, the output directory and a memfd. The first three pages and the
// heads of the live shards may be stored to at once, everything else after Reach.
// Returns nullptr, with nothing changed at `at`, when every place refused.
void* CreateStateFile(const StateFileOptions& options, void* at, char (&path)[kMaxPath]);

State StateAt(void* base);

// Makes sure that the `bytes` at `entry`, in a section of the current state that is filled
// from its front, can be stored to. False: the file system is full, or the process is in a
// sandbox and had not reached so far. True for memory outside of the state.
// REQUIRES: the lock that the section's entries are added under.
bool Reach(state::SectionKind kind, const void* entry, uint64_t bytes);
template <class Entry>
bool Reach(state::SectionKind kind, const Entry* entry) {
  return Reach(kind, entry, sizeof(Entry));
}

// The same for one page of the live table, in any order.
bool ReachPage(const void* page);

// A sandbox may forbid the calls that Reach makes. Frozen, it makes none; before that as
// much space as the tables are likely to need is taken. Undone where the sandbox was refused.
void FreezeSpace();
void ThawSpace();

// The mapped state gets a file with a name again, where its own was removed: a new file in
// the same places with what was recorded so far, mapped in place of the old one. False: all
// is as before. What other threads record meanwhile may be lost.
bool RenewStateFile(const StateFileOptions& options, void* base, char (&path)[kMaxPath]);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_STATE_FILE_H_
