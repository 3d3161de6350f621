#include "analyzer/leaks/generation.h"

#include <algorithm>
#include <cmath>

#include "analyzer/base/rounding.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {
namespace {

constexpr double kNsPerSecond = 1e9;

// Seconds since the recording began, of snapshot i. Where the profiles do not say how long
// they were recorded, since the oldest.
double TimeOf(const Series& series, size_t i) {
  return series.ages_s.back() > 0 ? series.ages_s[i] : series.times_s[i];
}

Generation FromAges(const std::vector<AgeGroup>& ages, double begin, double end) {
  Generation generation{.begin_s = begin, .end_s = end, .live_bytes = 0, .live_ci = {}};
  report::SampledSum certain;
  report::SampledSum possible;
  for (const AgeGroup& group : ages) {
    if (group.end_s <= begin || group.begin_s >= end) continue;
    possible += group.live;
    if (group.begin_s < begin || group.end_s > end) continue;
    certain += group.live;
  }
  generation.live_bytes = Rounded(BytesBefore(ages, end) - BytesBefore(ages, begin));
  generation.live_ci.low = report::IntervalOf(certain).first;
  generation.live_ci.high = report::IntervalOf(possible).second;
  return generation;
}

// The snapshot whose time is nearest.
size_t NearestSnapshot(const Series& series, double time_s) {
  size_t nearest = 0;
  for (size_t i = 0; i < series.snapshots.size(); ++i) {
    if (std::abs(TimeOf(series, i) - time_s) < std::abs(TimeOf(series, nearest) - time_s)) {
      nearest = i;
    }
  }
  return nearest;
}

// What was live and what was ever allocated, of one site or of all, per snapshot.
struct Levels {
  explicit Levels(const Series& series)
      : live(series.snapshots.size()), alloc(series.snapshots.size()) {}

  std::vector<report::SampledSum> live;
  std::vector<report::SampledSum> alloc;
};

Generation FromFlows(const Series& series, const Levels& at, double begin, double end) {
  Generation generation{.begin_s = begin, .end_s = end, .live_bytes = {}, .live_ci = {}};
  const size_t last = series.snapshots.size() - 1;
  const size_t to = NearestSnapshot(series, end);
  report::SampledSum within = at.alloc[to];
  report::SampledSum from_others = at.alloc[last] - at.alloc[to];
  if (begin > 0) {
    const size_t from = NearestSnapshot(series, begin);
    within -= at.alloc[from];
    from_others += at.live[from];
  }
  generation.live_ci.high = std::max(
      0.0, std::min({report::IntervalOf(at.live[last]).second,
                     report::IntervalOf(at.live[to]).second, report::IntervalOf(within).second}));
  generation.live_ci.low = std::clamp(
      report::IntervalOfDifference(at.live[last], from_others).first, 0.0, generation.live_ci.high);
  if (generation.live_ci.low == generation.live_ci.high) {
    generation.live_bytes = Rounded(generation.live_ci.low);
  }
  return generation;
}

void AddLevels(const SiteSeries& site, Levels& levels) {
  for (size_t i = 0; i < site.at.size(); ++i) {
    levels.live[i] += site.at[i].live.sum;
    levels.alloc[i] += site.at[i].alloc.sum;
  }
}

std::vector<Generation> Make(const Series& series, const std::vector<AgeGroup>& ages,
                             const Levels& levels, absl::Span<const double> boundaries) {
  std::vector<Generation> generations;
  if (boundaries.size() < 2) return generations;
  for (size_t i = 0; i + 1 < boundaries.size(); ++i) {
    generations.push_back(series.has_ages
                              ? FromAges(ages, boundaries[i], boundaries[i + 1])
                              : FromFlows(series, levels, boundaries[i], boundaries[i + 1]));
  }
  return generations;
}

}  // namespace

std::vector<double> Boundaries(const Series& series, const Marks& marks) {
  if (marks.empty()) return {};
  const size_t last = series.snapshots.size() - 1;
  const double end = TimeOf(series, last);
  const double begin_ns =
      static_cast<double>(series.snapshots[last]->time_ns()) - end * kNsPerSecond;
  std::vector<double> inside = marks.since_s;
  for (int64_t time_ns : marks.times_ns) {
    inside.push_back((static_cast<double>(time_ns) - begin_ns) / kNsPerSecond);
  }
  for (size_t i = 0; marks.at_each_snapshot && i < last; ++i) inside.push_back(TimeOf(series, i));
  if (!series.has_ages) {
    for (double& mark : inside) mark = TimeOf(series, NearestSnapshot(series, mark));
  }
  std::vector<double> boundaries = {0};
  std::sort(inside.begin(), inside.end());
  for (double mark : inside) {
    if (mark > boundaries.back() && mark < end) boundaries.push_back(mark);
  }
  boundaries.push_back(end);
  return boundaries;
}

std::vector<Generation> GenerationsOf(const Series& series, const SiteSeries& site,
                                      absl::Span<const double> boundaries) {
  Levels levels(series);
  AddLevels(site, levels);
  return Make(series, site.at.back().ages, levels, boundaries);
}

std::vector<Generation> GenerationsOfAll(const Series& series,
                                         absl::Span<const double> boundaries) {
  Levels levels(series);
  std::vector<AgeGroup> ages;
  for (const SiteSeries& site : series.sites) {
    AddLevels(site, levels);
    ages.insert(ages.end(), site.at.back().ages.begin(), site.at.back().ages.end());
  }
  return Make(series, ages, levels, boundaries);
}

}  // namespace tidemark::leaks
