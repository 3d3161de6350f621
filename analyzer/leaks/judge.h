// Decides about one site at a time: does it leak? From its levels, from what it allocates
// and frees, and from the age of what is left.
//
// The tests, each against one way to be fooled:
//  - trend: Mann-Kendall, newest - oldest and the later half must all say growth. A warm-up
//    grows too, but not in the later half. z counts blocks as chance (a compound Poisson
//    count), so that a steady site's own noise is no growth; the false discovery rate is
//    controlled over all sites for newest - oldest, each part then has 1 % of its own.
//  - turnover: what was live in an earlier snapshot and still is. A cache at its limit and
//    batches that are freed keep nothing, however their level stands when one looks.
//  - spread: survivors from every quarter of the run. A burst or a warm-up has them from
//    one only.
//  - doubling: an array's level moves in jumps that become rare, and its old blocks are
//    freed at each. Filled at a steady pace, its newest block is younger than half the run.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_JUDGE_H_
#define TIDEMARK_ANALYZER_LEAKS_JUDGE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "analyzer/leaks/ranking.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

// Why the verdict is what it is; each has its sentence in reason.cc.
enum class Cause {
  kTrend,         // grows, and the tests agree
  kSpread,        // grows, and survivors come from all of the run
  kDoubling,      // an array that goes on growing
  kGrowing,       // grows, but not all tests agree (or there are too few snapshots)
  kOldSurvivors,  // one snapshot: much of what it ever allocated is still there
  kTurnover,      // nothing of what was live earlier is left
  kStopped,       // grew once, not in the later half
  kNoGrowth,
  kShrank,
};

struct Judgement {
  Verdict verdict = Verdict::kSteady;
  Cause cause = Cause::kNoGrowth;
  double order = 0;  // among the same verdict: more is worse
  std::optional<Interval> live_ci;
  std::optional<double> delta;
  std::optional<Interval> delta_ci;
  std::optional<double> slope_per_s;  // three snapshots or more, with times
  std::optional<Interval> slope_ci_per_s;
  // Of what was allocated since the oldest snapshot (one snapshot: ever), the share that is
  // still live; absent when the profile does not say.
  std::optional<double> survival;
  // Of the bytes live in an earlier snapshot (the one with most samples of the site), the
  // share that still is, and how many seconds ago that was; need ages.
  struct Kept {
    double share = 0;
    double samples = 0;  // behind the earlier level
    double ago_s = 0;
  };
  std::optional<Kept> kept;
  // Of the live bytes of the newest snapshot, the share allocated in the first half of
  // the run, and the age of the oldest; need ages.
  std::optional<double> old_share;
  std::optional<double> oldest_age_s;
};

// One per site of `series`, in its order. False discoveries are controlled across them.
std::vector<Judgement> JudgeAll(const Series& series);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_JUDGE_H_
