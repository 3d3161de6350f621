#include "analyzer/leaks/growth.h"

#include <algorithm>
#include <cmath>

#include "analyzer/leaks/statistics.h"

namespace tidemark::leaks {
namespace {

// Blocks missed more rarely than this count as seen.
constexpr double kMissed = 0.01;
// Beyond this many standard deviations UpperTail is 0.
constexpr double kMostDeviations = 38;

// One-sided limits of a Poisson mean when n events were seen, after Wilson and Hilferty; exact
// where none was seen, which is what a new site is compared with.
double LowerCount(double n, double z) {
  if (n <= 0) return 0;
  const double root = 1 - 1 / (9 * n) - z / (3 * std::sqrt(n));
  return root <= 0 ? 0 : std::min(n, n * root * root * root);
}
double UpperCount(double n, double z) {
  if (n <= 0) return -std::log(UpperTail(z));
  const double m = n + 1;
  const double root = 1 - 1 / (9 * m) + z / (3 * std::sqrt(m));
  return std::max(n, m * root * root * root);
}

double EffectiveCount(const Level& level) {
  return level.variance > 0 ? level.deviations * level.deviations / level.variance : 0;
}

// The standard deviation that one sample brings.
double WeightOf(const Level& level) {
  return level.deviations > 0 ? level.variance / level.deviations : 0;
}

// How far the truth may be below and above a level. `unseen`: what one sample that this side
// did not see may stand for.
double Below(const Level& level, double z) {
  const double n = EffectiveCount(level);
  return std::hypot((n - LowerCount(n, z)) * WeightOf(level),
                    z * std::sqrt(level.certain_variance));
}
double Above(const Level& level, double unseen, double z) {
  const double n = EffectiveCount(level);
  return std::hypot((UpperCount(n, z) - n) * std::max(WeightOf(level), unseen),
                    z * std::sqrt(level.certain_variance));
}

// The blocks that one side may hold unseen are taken to be like those that the other side saw,
// whose samples stood for as much more as it was sampled more coarsely.
double Unseen(const Sampling& own, const Level& other, const Sampling& others) {
  if (own.unseen <= 0) return 0;
  const double weight = WeightOf(other);
  return weight > 0 && others.rate > 0 ? std::min(own.unseen, weight * own.rate / others.rate)
                                       : own.unseen;
}

}  // namespace

Level& Level::operator+=(const report::SampledSum& row) {
  estimate += row.estimate;
  samples += row.samples;
  // row.variance = estimate^2 / samples * the chance to miss such a block.
  const double square = row.estimate * row.estimate;
  const double missed = square > 0 ? row.variance * row.samples / square : 0;
  if (missed < kMissed) {
    certain_variance += row.variance;
  } else {
    uncertain += row.samples;
    variance += row.variance;
    deviations += std::sqrt(row.variance * row.samples);
  }
  return *this;
}

Level& Level::operator+=(const Level& o) {
  estimate += o.estimate;
  samples += o.samples;
  uncertain += o.uncertain;
  variance += o.variance;
  deviations += o.deviations;
  certain_variance += o.certain_variance;
  return *this;
}

Level operator-(const Level& a, const Level& b) {
  Level rest;
  rest.estimate = a.estimate - b.estimate;
  rest.samples = std::max(0.0, a.samples - b.samples);
  rest.uncertain = std::max(0.0, a.uncertain - b.uncertain);
  rest.variance = std::max(0.0, a.variance - b.variance);
  rest.deviations = std::max(0.0, a.deviations - b.deviations);
  rest.certain_variance = std::max(0.0, a.certain_variance - b.certain_variance);
  return rest;
}

std::pair<double, double> DifferenceAt(double z, const Comparison& c, double factor) {
  const double difference = c.now.estimate - factor * c.base.estimate;
  const double unseen_base = Unseen(c.base_sampling, c.now, c.now_sampling);
  const double unseen_now = Unseen(c.now_sampling, c.base, c.base_sampling);
  double below = std::hypot(Below(c.now, z), factor * Above(c.base, unseen_base, z));
  double above = std::hypot(Above(c.now, unseen_now, z), factor * Below(c.base, z));
  if (c.flows) {
    // now - factor * base = came - went - (factor - 1) * base, where what went is part of the
    // base: V <= V(came) + factor^2 V(went) + (factor - 1)^2 V(base).
    const auto& [came, went] = *c.flows;
    const double more = factor - 1;
    const double unseen_went = Unseen(c.base_sampling, came, c.now_sampling);
    const double unseen_came = Unseen(c.now_sampling, went, c.base_sampling);
    below = std::min(below, std::hypot(Below(came, z), factor * Above(went, unseen_went, z),
                                       more * Above(c.base, unseen_base, z)));
    above = std::min(above, std::hypot(Above(came, unseen_came, z), factor * Below(went, z),
                                       more * Below(c.base, z)));
  }
  return {difference - below, difference + above};
}

double GrowthPValue(const Comparison& comparison, double factor, double limit) {
  const auto exceeds = [&](double z) { return DifferenceAt(z, comparison, factor).first > limit; };
  if (!exceeds(0)) return 0.5;
  if (exceeds(kMostDeviations)) return 0;
  double low = 0;
  double high = kMostDeviations;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (exceeds(middle) ? low : high) = middle;
  }
  return UpperTail(low);
}

}  // namespace tidemark::leaks
