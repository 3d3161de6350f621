#include "analyzer/leaks/trend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "analyzer/leaks/statistics.h"

namespace tidemark::leaks {
namespace {

// With as many snapshots, a trend whose ranks alone have a smaller chance than this stands.
constexpr double kSureTrend = 0.01;
// Of all pairs of levels, so much more rise than fall: 0.8 is nine of ten.
constexpr double kSureOrder = 0.8;
constexpr double kLikelyP = 0.05;
constexpr double kVerySureZ = 3.09;  // one-sided 0.1 %
// Of what was allocated.
constexpr double kHardlyFreed = 0.1;
// A step: levels are within this share of all growth from one of its ends, or within so many
// deviations of what goes on at the site anyway, if that is not too much to tell.
constexpr double kEndOfStep = 0.1;
constexpr double kStepDeviations = 4;
constexpr double kWidestEnd = 0.35;
// With many snapshots it may take this share of the time, if there is as much after it.
constexpr double kStepShare = 0.25;
// One interval's growth far beyond the others': of all growth, and in deviations of the others.
constexpr double kOutlierShare = 0.4;
constexpr double kOutlierDeviations = 5;
constexpr size_t kOutlierSnapshots = 7;
// A pause: the last part of the time, and of what would have come in it at an even pace.
constexpr double kPauseShare = 0.25;
constexpr double kHardlyGrown = 0.1;
// The share of the snapshots that may be left out for a peak at the start.
constexpr size_t kPeakPart = 3;
// Levels of so many snapshots have neighbours that are as near to the middle.
constexpr size_t kMiddleSnapshots = 7;

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

// A series as it would be if nothing had happened in a step.
template <class T>
void TakeOut(const Step& step, std::vector<T>& series) {
  if (series.empty()) return;
  const T change = series[step.to] - series[step.from];
  for (size_t i = step.from + 1; i < series.size(); ++i) {
    series[i] = i < step.to ? series[step.from] : series[i] - change;
  }
}

// The same, and without the time that it took.
template <class T>
void Squeeze(const Step& step, std::vector<T>& series) {
  if (series.empty()) return;
  TakeOut(step, series);
  series.erase(series.begin() + static_cast<std::ptrdiff_t>(step.from) + 1,
               series.begin() + static_cast<std::ptrdiff_t>(step.to) + 1);
}

template <class T>
void DropFirst(size_t count, std::vector<T>& series) {
  if (series.empty()) return;
  series.erase(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(count));
}

// The tests of one series, with the spread of its levels about a line.
class Tests {
 public:
  Tests(absl::Span<const double> times_s, const AmountSeries& amounts)
      : times_s_(times_s), amounts_(amounts), levels_(LevelsOf(amounts)), swings_(Swings(amounts)) {
    if (swings_) residual_ = ResidualDeviation(times_s, levels_);
  }

  GrowthTests Run() const {
    GrowthTests tests;
    tests.growth_z = tests.least = Z(0, last());
    if (levels_.size() < kTrendSnapshots) return tests;
    tests.late_z = Z(Middle(), last());
    const MannKendall trend = TestTrend(levels_);
    tests.mann_kendall_z = trend.z;
    tests.mann_kendall_p = trend.p;
    tests.least = std::min({tests.mann_kendall_z, tests.growth_z, tests.late_z});
    tests.rises_surely = has_many() && trend.p <= kSureTrend && trend.s >= kSureOrder * trend.max_s;
    // Three or four points cannot reach 5 %: they must rise all the way, and the first half
    // must count for itself.
    const bool rises =
        has_many() ? trend.p <= kLikelyP : trend.s == trend.max_s && Z(0, Middle()) > kSureZ;
    tests.each_part_grows = rises && tests.late_z > kSureZ;
    if (has_many()) tests.paused_since = FindPause();
    if (has_many() && !swings_) tests.grows_since = FirstPart(kEndOfStep * growth()) - 1;
    return tests;
  }

