// Numbers for people, in pprof's way: 1024-based bytes, decimal times, percentages.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_BASE_UNITS_H_
#define TIDEMARK_ANALYZER_BASE_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tidemark {

// `value` in the largest unit in which it is at least 1, as pprof prints it:
// "512B", "1.50kB", "20MB"; "1.20s" for nanoseconds and their multiples; the bare number
// for "count", and number and unit for a unit it does not know.
std::string FormatValue(int64_t value, absl::string_view unit);

// The values of one table, all in one unit so that they can be compared at a glance.
class ValueFormat {
 public:
  // pprof's choice: the unit of the smallest value that is not 0, or a larger one when the
  // values span more than two orders of magnitude.
  ValueFormat(absl::string_view unit, absl::Span<const int64_t> values, int64_t total);
  std::string Format(int64_t value) const;

 private:
  double factor_ = 0;  // from base value to shown value; 0: no known unit
  std::string suffix_;
};

// How many of the family's base unit (bytes, nanoseconds) one `unit` is; 0 for a unit
// that belongs to no family.
double UnitFactor(absl::string_view unit);
// Whether values in `a` can be converted to `b` (UnitFactor(a) / UnitFactor(b)).
bool SameUnitFamily(absl::string_view a, absl::string_view b);

// |part / whole| as pprof's five-column percentage: " 3.20%", "  100%", "0.024%"; "    0%"
// when whole is 0.
std::string FormatPercent(int64_t part, int64_t whole);

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_UNITS_H_
