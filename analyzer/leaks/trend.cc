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

double CountVariance(const AmountSeries& amounts, size_t from, size_t to) {
  const double independent = amounts.live[from].count_variance + amounts.live[to].count_variance;
  if (amounts.alloc.empty()) return independent;
  const double flows = (amounts.alloc[to] - amounts.alloc[from]).count_variance +
                       (amounts.FreedUntil(to) - amounts.FreedUntil(from)).count_variance;
  // No flow and yet another level: the recorder thinned its live table in between.
  return flows > 0 ? std::min(flows, independent) : independent;
}

double Z(const AmountSeries& amounts, double residual, size_t from, size_t to) {
  const double delta = amounts.live[to].sum.estimate - amounts.live[from].sum.estimate;
  if (delta == 0) return 0;
  const double variance =
      std::max({CountVariance(amounts, from, to), 2 * residual * residual, 1.0});
  return delta / std::sqrt(variance);
}

}  // namespace

GrowthTests TestGrowth(absl::Span<const double> times_s, const AmountSeries& amounts) {
  std::vector<double> values;
  for (const Amount& live : amounts.live) values.push_back(live.sum.estimate);
  const size_t n = values.size();
  const double residual = ResidualDeviation(times_s, values);
  GrowthTests tests;
  tests.growth_z = tests.least = Z(amounts, residual, 0, n - 1);
  if (n < kTrendSnapshots) return tests;
  const size_t middle = (n - 1) / 2;
  tests.late_z = Z(amounts, residual, middle, n - 1);
  const MannKendall trend = TestTrend(values);
  tests.mann_kendall_z = trend.z;
  tests.least = std::min({tests.mann_kendall_z, tests.growth_z, tests.late_z});
  tests.rises_surely =
      n >= kManySnapshots && trend.p <= kSureTrend && trend.s >= kSureOrder * trend.max_s;
  // Three or four points cannot reach 5 %: they must rise all the way, and the first half
  // must count for itself.
  const bool rises = n < kManySnapshots
                         ? trend.s == trend.max_s && Z(amounts, residual, 0, middle) > kSureZ
                         : trend.p <= kLikelyP;
  tests.each_part_grows = rises && tests.late_z > kSureZ;
  return tests;
}

}  // namespace tidemark::leaks
