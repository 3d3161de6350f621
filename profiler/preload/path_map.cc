#include "profiler/preload/path_map.h"

#include "profiler/preload/os.h"

namespace tidemark::preload {

PathMap::Table* PathMap::Make(uint64_t slots) {
  Table* table = static_cast<Table*>(MapWipedOnFork(sizeof(Table) + slots * sizeof(Entry)));
  if (table != nullptr) table->mask = slots - 1;
  return table;
}

bool PathMap::Start(uint64_t initial) {
  table_ = Make(initial);
  return table_ != nullptr;
}

uint32_t PathMap::Find(const PathKey& key) const {
  const Table* table = __atomic_load_n(&table_, __ATOMIC_ACQUIRE);
  for (uint64_t slot = key.a & table->mask;; slot = (slot + 1) & table->mask) {
    const Entry& entry = table->entries[slot];
    const uint32_t number = __atomic_load_n(&entry.number, __ATOMIC_ACQUIRE);
    if (number == kAbsent || entry.key == key) return number;
  }
}

void PathMap::Place(Table* table, const PathKey& key, uint32_t number) {
  uint64_t slot = key.a & table->mask;
  while (table->entries[slot].number != kAbsent) slot = (slot + 1) & table->mask;
  table->entries[slot].key = key;
  __atomic_store_n(&table->entries[slot].number, number, __ATOMIC_RELEASE);
  ++table->used;
}

bool PathMap::Insert(const PathKey& key, uint32_t number) {
  if ((table_->used + 1) * 2 > table_->mask) {
    Table* larger = Make((table_->mask + 1) * 2);
    if (larger == nullptr) return false;
    for (uint64_t slot = 0; slot <= table_->mask; ++slot) {
      const Entry& entry = table_->entries[slot];
      if (entry.number != kAbsent) Place(larger, entry.key, entry.number);
    }
    __atomic_store_n(&table_, larger, __ATOMIC_RELEASE);
  }
  Place(table_, key, number);
  return true;
}

}  // namespace tidemark::preload
