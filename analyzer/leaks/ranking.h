// `leaks`: which sites leak, how fast, and how sure we are, from one snapshot
// (suspects), two (growth) or more (trend).

#ifndef TIDEMARK_ANALYZER_LEAKS_RANKING_H_
#define TIDEMARK_ANALYZER_LEAKS_RANKING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "analyzer/base/progress.h"
#include "analyzer/leaks/advice.h"
#include "analyzer/leaks/generation.h"
#include "analyzer/leaks/judge.h"
#include "analyzer/leaks/projection.h"
#include "analyzer/leaks/run.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"

namespace tidemark::leaks {

// Who called a site, and how much of it is theirs.
struct CallerShare {
  report::Frame frame;
  int64_t live_bytes = 0;              // in the newest snapshot
  std::optional<int64_t> delta_bytes;  // newest - oldest; two snapshots or more
  int64_t samples = 0;
};

struct Finding {
  int rank = 0;  // from 1
  Verdict verdict = Verdict::kSuspect;
  std::string reason;  // one sentence with its numbers
  report::Frame site;
  std::optional<Container> container;
  int64_t live_bytes = 0;           // in the newest snapshot
  std::optional<Interval> live_ci;  // absent when the inputs carry no sampling information
  int64_t live_objects = 0;
  std::optional<int64_t> delta_bytes;  // newest - oldest; two snapshots or more
  std::optional<Interval> delta_ci;
  std::optional<Flows> flows;
  std::optional<double> slope_bytes_per_hour;  // three snapshots or more; HasPace
  std::optional<Interval> slope_ci;
  std::optional<Trend> trend;
  // Until it alone has filled what is left below the limit; the high end is absent where
  // the slope may be none.
  std::optional<TimeLeft> time_left;
  int64_t samples = 0;                  // raw live samples in the newest snapshot
  std::vector<report::Frame> stack;     // of the site's heaviest stack, leaf first
  std::vector<CallerShare> callers;     // most live bytes first, at most kMaxCallers
  std::vector<int64_t> series;          // live bytes per snapshot, oldest first
  std::vector<Generation> generations;  // one per generation of the ranking
  std::vector<Advice> advice;           // what to try, the most telling first
};
inline constexpr size_t kMaxCallers = 5;

struct Options {
  RunChoice run;
  Marks marks;
  // What the process may grow to; 0: its cgroup's limit, where the snapshots tell one.
  int64_t limit_bytes = 0;
  Progress* progress = nullptr;
};

struct Ranking {
  std::vector<Finding> findings;  // best first
  int64_t total_live_bytes = 0;   // newest snapshot
  std::vector<int64_t> times_ns;  // of the snapshots, oldest first
  std::shared_ptr<const Profile> newest;
  std::vector<Generation> generations;  // of all sites together, oldest first
  std::optional<Projection> projection;
  std::vector<std::string> notes;  // e.g. "a counter fell: the process was restarted"
};

// `snapshots` must be classified, in any order (sorted here by time_ns).
// kInvalidArgument when empty, when a snapshot has no in-use sample type, or when the options
// leave none.
absl::StatusOr<Ranking> Rank(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                             const Options& options);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_RANKING_H_
