#include "profiler/preload/address_table.h"

namespace tidemark::preload {

bool AddressTable::Start(uint32_t granule_bits) {
  granule_bits_ = granule_bits;
  leaves_ = static_cast<uint64_t**>(MapWipedOnFork(kLeaves * sizeof(uint64_t*)));
  return leaves_ != nullptr;
}

uint64_t* AddressTable::MakeLeaf(uint64_t** leaf) {
  // One cell more, for the size of a large block that starts at the leaf's last granule.
  const uint64_t bytes = ((1ull << (kLeafBits - granule_bits_)) + 1) * sizeof(uint64_t);
  uint64_t* cells = static_cast<uint64_t*>(MapWipedOnFork(bytes));
  if (cells == nullptr) return nullptr;
  uint64_t* expected = nullptr;
  if (!__atomic_compare_exchange_n(leaf, &expected, cells, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    Unmap(cells, bytes);
    return expected;
  }
  return cells;
}

}  // namespace tidemark::preload
