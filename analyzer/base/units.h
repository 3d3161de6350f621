// Numbers for people, in pprof's way: 1024-based bytes, decimal times, percentages.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_BASE_UNITS_H_
#define TIDEMARK_ANALYZER_BASE_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark {

// `value` in the largest unit in which it is at least 1, as pprof prints it:
// "512B", "1.50kB", "20MB"; "1.20s" for nanoseconds and their multiples; the bare number
// for "count", and number and unit for a unit it does not know.
std::string FormatValue(int64_t value, absl::string_view unit);

// |part / whole| as pprof's five-column percentage: " 3.20%", "  100%", "0.024%"; "    0%"
// when whole is 0.
std::string FormatPercent(int64_t part, int64_t whole);

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_UNITS_H_
