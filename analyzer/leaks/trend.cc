#include "analyzer/leaks/trend.h"

#include <algorithm>
#include <cmath>

#include "analyzer/leaks/statistics.h"

namespace tidemark::leaks {
namespace {

// With as many snapshots, a trend whose ranks alone have a smaller chance than this stands.
constexpr double kSureTrend = 0.01;
// Of all pairs of levels, so much more rise than fall: 0.8 is nine of ten.
constexpr double kSureOrder = 0.8;
constexpr double kLikelyP = 0.05;
// Of what was allocated.
constexpr double kHardlyFreed = 0.1;
// A step: levels within this share of all growth from one of its ends.
constexpr double kEndOfStep = 0.1;
// A pause: of what would have come at an even pace.
constexpr double kHardlyGrown = 0.1;
constexpr double kVerySureZ = 3.09;  // one-sided 0.1 %

double CountVariance(const AmountSeries& amounts, size_t from, size_t to) {
  const double independent = amounts.live[from].count_variance + amounts.live[to].count_variance;
  if (amounts.alloc.empty()) return independent;
  const double flows = (amounts.alloc[to] - amounts.alloc[from]).count_variance +
                       (amounts.FreedUntil(to) - amounts.FreedUntil(from)).count_variance;
  // No flow and yet another level: the recorder thinned its live table in between.
  return flows > 0 ? std::min(flows, independent) : independent;
}

// Whether levels may fall as well as rise.
bool Swings(const AmountSeries& amounts) {
  if (amounts.alloc.empty()) return true;
  const size_t last = amounts.live.size() - 1;
  const double allocated = (amounts.alloc[last] - amounts.alloc[0]).sum.estimate;
  const double freed = (amounts.FreedUntil(last) - amounts.FreedUntil(0)).sum.estimate;
  return freed > kHardlyFreed * allocated || allocated <= 0;
}

std::vector<double> LevelsOf(const AmountSeries& amounts) {
  std::vector<double> levels;
  for (const Amount& live : amounts.live) levels.push_back(live.sum.estimate);
  return levels;
}

// The tests of one series, with the spread of its levels about a line.
class Tests {
 public:
  Tests(absl::Span<const double> times_s, const AmountSeries& amounts)
      : times_s_(times_s), amounts_(amounts), levels_(LevelsOf(amounts)) {
    if (Swings(amounts)) residual_ = ResidualDeviation(times_s, levels_);
  }

  GrowthTests Run() const {
    const size_t last = levels_.size() - 1;
    const size_t middle = last / 2;
    GrowthTests tests;
    tests.growth_z = tests.least = Z(0, last);
    if (levels_.size() < kTrendSnapshots) return tests;
    tests.late_z = Z(middle, last);
    const MannKendall trend = TestTrend(levels_);
    tests.mann_kendall_z = trend.z;
    tests.mann_kendall_p = trend.p;
    tests.least = std::min({tests.mann_kendall_z, tests.growth_z, tests.late_z});
    const bool has_many = levels_.size() >= kManySnapshots;
    tests.rises_surely = has_many && trend.p <= kSureTrend && trend.s >= kSureOrder * trend.max_s;
    // Three or four points cannot reach 5 %: they must rise all the way, and the first half
    // must count for itself.
    const bool rises =
        has_many ? trend.p <= kLikelyP : trend.s == trend.max_s && Z(0, middle) > kSureZ;
    tests.each_part_grows = rises && tests.late_z > kSureZ;
    if (has_many) tests.paused_since = FindPause();
    return tests;
  }

  // Low levels, at most one between in many, and high ones to the end.
  std::optional<Step> FindStep() const {
    const double growth = levels_.back() - levels_.front();
    if (growth <= 0) return std::nullopt;
    const double low = levels_.front() + kEndOfStep * growth;
    const double high = levels_.back() - kEndOfStep * growth;
    const auto first_not_low =
        std::find_if(levels_.begin(), levels_.end(), [low](double level) { return level > low; });
    const auto last_not_high = std::find_if(levels_.rbegin(), levels_.rend(),
                                            [high](double level) { return level < high; });
    const Step step{.from = static_cast<size_t>(first_not_low - levels_.begin()) - 1,
                    .to = static_cast<size_t>(levels_.rend() - last_not_high)};
    // A table may be half loaded in one of many snapshots.
    const size_t longest = levels_.size() < kManySnapshots ? 1 : 2;
    return step.to - step.from <= longest ? std::optional(step) : std::nullopt;
  }

 private:
  double Z(size_t from, size_t to) const {
    const double delta = levels_[to] - levels_[from];
    if (delta == 0) return 0;
    const double variance =
        std::max({CountVariance(amounts_, from, to), 2 * residual_ * residual_, 1.0});
    return delta / std::sqrt(variance);
  }

  // Hardly any growth in the last third.
  std::optional<size_t> FindPause() const {
    const size_t last = levels_.size() - 1;
    const size_t from = last - std::max<size_t>(2, last / 3);
    const double span = times_s_[last] - times_s_[0];
    if (span <= 0) return std::nullopt;
    const double share = (times_s_[last] - times_s_[from]) / span;
    const double growth = levels_[last] - levels_[0];
    const double deviation = std::sqrt(std::max(1.0, CountVariance(amounts_, 0, last)));
    // At an even pace, growth * share would have come, give or take deviation * sqrt(share).
    const bool is_sure = growth * std::sqrt(share) > kSureZ * deviation;
    const bool grew = levels_[last] - levels_[from] >= kHardlyGrown * growth * share;
    return is_sure && !grew ? std::optional(from) : std::nullopt;
  }

  absl::Span<const double> times_s_;
  const AmountSeries& amounts_;
  std::vector<double> levels_;
  double residual_ = 0;
};

}  // namespace

GrowthTests TestGrowth(absl::Span<const double> times_s, const AmountSeries& amounts) {
  const Tests whole(times_s, amounts);
  GrowthTests tests = whole.Run();
  if (amounts.live.size() < kTrendSnapshots) return tests;
  tests.step = whole.FindStep();
  if (!tests.step) return tests;
  // A table may be loaded beside a slow leak.
  AmountSeries rest = amounts;
  TakeOut(*tests.step, rest.live);
  if (!rest.alloc.empty()) TakeOut(*tests.step, rest.alloc);
  const Tests of_rest(times_s, rest);
  const GrowthTests rest_tests = of_rest.Run();
  tests.is_only_step =
      !rest_tests.each_part_grows || rest_tests.growth_z <= kVerySureZ || of_rest.FindStep();
  if (!tests.is_only_step) tests.paused_since = rest_tests.paused_since;
  return tests;
}

}  // namespace tidemark::leaks