  // Low levels, and high ones to the end, with hardly any between.
  std::optional<Step> FindStep() const {
    double end = kEndOfStep * growth();
    if (swings_ && has_many()) end = std::max(end, kStepDeviations * DeviationOf(levels_));
    if (growth() <= 0 || end > kWidestEnd * growth()) return std::nullopt;
    const double high = levels_.back() - end;
    const auto last_not_high = std::find_if(levels_.rbegin(), levels_.rend(),
                                            [high](double level) { return level < high; });
    const Step step{.from = FirstPart(end) - 1,
                    .to = static_cast<size_t>(levels_.rend() - last_not_high)};
    // A table may be half loaded in one of many snapshots.
    if (step.to - step.from <= (has_many() ? 2 : 1)) return step;
    const double took = times_s_[step.to] - times_s_[step.from];
    const bool is_short =
        has_many() && took <= kStepShare * span() && took <= times_s_[last()] - times_s_[step.to];
    return is_short ? std::optional(step) : std::nullopt;
  }

  // One interval or two side by side with far more growth than any other.
  std::optional<Step> FindOutlier() const {
    if (levels_.size() < kOutlierSnapshots || growth() <= 0 || span() <= 0) return std::nullopt;
    std::vector<double> paces;
    for (size_t i = 1; i < levels_.size(); ++i) {
      const double time = times_s_[i] - times_s_[i - 1];
      if (time > 0) paces.push_back((levels_[i] - levels_[i - 1]) / time);
    }
    const double pace = MedianOf(paces);
    std::vector<double> excess;
    for (size_t i = 1; i < levels_.size(); ++i) {
      excess.push_back(levels_[i] - levels_[i - 1] - pace * (times_s_[i] - times_s_[i - 1]));
    }
    std::vector<double> sizes;
    for (const double of : excess) sizes.push_back(std::abs(of));
    const double least = kOutlierDeviations * kDeviationOfMedian * MedianOf(sizes);
    const size_t most =
        static_cast<size_t>(std::max_element(excess.begin(), excess.end()) - excess.begin());
    if (excess[most] <= std::max(least, kOutlierShare * growth())) return std::nullopt;
    Step step{.from = most, .to = most + 1};
    const auto is_part = [&](size_t i) {
      return excess[i] > std::max(least, kEndOfStep * growth());
    };
    if (step.to < excess.size() && is_part(step.to)) {
      ++step.to;
    } else if (step.from > 0 && is_part(step.from - 1)) {
      --step.from;
    }
    return step;
  }

  // Whether the level fell from one snapshot to the next, beyond all chance.
  bool Fell(size_t from) const {
    const double fall = levels_[from] - levels_[from + 1];
    return fall > kVerySureZ * std::sqrt(std::max(1.0, CountVariance(amounts_, from, from + 1)));
  }

 private:
  size_t last() const { return levels_.size() - 1; }
  bool has_many() const { return levels_.size() >= kManySnapshots; }
  double growth() const { return levels_.back() - levels_.front(); }
  double span() const { return times_s_[last()] - times_s_[0]; }

  // How many of the first levels are at most `end` above the first of all.
  size_t FirstPart(double end) const {
    const double low = levels_.front() + std::max(0.0, end);
    return static_cast<size_t>(
        std::find_if(levels_.begin(), levels_.end(), [low](double level) { return level > low; }) -
        levels_.begin());
  }

  // The snapshot in the middle, or of it and its neighbours the one with the middle level: one
  // that is high by itself says nothing of a half.
  size_t Middle() const {
    const size_t middle = last() / 2;
    if (levels_.size() < kMiddleSnapshots) return middle;
    std::array<size_t, 3> near = {middle - 1, middle, middle + 1};
    std::sort(near.begin(), near.end(),
              [&](size_t a, size_t b) { return levels_[a] < levels_[b]; });
    return near[1];
  }

  double Z(size_t from, size_t to) const {
    const double delta = levels_[to] - levels_[from];
    if (delta == 0) return 0;
    const double variance =
        std::max({CountVariance(amounts_, from, to), 2 * residual_ * residual_, 1.0});
    return delta / std::sqrt(variance);
  }

