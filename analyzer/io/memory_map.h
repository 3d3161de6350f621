// The memory map at the end of a legacy profile: /proc/PID/maps or pprof's brief form.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_
#define TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/io/text_scanner.h"

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
std::vector<MappedRange> ReadMemoryMap(LineReader& lines);

// Finds ranges by address. May move a range's start down to its file's first byte when
// an address lies in that part: some writers list executable pieces only. (pprof's rule.)
class RangeFinder {
 public:
  static constexpr size_t kNone = ~size_t{0};

  explicit RangeFinder(std::vector<MappedRange>& ranges);
  // Index into `ranges`, or kNone.
  size_t Find(uint64_t address);

 private:
  std::vector<MappedRange>& ranges_;
  std::vector<size_t> by_start_;
};

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_MEMORY_MAP_H_
