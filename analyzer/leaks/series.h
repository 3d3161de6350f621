// The snapshots of one process, cut by site: what each site held, allocated and freed at
// each time, and how old its survivors are. What the ranking judges.
//
// Thread class: plain values and free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_SERIES_H_
#define TIDEMARK_ANALYZER_LEAKS_SERIES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "analyzer/base/progress.h"
#include "analyzer/leaks/run.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {

// A sum of sampled blocks and two variances of it: `sum.variance` says how far sampling
// may have led us astray; `count_variance` also lets the number of blocks itself be
// chance (a compound Poisson count, sum w^2), which is what a steady site looks like.
struct Amount {
  report::SampledSum sum;
  double count_variance = 0;
  double objects = 0;

  Amount& operator+=(const Amount& o);
  friend Amount operator-(const Amount& a, const Amount& b);
};

// Survivors with one `allocated_at` label, in seconds since the recording began:
// [begin_s, end_s), cut at the snapshot's own time.
struct AgeGroup {
  double begin_s = 0;
  double end_s = 0;
  report::SampledSum live;  // bytes
};

struct SiteAtTime {
  Amount live;   // bytes
  Amount alloc;  // bytes ever allocated; zero when the profile does not say
  // Of both, the storage that grew (stack_role.h).
  Amount grown_live;
  Amount grown_alloc;
  // Of `live`, in blocks that went through realloc; newest snapshot only.
  double reallocated_bytes = 0;
  std::vector<AgeGroup> ages;  // of live blocks, as far as labelled; newest snapshot only
};

// From where a site was reached: the nearest frame outside it that is of another function.
struct Caller {
  size_t snapshot = 0;  // the newest that knows it
  StackId stack;
  FramePosition frame;
  double live_bytes = 0;  // in the newest snapshot
  double oldest_live_bytes = 0;
  double samples = 0;  // behind live_bytes
};

struct SiteSeries {
  std::vector<SiteAtTime> at;  // one per snapshot, oldest first
  // In the newest snapshot that knows the site: the container that most of the site's bytes are
  // in, if most are in one, but a collection with its share of them stands before the strings,
  // objects and plain blocks that it was given; and the stack with the most live bytes in that
  // container (without one: in none).
  size_t snapshot = 0;
  StackId stack;
  ContainerId container;
  std::vector<Caller> callers;  // all there are, in the order of their first row
};

struct Series {
  static constexpr uint32_t kNoSite = ~uint32_t{0};

  Snapshots snapshots;          // oldest first
  std::vector<double> times_s;  // of each, since the first; 0, 1, 2… where unknown
  bool has_times = false;       // times_s are seconds
  std::vector<double> ages_s;   // of each: how long its recording ran; 0: unknown
  bool has_alloc = false;       // all know what was ever allocated
  bool has_sampling_error = false;
  bool has_ages = false;  // some survivor of the newest says when it was allocated
  std::vector<SiteSeries> sites;
  std::vector<uint32_t> site_of_newest_stack;  // by StackId of the newest; kNoSite
  // The snapshot with the most live bytes (of equal ones the newest), and the same of it.
  size_t fullest = 0;
  double fullest_live_bytes = 0;
  std::vector<uint32_t> site_of_fullest_stack;
  std::vector<std::string> notes;  // what was left out and why
};

// The sites of the snapshots that `choice` and ChooseRun (run.h) leave. kInvalidArgument when
// there are none, one was not classified or has no in-use type; kCancelled.
absl::StatusOr<Series> MakeSeries(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                                  const RunChoice& choice, Progress* progress);

// Whether anything of a site was live in some snapshot.
bool WasEverLive(const SiteSeries& site);

// The bytes of the groups that were allocated before `time_s`; a group that spans it
// counts in proportion.
double BytesBefore(absl::Span<const AgeGroup> ages, double time_s);

// The end of the recorder's `allocated_at` bucket that starts at `begin_s`: 4 steps in
// each octave, whole seconds below 8.
int64_t AgeBucketEnd(int64_t begin_s);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_SERIES_H_
