// Numbers for people, in pprof's way: 1024-based bytes, decimal times, percentages.
//
// A unit is one of a family (bytes, times, GCU) under any of its usual names ("kb",
// "kilobytes", "KB"), or a word of which nothing is known ("count", "widgets"). The rules,
// odd ones included, are those of pprof's internal/measurement, so that texts agree.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_BASE_UNITS_H_
#define TIDEMARK_ANALYZER_BASE_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tidemark {

// A value in another unit. `unit` is empty where it says nothing ("count").
struct ScaledValue {
  double value = 0;
  std::string unit;
};

// `value`, which is in unit `from`, in unit `to`; `to` may also be "auto" or "minimum": the
// largest unit in which the value is at least 1. A `to` of another family gives the family's
// base unit (seconds for times); a `from` that is in no family leaves the number as it is.
ScaledValue Scale(int64_t value, absl::string_view from, absl::string_view to);
// The same as text: "1.50kB", "20MB", "1.20s", "17"; "0" for what rounds to 0.
std::string ScaledLabel(int64_t value, absl::string_view from, absl::string_view to);

// ScaledLabel to "auto": "512B", "1.50kB", "1.20s"; the bare number for "count", and number
// and unit for a unit it does not know.
std::string FormatValue(int64_t value, absl::string_view unit);

// The values of one report, all in one unit so that they can be compared at a glance.
class ValueFormat {
 public:
  // output_unit: a unit, "auto" (each value on its own), or "minimum": the unit of the
  // smallest of `values` that is not 0, or a larger one when total and smallest are more than
  // two orders of magnitude apart. ratio: what every value is multiplied with before it is
  // shown (truncated to an integer, as pprof's -divide_by does).
  ValueFormat(absl::string_view unit, absl::Span<const int64_t> values, int64_t total,
              absl::string_view output_unit = "minimum", double ratio = 1);
  std::string Format(int64_t value) const;
  // What "minimum" became; otherwise output_unit as given.
  const std::string& output_unit() const { return output_unit_; }

 private:
  std::string unit_;
  std::string output_unit_;
  double ratio_;
};

// How many of the family's base unit (bytes, nanoseconds, GCU) one `unit` is; 0 for a unit
// that belongs to no family.
double UnitFactor(absl::string_view unit);
// Whether values in `a` can be converted to `b` (UnitFactor(a) / UnitFactor(b)).
bool SameUnitFamily(absl::string_view a, absl::string_view b);

// |part / whole| as pprof's five-column percentage: " 3.20%", "  100%", "0.024%"; "    0%"
// when whole is 0.
std::string FormatPercent(int64_t part, int64_t whole);

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_UNITS_H_
