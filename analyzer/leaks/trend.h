// Does an amount grow from snapshot to snapshot? Three tests of its levels, in standard
// deviations. The number of blocks counts as chance (Amount::count_variance), so that a steady
// site's own noise is no growth; and so does how far the levels lie from a line, unless hardly
// anything is freed: a level that cannot fall does not swing, it only grows at an uneven pace.
//
// Thread class: plain values and pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_TREND_H_
#define TIDEMARK_ANALYZER_LEAKS_TREND_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

// With fewer snapshots no rank test reaches a small p.
inline constexpr size_t kManySnapshots = 5;
inline constexpr double kSureZ = 2.326;  // one-sided 1 %

// One amount in each snapshot, oldest first.
struct AmountSeries {
  std::vector<Amount> live;
  std::vector<Amount> alloc;  // ever; empty when the profiles do not say

  // Of what was ever allocated, what is no longer live. REQUIRES: alloc is not empty.
  Amount FreedUntil(size_t i) const { return alloc[i] - live[i]; }
};

// Growth between two snapshots, by their indices.
struct Step {
  size_t from = 0;
  size_t to = 0;
};

struct GrowthTests {
  double mann_kendall_z = 0;     // 0 with two snapshots
  double mann_kendall_p = 1;     // of few levels, exact
  double growth_z = 0;           // newest - oldest
  double late_z = 0;             // newest - the middle one; 0 with two snapshots
  double least = 0;              // of those that there are
  bool rises_surely = false;     // by the ranks of many levels alone
  bool each_part_grows = false;  // by the ranks, and in the later half
  // The snapshot from which on is tested: before it the level fell surely, from a peak at the
  // start. Only with many snapshots.
  size_t begin = 0;
  // With many snapshots: the last of those that had hardly any of the growth. The pace is that
  // since then, where it is a third of the time or more.
  size_t grows_since = 0;
  // From low levels to high ones, as when a table is loaded, or far more than in any other
  // interval; and whether there is no growth besides. With two snapshots nothing can be said of it.
  std::optional<Step> step;
  bool is_only_step = false;
  // With many snapshots: hardly any growth since this one, where at its pace there surely would
  // have been some.
  std::optional<size_t> paused_since;
};

// REQUIRES: two amounts or more; `times_s` has as many, rising.
GrowthTests TestGrowth(absl::Span<const double> times_s, const AmountSeries& amounts);

// The part of a series that tells at which pace it grows: since it does, and without its step
// and the time that took.
struct PacedSeries {
  std::vector<double> times_s;
  AmountSeries amounts;
};
PacedSeries ForPace(absl::Span<const double> times_s, const AmountSeries& amounts,
                    const GrowthTests& tests);

// The bytes of each.
std::vector<double> LevelsOf(const AmountSeries& amounts);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_TREND_H_
