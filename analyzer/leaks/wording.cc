#include "analyzer/leaks/wording.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/rounding.h"
#include "analyzer/base/units.h"

namespace tidemark::leaks {
std::string Bytes(double bytes) { return FormatValue(Rounded(bytes), "bytes"); }

std::string Seconds(double seconds) {
  // Short ones with their parts: "300ms", "5.70s".
  constexpr double kShort = 10;
  if (seconds < kShort) return Nanoseconds(std::max(seconds, 0.0) * 1e9);
  return FormatValue(Rounded(std::min(seconds, 9e9)), "seconds");
}

std::string Nanoseconds(double duration) { return FormatValue(Rounded(duration), "nanoseconds"); }

std::string Share(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

std::string Count(double count) {
  constexpr double kAllDigits = 10'000;
  if (std::abs(count) < kAllDigits) return absl::StrCat(Rounded(count));
  const char* const units[] = {"k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  for (count /= 1000; std::abs(count) >= 999.5 && unit + 1 < std::size(units); ++unit) {
    count /= 1000;
  }
  const int decimals = std::abs(count) < 9.995 ? 2 : std::abs(count) < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f%s", decimals, count, units[unit]);
}

PerTime UnitOf(double bytes_per_s) {
  constexpr double kReadable = 1024;
  if (std::abs(bytes_per_s) * 60 >= kReadable) return {60, "min"};
  return {3600, "h"};
}

std::string Rate(double bytes_per_s) {
  const PerTime per = UnitOf(bytes_per_s);
  return absl::StrCat(Bytes(bytes_per_s * per.seconds), "/", per.name);
}

}  // namespace tidemark::leaks
