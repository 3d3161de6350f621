#include "analyzer/base/units.h"

#include <cmath>
#include <iterator>

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

}  // namespace

std::string FormatValue(int64_t value, absl::string_view unit) {
  if (value == 0) return "0";
  const Family family = FindFamily(unit);
  if (family.factor == 0) {
    return unit.empty() || unit == "count" ? absl::StrCat(value) : absl::StrCat(value, unit);
  }
  const double base = static_cast<double>(value) * family.factor;
  const Unit* best = &family.units.front();
  for (const Unit& u : family.units) {
    if (std::fabs(base) >= u.factor) best = &u;
  }
  std::string number = absl::StrFormat("%.2f", base / best->factor);
  if (number.size() > 3 && number.compare(number.size() - 3, 3, ".00") == 0) {
    number.resize(number.size() - 3);
  }
  return absl::StrCat(number, best->name);
}

std::string FormatPercent(int64_t part, int64_t whole) {
  if (whole == 0) return "    0%";
  const double percent = std::fabs(static_cast<double>(part) / static_cast<double>(whole)) * 100;
  if (percent >= 99.95 && percent <= 100.05) return "  100%";
  if (percent >= 1) return absl::StrFormat("%5.2f%%", percent);
  return absl::StrFormat("%5.2g%%", percent);
}

}  // namespace tidemark
