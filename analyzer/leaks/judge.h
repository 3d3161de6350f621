// Decides about one site at a time: does it leak? From its levels, from what it allocates
// and frees, and from the age of what is left.
//
// The tests, each against one way to be fooled:
//  - trend: the least of three z (Mann-Kendall, newest - oldest, the later half) must say
//    growth. A warm-up grows too, but not in the later half. z counts blocks as chance (a
//    compound Poisson count), so that a steady site's own noise is no growth. Mann-Kendall
//    of few points has no small p, so the false discovery rate over all sites is controlled
//    for newest - oldest; the other two then have to hold on their own (5 and 1 %).
//    A table among its nodes weighs as chance as much as thousands of them, though its
//    doubling is no chance at all: a site that has both is tested whole and without what grew by
//    copying, and the stronger counts, at twice its p.
//  - step and pause: what was loaded at once, or is not growing any more, passes all three where
//    that happened in the later half. It is a suspect.
//  - turnover: what was live in an earlier snapshot and still is. A cache at its limit and
//    batches that are freed keep nothing, however their level stands when one looks.
//  - spread: survivors from every quarter of the run. A burst or a warm-up has them from
//    one only.
//  - growing arrays: an array's level moves in jumps that become rare, and its old blocks
//    are freed at each. Filled at a steady pace, its newest block is younger than half the
//    run; where many grow side by side, their sum rises all the time.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_JUDGE_H_
#define TIDEMARK_ANALYZER_LEAKS_JUDGE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "analyzer/leaks/interval.h"
#include "analyzer/leaks/series.h"
#include "analyzer/leaks/trend.h"

namespace tidemark::leaks {

enum class Verdict { kLeak, kSuspect, kSteady, kShrinking };
const char* Name(Verdict verdict);  // "leak", "suspect", "steady", "shrinking"

// Why the verdict is what it is; each has its sentence in reason.cc.
enum class Cause {
  kTrend,         // grows, and the tests agree
  kSpread,        // grows, and survivors come from all of the run
  kGrowingArray,  // an array that goes on growing
  kGrowing,       // grows, but not all tests agree (or there are too few snapshots)
  kOneStep,       // grew, but in one step
  kPaused,        // grew, but hardly in the last quarter
  kOldSurvivors,  // one snapshot: much of what it ever allocated is still there
  kTurnover,      // nothing of what was live earlier is left
  kStopped,       // grew once, not in the later half
  kNoGrowth,
  kShrank,
};

struct Trend {
  GrowthTests tests;
  bool of_elements = false;  // of the site without the storage that grew
};

// What happened to a site between the oldest and the newest snapshot, in bytes; two
// snapshots or more that all know what was ever allocated.
struct Flows {
  double allocated = 0;
  double freed = 0;
  // Of what was allocated in between, what is still live; absent without ages.
  std::optional<double> survived;
  std::optional<Interval> allocated_ci;
  std::optional<Interval> freed_ci;
};

struct Judgement {
  Verdict verdict = Verdict::kSteady;
  Cause cause = Cause::kNoGrowth;
  std::optional<Trend> trend;  // three snapshots or more
  std::optional<Flows> flows;
  double order = 0;  // among the same verdict: more is worse
  std::optional<Interval> live_ci;
  std::optional<double> delta;
  std::optional<Interval> delta_ci;
  std::optional<double> slope_per_s;  // three snapshots or more, with times
  std::optional<Interval> slope_ci_per_s;
  // Of what was allocated since the oldest snapshot (one snapshot: ever), the share that is
  // still live; absent when the profile does not say.
  std::optional<double> survival;
  // Of the bytes live in a snapshot of the earlier half (the one with most samples of the
  // site), the share that still is, and how many seconds ago that was; need ages.
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

// Whether its growth may be extended into the future: what came in one step, or has stopped, has
// no pace.
bool HasPace(const Judgement& judgement);

// One per site of `series`, in its order. False discoveries are controlled across those that
// were live in some snapshot; the others are steady, and nothing is measured of them.
std::vector<Judgement> JudgeAll(const Series& series);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_JUDGE_H_
