#include "analyzer/leaks/projection.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "analyzer/base/rounding.h"
#include "analyzer/leaks/run.h"
#include "analyzer/leaks/statistics.h"
#include "analyzer/leaks/trend.h"

namespace tidemark::leaks {
namespace {

// Beyond this nobody plans, and a cgroup without a limit says a number near 2^63.
constexpr double kEverSeconds = 100.0 * 365 * 24 * 3600;
constexpr int64_t kNoLimit = int64_t{1} << 60;

std::optional<int64_t> NumberOf(const Profile& profile, absl::string_view key) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(RecorderComment(profile, key), &number) || number <= 0) return std::nullopt;
  return number;
}

// What is used at each snapshot.
std::vector<double> Levels(const Series& series, bool& is_resident) {
  std::vector<double> levels;
  is_resident = true;
  for (const auto& snapshot : series.snapshots) {
    const std::optional<int64_t> rss = NumberOf(*snapshot, "rss_bytes");
    if (!rss) is_resident = false;
    levels.push_back(static_cast<double>(rss.value_or(0)));
  }
  if (is_resident) return levels;
  std::fill(levels.begin(), levels.end(), 0.0);
  for (const SiteSeries& site : series.sites) {
    for (size_t i = 0; i < levels.size(); ++i) levels[i] += site.at[i].live.sum.estimate;
  }
  return levels;
}

}  // namespace

std::optional<TimeLeft> TimeToFill(int64_t left_bytes, double bytes_per_s,
                                   const std::optional<Interval>& ci) {
  if (left_bytes <= 0 || bytes_per_s <= 0) return std::nullopt;
  const double left = static_cast<double>(left_bytes);
  if (left / bytes_per_s > kEverSeconds) return std::nullopt;
  TimeLeft result{.seconds = left / bytes_per_s, .low_s = left / bytes_per_s, .high_s = {}};
  if (!ci) return result;
  if (ci->high > 0) result.low_s = left / ci->high;
  if (ci->low > 0 && left / ci->low <= kEverSeconds) result.high_s = left / ci->low;
  return result;
}

std::optional<Projection> ProjectLimit(const Series& series, int64_t limit_bytes) {
  Projection result;
  result.limit_bytes = limit_bytes;
  if (limit_bytes <= 0) {
    const auto of_cgroup = NumberOf(*series.snapshots.back(), "memory_limit_bytes");
    if (!of_cgroup || *of_cgroup >= kNoLimit) return std::nullopt;
    result.limit_bytes = *of_cgroup;
    result.is_cgroup = true;
  }
  const std::vector<double> levels = Levels(series, result.is_resident);
  result.used_bytes = Rounded(levels.back());
  if (levels.size() < kTrendSnapshots || !series.has_times) return result;
  AmountSeries amounts;
  for (const double level : levels) amounts.live.push_back({.sum = {.estimate = level}});
  const GrowthTests tests = TestGrowth(series.times_s, amounts);
  const PacedSeries paced = ForPace(series.times_s, amounts, tests);
  const TheilSen fit = FitSlope(paced.times_s, LevelsOf(paced.amounts));
  result.growth_bytes_per_s = fit.slope;
  result.growth_ci = Interval{fit.low, fit.high};
  result.grew_in_one_step = tests.is_only_step;
  result.has_paused = tests.paused_since.has_value();
  if (result.grew_in_one_step || result.has_paused) return result;
  result.time_left = TimeToFill(result.left_bytes(), fit.slope, result.growth_ci);
  return result;
}

}  // namespace tidemark::leaks
