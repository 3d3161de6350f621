// PathKey -> number, growing: exact mode's index of trie nodes and of sites.
//
// Idea: open addressing over entries of 32 bytes, half full at most. Looking up takes no
// lock: a full table is replaced by one of twice the size that is filled before it is
// published, and the old one is kept (its readers may be anywhere; all old ones together
// are smaller than the new one).
//
// Thread class: Find from any thread; Insert under the caller's lock. Malloc-safe.
// Private memory.

#ifndef TIDEMARK_PROFILER_PRELOAD_PATH_MAP_H_
#define TIDEMARK_PROFILER_PRELOAD_PATH_MAP_H_

#include <stdint.h>

#include "profiler/preload/path_key.h"

namespace tidemark::preload {

class PathMap {
 public:
  static constexpr uint32_t kAbsent = 0;

  // Empty, with room for `initial` entries (a power of two). False: no memory.
  bool Start(uint64_t initial);

  // kAbsent, or the number.
  uint32_t Find(const PathKey& key) const;
  // REQUIRES: the caller's lock; key is absent; number != kAbsent. False: no memory to grow.
  bool Insert(const PathKey& key, uint32_t number);

 private:
  struct Entry {
    PathKey key;
    uint32_t number;  // stored last, with release: 0 means empty
    uint32_t pad[3];
  };
  struct Table {
    uint64_t mask;  // slots - 1
    uint64_t used;
    Entry entries[];
  };

  static Table* Make(uint64_t slots);
  static void Place(Table* table, const PathKey& key, uint32_t number);

  Table* table_ = nullptr;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_PATH_MAP_H_
