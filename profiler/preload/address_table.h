// Address -> (site, size) of every live block, for exact mode.
//
// Idea: a shadow of the heap. Every address that can start a block has a cell of 8 bytes
// in one of many leaves, each standing for 64 MiB of addresses, made at first use. Put and
// Take are one plain store or exchange by the thread that owns the block at that moment:
// no lock, no atomic instruction, and a free by another thread costs what any free costs.
// The price is memory: a cell page is touched for each 8 KiB of heap that holds block
// starts, up to half of the heap again for tiny blocks (with 16-byte granules).
//
// Malloc-safe, signal-safe. Private memory, empty again in a fork child.

#ifndef TIDEMARK_PROFILER_PRELOAD_ADDRESS_TABLE_H_
#define TIDEMARK_PROFILER_PRELOAD_ADDRESS_TABLE_H_

#include <stdint.h>

#include "profiler/preload/os.h"

namespace tidemark::preload {

class AddressTable {
 public:
  struct Block {
    uint32_t site;  // kNone: no such block
    uint64_t size;
  };
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr uint32_t kMaxSites = (1u << 28) - 2;

  // `granule_bits`: 4 where blocks are 16-byte aligned (glibc), 3 where small ones are not
  // (jemalloc's and tcmalloc's smallest classes). False: no memory.
  bool Start(uint32_t granule_bits);

  // False: no memory for a new leaf; the block stays unknown. A block that was there still,
  // for its free was not seen, is moved to `*missed`.
  bool Put(const void* block, uint32_t site, uint64_t size, Block* missed = nullptr) {
    uint64_t* cell = Cell(block);
    if (TM_UNLIKELY(cell == nullptr)) return false;
    if (missed != nullptr && TM_UNLIKELY(*cell != 0)) *missed = Take(block);
    if (TM_UNLIKELY(size >= kLarge)) {
      // Such a block spans many cells that no other block can use.
      cell[1] = size;
      size = kLarge;
    }
    *cell = (uint64_t{site} + 1) << kSizeBits | size;
    return true;
  }

  Block Take(const void* block) {
    uint64_t* const* leaf = LeafOf(block);
    if (TM_UNLIKELY(leaf == nullptr || *leaf == nullptr)) return {kNone, 0};
    uint64_t* cell = *leaf + IndexOf(block);
    const uint64_t value = *cell;
    if (value == 0) return {kNone, 0};
    *cell = 0;
    uint64_t size = value & kLarge;
    if (TM_UNLIKELY(size == kLarge)) {
      size = cell[1];
      cell[1] = 0;
    }
    return {static_cast<uint32_t>(value >> kSizeBits) - 1, size};
  }

 private:
  static constexpr uint32_t kAddressBits = 47;
  static constexpr uint32_t kLeafBits = 26;  // 64 MiB of addresses
  static constexpr uint32_t kSizeBits = 36;
  static constexpr uint64_t kLarge = (1ull << kSizeBits) - 1;
  static constexpr uint64_t kLeaves = 1ull << (kAddressBits - kLeafBits);

  uint64_t IndexOf(const void* block) const {
    return (reinterpret_cast<uint64_t>(block) & ((1ull << kLeafBits) - 1)) >> granule_bits_;
  }
  uint64_t** LeafOf(const void* block) const {
    const uint64_t leaf = reinterpret_cast<uint64_t>(block) >> kLeafBits;
    return TM_LIKELY(leaf < kLeaves) ? &leaves_[leaf] : nullptr;
  }
  uint64_t* Cell(const void* block) {
    uint64_t** leaf = LeafOf(block);
    if (TM_UNLIKELY(leaf == nullptr)) return nullptr;
    uint64_t* cells = __atomic_load_n(leaf, __ATOMIC_ACQUIRE);
    if (TM_UNLIKELY(cells == nullptr)) cells = MakeLeaf(leaf);
    return cells == nullptr ? nullptr : cells + IndexOf(block);
  }
  uint64_t* MakeLeaf(uint64_t** leaf);

  uint64_t** leaves_ = nullptr;
  uint32_t granule_bits_ = 4;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_ADDRESS_TABLE_H_
