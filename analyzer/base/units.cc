#include "analyzer/base/units.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"

namespace tidemark {
namespace {

struct Unit {
  absl::string_view name;        // as shown
  absl::string_view aliases[3];  // lower case, singular
  double factor;                 // in the family's base unit
};

constexpr Unit kBytes[] = {{"B", {"b", "byte"}, 1},
                           {"kB", {"kb", "kbyte", "kilobyte"}, 1024.0},
                           {"MB", {"mb", "mbyte", "megabyte"}, 1024.0 * 1024},
                           {"GB", {"gb", "gbyte", "gigabyte"}, 1024.0 * 1024 * 1024},
                           {"TB", {"tb", "tbyte", "terabyte"}, 1024.0 * 1024 * 1024 * 1024},
                           {"PB", {"pb", "pbyte", "petabyte"}, 1024.0 * 1024 * 1024 * 1024 * 1024}};
constexpr Unit kTimes[] = {{"ns", {"ns", "nanosecond"}, 1},
                           {"us", {"\u03bcs", "us", "microsecond"}, 1e3},
                           {"ms", {"ms", "millisecond"}, 1e6},
                           {"s", {"s", "sec", "second"}, 1e9},
                           {"hrs", {"hour", "hr"}, 3600 * 1e9}};
// Google's compute units, which pprof knows.
constexpr Unit kGcu[] = {
    {"n*GCU", {"nanogcu"}, 1e-9}, {"u*GCU", {"microgcu"}, 1e-6}, {"m*GCU", {"milligcu"}, 1e-3},
    {"GCU", {"gcu"}, 1},          {"k*GCU", {"kilogcu"}, 1e3},   {"M*GCU", {"megagcu"}, 1e6},
    {"G*GCU", {"gigagcu"}, 1e9},  {"T*GCU", {"teragcu"}, 1e12},  {"P*GCU", {"petagcu"}, 1e15}};

struct Family {
  absl::Span<const Unit> units;
  absl::string_view base_name;  // shown where nothing better fits
  double base_factor;
};

constexpr Family kFamilies[] = {
    {absl::MakeConstSpan(kBytes), "B", 1},
    {absl::MakeConstSpan(kTimes), "s", 1e9},
    {absl::MakeConstSpan(kGcu), "GCU", 1},
};

// Any case, singular or plural; null when the family has no such unit.
const Unit* FindUnit(const Family& family, absl::string_view name) {
  std::string lower = absl::AsciiStrToLower(name);
  if (lower.size() > 2 && lower.back() == 's') lower.pop_back();
  if (lower.empty()) return nullptr;
  for (const Unit& unit : family.units) {
    for (const absl::string_view alias : unit.aliases) {
      if (alias == lower) return &unit;
    }
  }
  return nullptr;
}

ScaledValue InFamily(const Family& family, double base_value, absl::string_view to) {
  if (to == "minimum" || to == "auto") {
    const Unit* best = nullptr;
    for (const Unit& unit : family.units) {
      if (base_value / unit.factor >= 1) best = &unit;
    }
    if (best != nullptr) return {base_value / best->factor, std::string(best->name)};
  } else if (const Unit* unit = FindUnit(family, to); unit != nullptr) {
    return {base_value / unit->factor, std::string(unit->name)};
  }
  return {base_value / family.base_factor, std::string(family.base_name)};
}

// No overflow for the smallest number.
uint64_t Magnitude(int64_t v) {
  return v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
}

int64_t Truncated(double v) {
  constexpr double kLimit = 9.2e18;
  if (v >= kLimit) return std::numeric_limits<int64_t>::max();
  if (v <= -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

}  // namespace

ScaledValue Scale(int64_t value, absl::string_view from, absl::string_view to) {
  const double sign = value < 0 ? -1 : 1;
  const double magnitude = static_cast<double>(Magnitude(value));
  for (const Family& family : kFamilies) {
    const Unit* const unit = FindUnit(family, from);
    if (unit == nullptr) continue;
    ScaledValue scaled = InFamily(family, magnitude * unit->factor, to);
    scaled.value *= sign;
    return scaled;
  }
  const bool says_nothing =
      to == "count" || to == "sample" || to == "unit" || to == "minimum" || to == "auto";
  return {sign * magnitude, says_nothing ? "" : std::string(to)};
}

std::string ScaledLabel(int64_t value, absl::string_view from, absl::string_view to) {
  const ScaledValue scaled = Scale(value, from, to);
  std::string number = absl::StrFormat("%.2f", scaled.value);
  if (absl::EndsWith(number, ".00")) number.resize(number.size() - 3);
  return number == "0" || number == "-0" ? "0" : number + scaled.unit;
}

std::string FormatValue(int64_t value, absl::string_view unit) {
  if (unit != "count" && UnitFactor(unit) == 0) {
    return value == 0 ? "0" : absl::StrCat(value, unit);
  }
  return ScaledLabel(value, unit, "auto");
}

ValueFormat::ValueFormat(absl::string_view unit, absl::Span<const int64_t> values, int64_t total,
                         absl::string_view output_unit, double ratio)
    : unit_(unit), output_unit_(output_unit), ratio_(ratio) {
  if (output_unit != "minimum" || values.empty()) return;
  uint64_t smallest = 0;
  for (const int64_t v : values) {
    const uint64_t size = Magnitude(v);
    if (size > 0 && (smallest == 0 || size < smallest)) smallest = size;
  }
  if (smallest == 0) smallest = Magnitude(total);
  const bool scales = ratio > 0 && ratio != 1;
  const double low = static_cast<double>(smallest) * (scales ? ratio : 1);
  const double high = static_cast<double>(Magnitude(total)) * (scales ? ratio : 1);
  const std::string low_unit = Scale(Truncated(low), unit, "minimum").unit;
  const std::string high_unit = Scale(Truncated(high), unit, "minimum").unit;
  std::string best = low_unit;
  if (low_unit != high_unit && Truncated(low) < Truncated(high) / 100.0) {
    best = Scale(Truncated(low * 100), unit, "minimum").unit;
  }
  output_unit_ = best.empty() ? unit_ : best;
}

std::string ValueFormat::Format(int64_t value) const {
  if (ratio_ > 0 && ratio_ != 1) value = Truncated(static_cast<double>(value) * ratio_);
  return ScaledLabel(value, unit_, output_unit_);
}

double UnitFactor(absl::string_view name) {
  for (const Family& family : kFamilies) {
    if (const Unit* unit = FindUnit(family, name); unit != nullptr) return unit->factor;
  }
  return 0;
}

bool SameUnitFamily(absl::string_view a, absl::string_view b) {
  if (a == b) return true;
  return std::any_of(std::begin(kFamilies), std::end(kFamilies), [&](const Family& family) {
    return FindUnit(family, a) != nullptr && FindUnit(family, b) != nullptr;
  });
}

std::string FormatPercent(int64_t part, int64_t whole) {
  if (whole == 0) return "    0%";
  const double percent = std::fabs(static_cast<double>(part) / static_cast<double>(whole)) * 100;
  if (percent >= 99.95 && percent <= 100.05) return "  100%";
  if (percent >= 1) return absl::StrFormat("%5.2f%%", percent);
  return absl::StrFormat("%5.2g%%", percent);
}

}  // namespace tidemark