  // Hardly any growth in the last quarter.
  std::optional<size_t> FindPause() const {
    if (span() <= 0) return std::nullopt;
    size_t from = last() - 2;
    while (from > 0 && times_s_[last()] - times_s_[from] < kPauseShare * span()) --from;
    const double share = (times_s_[last()] - times_s_[from]) / span();
    const double deviation = std::sqrt(std::max(1.0, CountVariance(amounts_, 0, last())));
    // At an even pace, growth * share would have come, give or take deviation * sqrt(share).
    const bool is_sure = growth() * std::sqrt(share) > kSureZ * deviation;
    const bool grew = levels_[last()] - levels_[from] >= kHardlyGrown * growth() * share;
    return is_sure && !grew ? std::optional(from) : std::nullopt;
  }

  absl::Span<const double> times_s_;
  const AmountSeries& amounts_;
  std::vector<double> levels_;
  bool swings_;
  double residual_ = 0;
};

// How many snapshots at the start, from a peak on, are left out.
size_t PeakLength(const Tests& tests, size_t snapshots) {
  size_t length = 0;
  while (length < snapshots / kPeakPart && snapshots - length > kManySnapshots &&
         tests.Fell(length)) {
    ++length;
  }
  return length;
}

// `whole`: of the same series.
GrowthTests RunTests(const Tests& whole, absl::Span<const double> times_s,
                     const AmountSeries& amounts) {
  GrowthTests tests = whole.Run();
  if (amounts.live.size() < kTrendSnapshots) return tests;
  tests.step = whole.FindStep();
  if (!tests.step) tests.step = whole.FindOutlier();
  if (!tests.step) return tests;
  // A table may be loaded beside a slow leak.
  AmountSeries rest = amounts;
  TakeOut(*tests.step, rest.live);
  TakeOut(*tests.step, rest.alloc);
  const Tests of_rest(times_s, rest);
  const GrowthTests rest_tests = of_rest.Run();
  tests.is_only_step =
      !rest_tests.each_part_grows || rest_tests.growth_z <= kVerySureZ || of_rest.FindStep();
  tests.paused_since = tests.is_only_step ? std::nullopt : rest_tests.paused_since;
  return tests;
}

}  // namespace

std::vector<double> LevelsOf(const AmountSeries& amounts) {
  std::vector<double> levels;
  for (const Amount& live : amounts.live) levels.push_back(live.sum.estimate);
  return levels;
}

GrowthTests TestGrowth(absl::Span<const double> times_s, const AmountSeries& amounts) {
  const Tests whole(times_s, amounts);
  const size_t begin = PeakLength(whole, amounts.live.size());
  if (begin == 0) return RunTests(whole, times_s, amounts);
  AmountSeries rest = amounts;
  DropFirst(begin, rest.live);
  DropFirst(begin, rest.alloc);
  const absl::Span<const double> rest_times_s = times_s.subspan(begin);
  GrowthTests tests = RunTests(Tests(rest_times_s, rest), rest_times_s, rest);
  tests.begin = begin;
  tests.grows_since += begin;
  if (tests.step) tests.step = Step{tests.step->from + begin, tests.step->to + begin};
  if (tests.paused_since) tests.paused_since = *tests.paused_since + begin;
  return tests;
}

PacedSeries ForPace(absl::Span<const double> times_s, const AmountSeries& amounts,
                    const GrowthTests& tests) {
  PacedSeries paced{{times_s.begin(), times_s.end()}, amounts};
  if (tests.step) {
    // What came in a step that was all there is has no pace without it.
    if (tests.is_only_step) return paced;
    Squeeze(*tests.step, paced.times_s);
    Squeeze(*tests.step, paced.amounts.live);
    Squeeze(*tests.step, paced.amounts.alloc);
  }
  size_t first = tests.begin;
  const double before = times_s[tests.grows_since] - times_s[first];
  const bool is_late = before * 3 >= times_s.back() - times_s[first];
  if (!tests.step && is_late && tests.grows_since + kTrendSnapshots <= times_s.size()) {
    first = tests.grows_since;
  }
  DropFirst(first, paced.times_s);
  DropFirst(first, paced.amounts.live);
  DropFirst(first, paced.amounts.alloc);
  return paced;
}

}  // namespace tidemark::leaks
