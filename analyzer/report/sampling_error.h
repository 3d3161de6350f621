// How far a sampled sum may be from the truth.
//
// The recorder samples a block of s bytes with probability p = 1 - exp(-s / rate), so a
// sampled block stands for a value w = v / p (v is s for bytes, 1 for objects). For a sum
// over independent samples S = sum w, an unbiased estimate of its variance is
// V = sum w^2 (1 - p) (Horvitz-Thompson for Poisson sampling). The normal interval is wrong
// for few samples (none seen does not mean none there), so the interval is that of a
// Poisson count (exact limits below ten samples), scaled to the samples' weight; for many
// samples it is the normal one.
//
// Two snapshots of one process share the samples that are live in both, and those cancel:
// V(difference) <= V(allocated in the interval) + V(freed in the interval). Two processes
// share nothing: V_A + V_B. For a site that churns, V_A + V_B is the smaller of the two
// even in one process, and it is a bound there too (what is shared can only help), so
// callers take the narrower one.
//
// Thread class: immutable after construction; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_SAMPLING_ERROR_H_
#define TIDEMARK_ANALYZER_REPORT_SAMPLING_ERROR_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "analyzer/base/ids.h"
#include "analyzer/model/profile.h"

namespace tidemark::report {

// A sum of sampled blocks, in the unit of its sample type.
struct SampledSum {
  double estimate = 0;
  double samples = 0;   // raw samples behind it (fractional where inferred)
  double variance = 0;  // of the estimate

  SampledSum& operator+=(const SampledSum& o);
  // What remains when a part is taken away: samples and variance never fall below zero.
  SampledSum& operator-=(const SampledSum& o);
  friend SampledSum operator+(SampledSum a, const SampledSum& b) { return a += b; }
  friend SampledSum operator-(SampledSum a, const SampledSum& b) { return a -= b; }
  friend bool operator==(const SampledSum&, const SampledSum&) = default;
};

// A 95 % interval [first, second].
using Interval95 = std::pair<double, double>;

// Of one sum; never below zero, as blocks have no negative size.
Interval95 IntervalOf(const SampledSum& sum);
// Of x - y for independent x and y (the method of variance estimates recovery: the
// squares of both sums' deviations add up, each on its own side).
Interval95 IntervalOfDifference(const SampledSum& x, const SampledSum& y);

// The sampling of one profile's sample type, where the profile tells of it: a value column
// of heap bytes or objects (inuse_space, alloc_objects, peak_space, ...) with its companion
// column (space with objects) and a period that is a rate in bytes. A Tidemark profile
// also holds the count of raw samples per row; a Go or legacy heap profile does not, and
// it is inferred: objects * p.
class SamplingErrors {
 public:
  // Absent where the profile carries no sampling information. A period of 1 means that
  // everything was recorded: every variance is zero. `profile` must remain live.
  static std::optional<SamplingErrors> For(const Profile& profile, int sample_type);

  // Of one row (index < profile.sample_count()).
  SampledSum of(size_t sample) const;

 private:
  SamplingErrors() = default;
  // The block size of each label set that has a `bytes` label, else 0.
  static std::vector<int64_t> BlockSizes(const Profile& profile);

  const Profile* profile_ = nullptr;
  int value_ = -1;
  int space_ = -1;
  int objects_ = -1;
  int samples_ = -1;                  // -1: not recorded
  double rate_ = 0;                   // bytes
  std::vector<int64_t> block_sizes_;  // [label set]
};

// Whether both are snapshots of one process (by the recorder's pid and process_id
// comments; false when either lacks them).
bool SameProcess(const Profile& a, const Profile& b);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_SAMPLING_ERROR_H_
