// How sure one can be that a sampled amount grew by more than a limit, from one profile to
// another: at any confidence, since a gate over thousands of sites needs far more than 95 %.
//
// The interval of a difference is made of both sides' own intervals, each deviation squared
// (the method of variance estimates recovery, Zou and Donner 2008); a side's interval is that
// of a Poisson count (Wilson and Hilferty's approximation of its limits), scaled to what one
// sample stands for. For equal weights that is, down to counts of nothing, within a few per
// cent of the exact conditional test of two Poisson counts; see growth_test.cc.
//
// Blocks of one site are of unequal sizes, so their samples stand for unequal amounts:
//  - what is so large that sampling misses it in less than 1 of 100 cases counts as seen, with
//    its small variance, and not as a sample (a hundred such blocks and one small one are one
//    sample as far as chance goes);
//  - the count behind the others is the effective one, (sum of deviations)^2 / sum of squares;
//  - a side that saw nothing may still hold blocks like those that the other side saw.
//
// Thread class: plain values and pure functions. Allocation class: nothing allocates.

#ifndef TIDEMARK_ANALYZER_LEAKS_GROWTH_H_
#define TIDEMARK_ANALYZER_LEAKS_GROWTH_H_

#include <optional>
#include <utility>

#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {

// A sum of sampled rows, with what its error at any confidence needs. Every member is a sum
// over rows, so that parts can be added and taken away.
struct Level {
  double estimate = 0;
  double samples = 0;           // raw ones, all of them
  double uncertain = 0;         // those of blocks that sampling may well miss
  double variance = 0;          // of these
  double deviations = 0;        // of these: standard deviations, one for each, added up
  double certain_variance = 0;  // of all others

  Level& operator+=(const report::SampledSum& row);
  Level& operator+=(const Level& o);
  // What remains without a part: nothing but the estimate falls below zero.
  friend Level operator-(const Level& a, const Level& b);
};

// What one block that a profile missed may have stood for, at most.
struct Sampling {
  double rate = 0;    // mean bytes between two samples; 1 or less: everything was recorded
  double unseen = 0;  // the most that one sample stands for; 0 when everything was recorded
};

// One amount in two profiles.
struct Comparison {
  Level base;
  Level now;
  Sampling base_sampling;
  Sampling now_sampling;
  // Two snapshots of one process: what came and what went in between. What is live in both
  // cancels, so their errors bound that of the difference too, and the narrower one counts.
  std::optional<std::pair<Level, Level>> flows;

  double delta() const { return now.estimate - base.estimate; }
};

// [low, high] of now - factor * base, each end wrong with the chance UpperTail(z).
// REQUIRES: factor >= 1.
std::pair<double, double> DifferenceAt(double z, const Comparison& comparison, double factor);

// The chance to see such growth where now - factor * base is `limit` or less: 0 where nothing
// was left to chance and it is above, 0.5 where there is no sign of it. REQUIRES: factor >= 1.
double GrowthPValue(const Comparison& comparison, double factor, double limit);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GROWTH_H_
