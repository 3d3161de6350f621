// When does the process reach its limit, if it goes on as it did?
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_PROJECTION_H_
#define TIDEMARK_ANALYZER_LEAKS_PROJECTION_H_

#include <cstdint>
#include <optional>

#include "analyzer/leaks/interval.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

// From the newest snapshot on. The estimate and the interval's ends are those of the slope,
// so the low end is the fastest growth. Absent ends: perhaps never.
struct TimeLeft {
  double seconds = 0;
  double low_s = 0;
  std::optional<double> high_s;
};

struct Projection {
  int64_t limit_bytes = 0;
  bool is_cgroup = false;  // the limit is the process's cgroup's, as the recorder saw it
  // What is held against the limit: resident memory where all snapshots tell it, else the
  // live heap, which is less than what the limit counts.
  bool is_resident = false;
  int64_t used_bytes = 0;  // in the newest snapshot
  // Of what is used, by Theil and Sen, of the part that tells a pace (trend.h); three
  // snapshots with times.
  std::optional<double> growth_bytes_per_s;
  std::optional<Interval> growth_ci;
  // Either: so that it has no pace.
  bool grew_in_one_step = false;
  bool has_paused = false;
  std::optional<TimeLeft> time_left;  // absent: no pace, not growing, or nothing is left

  int64_t left_bytes() const { return limit_bytes - used_bytes; }
};

// `limit_bytes` 0: the cgroup's; nothing when there is none.
std::optional<Projection> ProjectLimit(const Series& series, int64_t limit_bytes);

// Until `slope` has filled `left_bytes`; nothing when it does not grow or nothing is left.
std::optional<TimeLeft> TimeToFill(int64_t left_bytes, double bytes_per_s,
                                   const std::optional<Interval>& bytes_per_s_ci);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_PROJECTION_H_
