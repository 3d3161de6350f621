// The statistics of trends: Mann-Kendall (Mann 1945, Kendall 1975), Theil-Sen (Sen 1968),
// Benjamini-Hochberg (1995). Made for few points: exact where tables are exact.
//
// Thread class: pure functions. Allocation class: may allocate. Inputs are finite numbers.

#ifndef TIDEMARK_ANALYZER_LEAKS_STATISTICS_H_
#define TIDEMARK_ANALYZER_LEAKS_STATISTICS_H_

#include <vector>

#include "absl/types/span.h"

namespace tidemark::leaks {

// The median absolute deviation times this is a normal's standard deviation.
inline constexpr double kDeviationOfMedian = 1.4826;

// 0 when empty.
double MedianOf(std::vector<double> values);

// Robust standard deviation of independent errors in the values of a series that grows at any
// even pace: by the differences from one to the next. 0 below 3 values.
double DeviationOf(absl::Span<const double> values);

// P(Z > z) of a standard normal, and its inverse (REQUIRES: 0 < p < 1).
double UpperTail(double z);
double UpperTailQuantile(double p);

// Does a series rise? Points are in time order.
struct MannKendall {
  int s = 0;      // pairs that rise minus pairs that fall
  int max_s = 0;  // n (n - 1) / 2
  double p = 1;   // P(S >= s) without a trend: exact (ties make it conservative)
  double z = 0;   // (|s| - 1) / sigma with the sign of s, Kendall's continuity correction
};
// O(n^2). Beyond 60 points p is the normal approximation. The table behind an exact p is made
// once for each n.
MannKendall TestTrend(absl::Span<const double> values);

// The median of the slopes of all pairs, in value per unit of time.
struct TheilSen {
  double slope = 0;
  // 95 % by Sen's ranks; equal to the extreme slopes where n is too small (n <= 4).
  double low = 0;
  double high = 0;
};
// REQUIRES: equal lengths; times rise, at least two distinct. O(n^2); of more than 128 points so
// many, evenly chosen, stand for all.
TheilSen FitSlope(absl::Span<const double> times, absl::Span<const double> values);

// Robust standard deviation of the values about their Theil-Sen line; 0 below 5 points.
double ResidualDeviation(absl::Span<const double> times, absl::Span<const double> values);

// Which of the tests may be called positive so that the expected share of false ones
// among them is at most q, for independent (or positively dependent) tests.
std::vector<bool> ControlFalseDiscoveries(absl::Span<const double> p_values, double q);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_STATISTICS_H_
