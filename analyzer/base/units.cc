#include "analyzer/base/units.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"

namespace tidemark {
namespace {

struct Unit {
  absl::string_view name;
  double factor;  // in the family's base unit
};

constexpr Unit kBytes[] = {{"B", 1},
                           {"kB", 1024.0},
                           {"MB", 1024.0 * 1024},
                           {"GB", 1024.0 * 1024 * 1024},
                           {"TB", 1024.0 * 1024 * 1024 * 1024},
                           {"PB", 1024.0 * 1024 * 1024 * 1024 * 1024}};
constexpr Unit kTimes[] = {{"ns", 1},  {"us", 1e3},        {"ms", 1e6},
                           {"s", 1e9}, {"mins", 60 * 1e9}, {"hrs", 3600 * 1e9}};

struct Family {
  absl::Span<const Unit> units;
  double factor = 0;  // of the given unit; 0: not a known unit
};

Family FindFamily(absl::string_view unit) {
  constexpr struct {
    absl::string_view name;
    double factor;
  } kByteNames[] = {{"bytes", 1},
                    {"byte", 1},
                    {"b", 1},
                    {"B", 1},
                    {"kilobytes", 1024.0},
                    {"kb", 1024.0},
                    {"megabytes", 1024.0 * 1024},
                    {"mb", 1024.0 * 1024}},
    kTimeNames[] = {{"nanoseconds", 1},    {"ns", 1},   {"microseconds", 1e3}, {"us", 1e3},
                    {"milliseconds", 1e6}, {"ms", 1e6}, {"seconds", 1e9},      {"s", 1e9}};
  for (const auto& name : kByteNames) {
    if (name.name == unit) return {absl::MakeConstSpan(kBytes), name.factor};
  }
  for (const auto& name : kTimeNames) {
    if (name.name == unit) return {absl::MakeConstSpan(kTimes), name.factor};
  }
  return {};
}

const Unit& LargestThatFits(const Family& family, int64_t value) {
  const double base = std::fabs(static_cast<double>(value) * family.factor);
  const Unit* best = &family.units.front();
  for (const Unit& u : family.units) {
    if (base >= u.factor) best = &u;
  }
  return *best;
}

// Two decimals, none when both are 0.
std::string Number(double value) {
  std::string number = absl::StrFormat("%.2f", value);
  if (absl::EndsWith(number, ".00")) number.resize(number.size() - 3);
  return number;
}

std::string Bare(int64_t value, absl::string_view unit) {
  return unit == "count" ? absl::StrCat(value) : absl::StrCat(value, unit);
}

// No overflow for the smallest number.
uint64_t Magnitude(int64_t v) {
  return v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
}

}  // namespace

std::string FormatValue(int64_t value, absl::string_view unit) {
  if (value == 0) return "0";
  const Family family = FindFamily(unit);
  if (family.factor == 0) return Bare(value, unit);
  const Unit& best = LargestThatFits(family, value);
  return absl::StrCat(Number(static_cast<double>(value) * family.factor / best.factor), best.name);
}

ValueFormat::ValueFormat(absl::string_view unit, absl::Span<const int64_t> values, int64_t total) {
  const Family family = FindFamily(unit);
  if (family.factor == 0) {
    if (unit != "count") suffix_ = std::string(unit);
    return;
  }
  uint64_t smallest = 0;
  for (const int64_t v : values) {
    const uint64_t size = Magnitude(v);
    if (size > 0 && (smallest == 0 || size < smallest)) smallest = size;
  }
  const uint64_t largest = Magnitude(total);
  if (smallest == 0) smallest = largest;
  // Anything beyond what an int64_t holds is in the largest unit anyway.
  const auto fits = [&family](double v) {
    return &LargestThatFits(
        family, v >= 9e18 ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(v));
  };
  const Unit* best = fits(static_cast<double>(smallest));
  const double hundredfold = static_cast<double>(smallest) * 100;
  if (best != fits(static_cast<double>(largest)) && hundredfold < static_cast<double>(largest)) {
    best = fits(hundredfold);
  }
  factor_ = family.factor / best->factor;
  suffix_ = std::string(best->name);
}

std::string ValueFormat::Format(int64_t value) const {
  if (value == 0) return "0";
  if (factor_ == 0) return absl::StrCat(value, suffix_);
  const std::string number = Number(static_cast<double>(value) * factor_);
  return number == "0" || number == "-0" ? "0" : absl::StrCat(number, suffix_);
}

double UnitFactor(absl::string_view unit) { return FindFamily(unit).factor; }

bool SameUnitFamily(absl::string_view a, absl::string_view b) {
  if (a == b) return true;
  const Family fa = FindFamily(a), fb = FindFamily(b);
  return fa.factor != 0 && fb.factor != 0 && fa.units.data() == fb.units.data();
}

std::string FormatPercent(int64_t part, int64_t whole) {
  if (whole == 0) return "    0%";
  const double percent = std::fabs(static_cast<double>(part) / static_cast<double>(whole)) * 100;
  if (percent >= 99.95 && percent <= 100.05) return "  100%";
  if (percent >= 1) return absl::StrFormat("%5.2f%%", percent);
  return absl::StrFormat("%5.2g%%", percent);
}

}  // namespace tidemark
