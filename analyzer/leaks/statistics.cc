#include "analyzer/leaks/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace tidemark::leaks {
namespace {

constexpr size_t kMaxExactPoints = 60;
constexpr size_t kMaxFittedPoints = 128;
constexpr double kNormal95 = 1.959964;

// Variance of Mann-Kendall's S without a trend and without ties.
double VarianceOfS(size_t n) {
  const double count = static_cast<double>(n);
  return count * (count - 1) * (2 * count + 5) / 18;
}

// By the number of points: P(k or more pairs rise) over all orders of distinct values, at index
// k. The number of orders with k rising pairs is the Mahonian number: one more value adds 0 to
// n - 1 of them.
std::vector<std::vector<double>> MakeUpperTails() {
  std::vector<std::vector<double>> tails(kMaxExactPoints + 1);
  std::vector<double> probability = {1.0};
  for (size_t n = 2; n <= kMaxExactPoints; ++n) {
    std::vector<double> next(probability.size() + n - 1, 0.0);
    for (size_t k = 0; k < probability.size(); ++k) {
      for (size_t add = 0; add < n; ++add) {
        next[k + add] += probability[k] / static_cast<double>(n);
      }
    }
    probability = std::move(next);
    tails[n].resize(probability.size());
    std::partial_sum(probability.rbegin(), probability.rend(), tails[n].rbegin());
  }
  return tails;
}

// P(S >= s). Thousands of sites are tested, all with as many points.
double ExactUpperTail(size_t n, int s) {
  static const auto* const tails = new std::vector<std::vector<double>>(MakeUpperTails());
  const int pairs = static_cast<int>(n * (n - 1) / 2);
  // s = rising - falling = 2 * rising - pairs; rounded up, for with ties s may lie between.
  const size_t rising = static_cast<size_t>((s + pairs + 1) / 2);
  return std::min(1.0, (*tails)[n][rising]);
}

double Median(std::vector<double>& values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle),
                   values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  return (upper +
          *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle))) /
         2;
}

// The value at a place of the ascending order; the ends stand for what is outside.
double AtRank(std::vector<double>& values, double rank) {
  const double last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp(rank, 0.0, last));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

double MedianOf(std::vector<double> values) { return values.empty() ? 0 : Median(values); }

double DeviationOf(absl::Span<const double> values) {
  if (values.size() < 3) return 0;
  std::vector<double> differences;
  for (size_t i = 1; i < values.size(); ++i) differences.push_back(values[i] - values[i - 1]);
  const double median = MedianOf(differences);
  for (double& difference : differences) difference = std::abs(difference - median);
  // A difference has the errors of two values.
  return kDeviationOfMedian * Median(differences) / std::sqrt(2.0);
}

double UpperTail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

double UpperTailQuantile(double p) {
  // Bisection: UpperTail falls, and 40 standard deviations hold every double.
  double low = -40;
  double high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (UpperTail(middle) > p ? low : high) = middle;
  }
  return (low + high) / 2;
}

MannKendall TestTrend(absl::Span<const double> values) {
  MannKendall result;
  const size_t n = values.size();
  if (n < 2) return result;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j)
      result.s += (values[j] > values[i]) - (values[j] < values[i]);
  }
  result.max_s = static_cast<int>(n * (n - 1) / 2);
  const double sigma = std::sqrt(VarianceOfS(n));
  if (result.s != 0) result.z = (result.s - (result.s > 0 ? 1 : -1)) / sigma;
  result.p = n <= kMaxExactPoints ? ExactUpperTail(n, result.s) : UpperTail(result.z);
  return result;
}

TheilSen FitSlope(absl::Span<const double> times, absl::Span<const double> values) {
  const size_t n = std::min(values.size(), kMaxFittedPoints);
  const auto chosen = [&](size_t i) {
    return n == values.size() ? i : i * (values.size() - 1) / (n - 1);
  };
  std::vector<double> slopes;
  slopes.reserve(n * (n - 1) / 2);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) {
      const double time = times[chosen(j)] - times[chosen(i)];
      if (time > 0) slopes.push_back((values[chosen(j)] - values[chosen(i)]) / time);
    }
  }
  TheilSen result;
  if (slopes.empty()) return result;
  result.slope = Median(slopes);
  const double count = static_cast<double>(slopes.size());
  const double reach = kNormal95 * std::sqrt(VarianceOfS(n));
  result.low = AtRank(slopes, std::floor((count - reach) / 2));
  result.high = AtRank(slopes, std::ceil((count + reach) / 2));
  return result;
}

double ResidualDeviation(absl::Span<const double> times, absl::Span<const double> values) {
  const size_t n = values.size();
  if (n < 5) return 0;
  const double slope = FitSlope(times, values).slope;
  std::vector<double> residuals(n);
  for (size_t i = 0; i < n; ++i) residuals[i] = values[i] - slope * (times[i] - times[0]);
  const double center = Median(residuals);
  for (double& residual : residuals) residual = std::abs(residual - center);
  // The line took two degrees of freedom.
  const double count = static_cast<double>(n);
  return kDeviationOfMedian * Median(residuals) * std::sqrt(count / (count - 2));
}

std::vector<bool> ControlFalseDiscoveries(absl::Span<const double> p_values, double q) {
  const size_t m = p_values.size();
  std::vector<size_t> order(m);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  size_t accepted = 0;
  for (size_t rank = 0; rank < m; ++rank) {
    if (p_values[order[rank]] <= q * static_cast<double>(rank + 1) / static_cast<double>(m)) {
      accepted = rank + 1;
    }
  }
  std::vector<bool> result(m, false);
  for (size_t rank = 0; rank < accepted; ++rank) result[order[rank]] = true;
  return result;
}

}  // namespace tidemark::leaks
