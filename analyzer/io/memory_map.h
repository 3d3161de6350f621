// The memory map at the end of a legacy profile: /proc/PID/maps or pprof's brief form.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_
#define TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/io/legacy_text.h"

namespace tidemark::io {

struct MappedRange {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;
  std::string file;
  std::string build_id;
};

bool IsMemoryMapHeading(absl::string_view line);

// Executable ranges, the main binary first, adjacent pieces of one file joined. Lines
// that are no ranges are skipped, and `name=value` lines substituted for $name.
std::vector<MappedRange> ReadMemoryMap(LegacyInput& input);

// For each address the smallest of the values given to ranges that hold it. All bounds of
// those ranges are known beforehand. O(log(bounds)) each.
class SmallestCover {
 public:
  static constexpr size_t kNone = ~size_t{0};

  // REQUIRES: sorted bounds.
  explicit SmallestCover(std::vector<uint64_t> bounds)
      : bounds_(std::move(bounds)), tree_(2 * bounds_.size(), kNone) {}
  // REQUIRES: both are bounds. An empty range (begin >= end) holds nothing.
  void Cover(uint64_t begin, uint64_t end, size_t value);
  size_t At(uint64_t address) const;

 private:
  std::vector<uint64_t> bounds_;
  std::vector<size_t> tree_;  // a segment tree over what lies between the bounds
};

// Finds ranges by address: the first in their order that holds it. When none does, the first
// one whose file would reach down to the address from its start (some writers list executable
// pieces only) is moved down to its file's first byte; but none is any more once an address
// was in no range. (pprof's rules.)
class RangeFinder {
 public:
  static constexpr size_t kNone = SmallestCover::kNone;

  explicit RangeFinder(std::vector<MappedRange>& ranges);
  // Index into `ranges`, or kNone.
  size_t Find(uint64_t address);

 private:
  std::vector<MappedRange>& ranges_;
  SmallestCover given_;    // the ranges as they were
  SmallestCover below_;    // the parts of their files below them
  SmallestCover lowered_;  // the same, of those that were moved
  bool may_lower_ = true;
};

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_
