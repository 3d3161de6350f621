// Address -> sample, for every sampled block that was not freed yet. Lives in the state
// file, so a reader sees it at any moment and after the target's death.
//
// Idea: 64 shards by the upper bits of an address hash, each an open-addressing table
// with linear probing and backward-shift deletion (no tombstones: a table that runs for
// months must not decay). Writers hold the shard's lock and make its sequence number odd
// meanwhile; readers in another process copy and compare the number. A page of entries is
// neither read nor written before LiveShard::pages says that the file has it.
//
// Malloc-safe. Not signal-safe by itself: the recorder's `busy` mark keeps a handler out.

#ifndef TIDEMARK_PROFILER_PRELOAD_LIVE_TABLE_H_
#define TIDEMARK_PROFILER_PRELOAD_LIVE_TABLE_H_

#include <stdint.h>

#include "profiler/preload/state_file.h"
#include "proto/state.h"

namespace tidemark::preload {

class LiveTable {
 public:
  // Above this fill a shard's probe sequences grow long: time to thin.
  static constexpr uint32_t kShardLimit = kLivePerShard * 15 / 16;

  // kNoSpace: the file system is full.
  enum class Put { kDone, kReplaced, kFull, kNoSpace, kBusy };

  void Attach(state::LiveShard* shards, state::LiveEntry* entries) {
    shards_ = shards;
    entries_ = entries;
  }

  // Inserts an entry (its `check` is computed here). kReplaced: the address was in the
  // table, so its free was missed; `*replaced` is what stood there.
  Put Insert(const state::LiveEntry& entry, state::LiveEntry* replaced);

  enum class Take { kTaken, kAbsent, kBusy };
  // Removes the entry of `address` into `*taken`.
  Take Remove(uint64_t address, state::LiveEntry* taken);

  // Calls visit(LiveEntry*) -> bool for each entry; false removes it. Entries may be
  // changed but for their address. Returns false if a shard's lock was not had (that
  // shard is left as it is).
  template <class Visit>
  bool Thin(Visit&& visit);

 private:
  static uint64_t Hash(uint64_t address) { return (address >> 4) * 0x9e3779b97f4a7c15u; }
  static uint32_t ShardOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 58); }
  static uint32_t HomeOf(uint64_t hash) {
    return static_cast<uint32_t>(hash >> 32) & (kLivePerShard - 1);
  }
  state::LiveEntry* Entries(uint32_t shard) const { return entries_ + shard * kLivePerShard; }
  // The slot of `address`, or the empty slot where it would go; kLivePerShard when full.
  static uint32_t Find(const state::LiveShard& shard, const state::LiveEntry* entries,
                       uint64_t address, uint32_t home);
  static bool AddPage(state::LiveShard* shard, const state::LiveEntry* entries, uint32_t slot);
  static void Erase(state::LiveShard* shard, state::LiveEntry* entries, uint32_t slot);

  bool Lock(state::LiveShard* shard);
  static void Unlock(state::LiveShard* shard);

  static bool HasPage(const state::LiveShard& shard, uint32_t slot) {
    return (shard.pages >> (slot / kEntriesPerPage) & 1) != 0;
  }

  static constexpr uint32_t kEntriesPerPage = state::kPageBytes / sizeof(state::LiveEntry);

  state::LiveShard* shards_ = nullptr;
  state::LiveEntry* entries_ = nullptr;
};

static_assert(state::kLiveShards == 64 && (kLivePerShard & (kLivePerShard - 1)) == 0);

template <class Visit>
bool LiveTable::Thin(Visit&& visit) {
  bool all = true;
  for (uint32_t i = 0; i < state::kLiveShards; ++i) {
    state::LiveShard* shard = &shards_[i];
    if (!Lock(shard)) {
      all = false;
      continue;
    }
    state::LiveEntry* entries = Entries(i);
    // Erasing at `slot` moves a later entry there: look at the slot again. An entry that
    // wraps from the end to the front was visited already; `visit` must tolerate that, so
    // the scan starts behind an empty slot, where nothing wraps.
    uint32_t start = 0;
    const auto in_use = [&](uint32_t slot) {
      return HasPage(*shard, slot) && entries[slot].address != 0;
    };
    while (start < kLivePerShard && in_use(start)) ++start;
    for (uint32_t n = 0; n < kLivePerShard;) {
      const uint32_t slot = (start + n) & (kLivePerShard - 1);
      if (!in_use(slot)) {
        ++n;
        continue;
      }
      state::LiveEntry* entry = &entries[slot];
      if (!visit(entry)) {
        Erase(shard, entries, slot);
        continue;
      }
      entry->check = state::LiveCheck(*entry);
      ++n;
    }
    Unlock(shard);
  }
  return all;
}

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_LIVE_TABLE_H_
