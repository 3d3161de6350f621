// Which anonymous mappings the program made, for munmap, mremap and MAP_FIXED, which name a
// range of addresses and no mapping.
//
// Idea: a sorted array of ranges that do not overlap. A mapping has a number, higher than
// those of all earlier ones; what remains of it after its middle was unmapped are several
// ranges with that number. A change is applied after the kernel made it, and only to
// mappings that were known before: the addresses may belong to another thread's new mapping
// by then.
//
// Malloc-safe. Not signal-safe by itself: the recorder's `busy` mark keeps a handler out.
// Plain data in memory that is given, all zeroes is a valid empty table.

#ifndef TIDEMARK_PROFILER_PRELOAD_MAPPING_TABLE_H_
#define TIDEMARK_PROFILER_PRELOAD_MAPPING_TABLE_H_

#include <stdint.h>

namespace tidemark::preload {

class MappingTable {
 public:
  static constexpr uint32_t kCapacity = 8192;

  // What Cut removed of one mapping. `last`: nothing of it remains.
  struct Piece {
    uint64_t number;
    uint64_t bytes;
    uint32_t site;  // as given to Insert
    bool last;
    bool overflowed;  // `bytes` is more than what was asked for: there was no room to split
  };

  // False: full. REQUIRES: [start, limit) overlaps no range; number > 0.
  bool Insert(uint64_t start, uint64_t limit, uint64_t number, uint32_t site);

  // Removes what lies in [start, limit) of one mapping whose number is at most `newest`.
  // False: there is no such mapping.
  bool Cut(uint64_t start, uint64_t limit, uint64_t newest, Piece* piece);

  // Is there a mapping at `address`?
  bool Contains(uint64_t address) const;

 private:
  struct Range {
    uint64_t start;
    uint64_t limit;
    uint64_t number;
    uint32_t site;
    uint32_t shared;  // 1: other ranges may have the same number
  };

  uint32_t FirstEndingAfter(uint64_t address) const;
  void MakeRoom(uint32_t at);
  void Close(uint32_t at);
  bool HasOther(uint64_t number) const;

  uint32_t count_;
  Range ranges_[kCapacity];  // sorted
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_MAPPING_TABLE_H_
