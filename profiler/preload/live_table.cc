#include "profiler/preload/live_table.h"

#include "profiler/preload/bounded_lock.h"

namespace tidemark::preload {

bool LiveTable::Lock(state::LiveShard* shard) {
  if (!AcquireBounded(&shard->lock)) return false;
  // Acquire: no store behind it may become visible before the odd number.
  __atomic_add_fetch(&shard->sequence, 1, __ATOMIC_ACQ_REL);
  return true;
}

void LiveTable::Unlock(state::LiveShard* shard) {
  __atomic_store_n(&shard->sequence, shard->sequence + 1, __ATOMIC_RELEASE);
  Release(&shard->lock);
}

uint32_t LiveTable::Find(const state::LiveShard& shard, const state::LiveEntry* entries,
                         uint64_t address, uint32_t home) {
  for (uint32_t n = 0; n < kLivePerShard; ++n) {
    const uint32_t slot = (home + n) & (kLivePerShard - 1);
    if (!HasPage(shard, slot) || entries[slot].address == address || entries[slot].address == 0)
      return slot;
  }
  return kLivePerShard;
}

// Backward-shift deletion (Knuth 6.4, algorithm R): closes the hole with later entries of
// the same run whose home does not lie behind it.
void LiveTable::Erase(state::LiveShard* shard, state::LiveEntry* entries, uint32_t slot) {
  constexpr uint32_t kMask = kLivePerShard - 1;
  uint32_t hole = slot;
  uint32_t next = slot;
  for (uint32_t n = 0; n < kLivePerShard; ++n) {
    next = (next + 1) & kMask;
    if (!HasPage(*shard, next) || entries[next].address == 0) break;
    const uint32_t home = HomeOf(Hash(entries[next].address));
    if (((next - home) & kMask) >= ((next - hole) & kMask)) {
      entries[hole] = entries[next];
      hole = next;
    }
  }
  __atomic_store_n(&entries[hole].address, uint64_t{0}, __ATOMIC_RELAXED);
  __atomic_store_n(&shard->used, shard->used - 1, __ATOMIC_RELAXED);
}

bool LiveTable::AddPage(state::LiveShard* shard, const state::LiveEntry* entries, uint32_t slot) {
  const uint32_t page = slot / kEntriesPerPage;
  if (!ReachPage(entries + page * kEntriesPerPage)) return false;
  __atomic_store_n(&shard->pages, shard->pages | 1u << page, __ATOMIC_RELEASE);
  return true;
}

LiveTable::Put LiveTable::Insert(const state::LiveEntry& entry, state::LiveEntry* replaced) {
  const uint64_t hash = Hash(entry.address);
  state::LiveShard* shard = &shards_[ShardOf(hash)];
  state::LiveEntry* entries = Entries(ShardOf(hash));
  if (!Lock(shard)) return Put::kBusy;
  Put result = Put::kDone;
  const uint32_t slot = Find(*shard, entries, entry.address, HomeOf(hash));
  if (slot == kLivePerShard) {
    result = Put::kFull;
  } else if (!HasPage(*shard, slot) && !AddPage(shard, entries, slot)) {
    result = Put::kNoSpace;
  } else if (entries[slot].address != 0) {
    result = Put::kReplaced;
    *replaced = entries[slot];
  } else if (shard->used >= kShardLimit) {
    result = Put::kFull;
  } else {
    __atomic_store_n(&shard->used, shard->used + 1, __ATOMIC_RELAXED);
  }
  if (result == Put::kDone || result == Put::kReplaced) {
    entries[slot] = entry;
    entries[slot].check = state::LiveCheck(entry);
  }
  Unlock(shard);
  return result;
}

LiveTable::Take LiveTable::Remove(uint64_t address, state::LiveEntry* taken) {
  const uint64_t hash = Hash(address);
  state::LiveShard* shard = &shards_[ShardOf(hash)];
  state::LiveEntry* entries = Entries(ShardOf(hash));
  if (!Lock(shard)) return Take::kBusy;
  Take result = Take::kAbsent;
  const uint32_t slot = Find(*shard, entries, address, HomeOf(hash));
  if (slot != kLivePerShard && HasPage(*shard, slot) && entries[slot].address != 0) {
    *taken = entries[slot];
    Erase(shard, entries, slot);
    result = Take::kTaken;
  }
  Unlock(shard);
  return result;
}

}  // namespace tidemark::preload
