#include "profiler/preload/live_filter.h"

#include <string.h>

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

uint8_t* Cell(const void* block) { return &g_live_filter[FilterHash(block) >> (64 - kFilterBits)]; }
// 5 bits of the hash that the index does not use, in the cell's upper bits.
uint8_t Fingerprint(const void* block) {
  return static_cast<uint8_t>((FilterHash(block) >> (64 - kFilterBits - 5) & 31) << 3);
}

// Applies `count` and the fingerprint to the cell, unless the cell is saturated.
void Update(const void* block, int change) {
  uint8_t* cell = Cell(block);
  uint8_t old = __atomic_load_n(cell, __ATOMIC_RELAXED);
  uint8_t now;
  do {
    const uint32_t count = old & kFilterFull;
    if (count == kFilterFull || (change < 0 && count == 0)) return;
    now = static_cast<uint8_t>(((old & ~kFilterFull) ^ Fingerprint(block)) |
                               (count + static_cast<uint32_t>(change)));
  } while (!__atomic_compare_exchange_n(cell, &old, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

}  // namespace

alignas(4096) uint8_t g_live_filter[1u << kFilterBits];

bool FilterMatches(const void* block) {
  if (block == nullptr) return false;  // its byte is some block's, too
  const uint8_t cell = __atomic_load_n(Cell(block), __ATOMIC_RELAXED);
  const uint32_t count = cell & kFilterFull;
  return count > 1 || (count == 1 && (cell & ~kFilterFull) == Fingerprint(block));
}

void FilterAdd(const void* block) { Update(block, 1); }
void FilterRemove(const void* block) { Update(block, -1); }

// Dropping the pages costs a fork child less than writing all of them.
void FilterClear() {
  if (Syscall(SYS_madvise, AsLong(g_live_filter), sizeof(g_live_filter), MADV_DONTNEED) != 0) {
    memset(g_live_filter, 0, sizeof(g_live_filter));
  }
}

}  // namespace tidemark::preload
