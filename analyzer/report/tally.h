// Flat and cumulative values per node: the inner loop of every table.
//
// Thread class: free functions. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TALLY_H_
#define TIDEMARK_ANALYZER_REPORT_TALLY_H_

#include <cstdint>
#include <vector>

#include "analyzer/report/filter.h"
#include "analyzer/report/node_table.h"

namespace tidemark::report {

struct Tally {
  std::vector<int64_t> flat;  // [node]
  std::vector<int64_t> cum;   // [node]; once per node and stack, however deep a recursion
};

// The node that a stack's own value goes to: the innermost frame that is shown; NodeTable's
// ids start at 0, kNoNode when no frame is shown.
inline constexpr uint32_t kNoNode = 0xffffffff;
uint32_t LeafNode(const FilteredProfile& profile, const LocationNodes& nodes, StackId stack);

// `values` is FilteredProfile::ValuesPerStack; node_count covers every id in `nodes`.
Tally CountUp(const FilteredProfile& profile, const LocationNodes& nodes, size_t node_count,
              const std::vector<int64_t>& values);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TALLY_H_
