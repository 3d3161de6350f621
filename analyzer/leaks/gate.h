// `check`: did a program's memory grow since a base profile, and can one be sure of it? For
// gates in CI, which must not fail by chance.
//
// The base is usually a profile of the main branch's test run and the other one of the
// change's: two processes, and two builds. Both are cut by site (site_pairs.h) and compared by
// three rules, each of which counts only what chance does not explain (growth.h):
//  - max_growth: the total is above the limit. The chance of such a total without growth
//    beyond the limit must be below 0.25 %.
//  - max_site_growth: the same for each site. Over all sites that can tell anything the
//    expected share of false ones is held at 0.25 % (Benjamini and Hochberg).
//  - no_new_leaks: a line of a function whose verdict (ranking.h), from the other profile by
//    itself, is worse than from the base by itself, and whose live bytes grew by more than
//    64 KiB; over all lines as above. A line that the base lacks (gate_lines.h), or where nothing
//    was live, is steady there.
// So a program that did not grow fails in less than 1 of 100 checks. What is above a limit but
// may be chance is said in the notes, and does not fail.
//
// Thread class: free functions over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_GATE_H_
#define TIDEMARK_ANALYZER_LEAKS_GATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/leaks/ranking.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"

namespace tidemark::leaks {

// "5%" of the base, "1MiB", or a bare number in the unit of the sample type.
struct GrowthLimit {
  enum class Kind { kShare, kBytes, kAmount };
  Kind kind = Kind::kAmount;
  double value = 0;  // 0.05, or 1048576; finite, not negative
  friend bool operator==(const GrowthLimit&, const GrowthLimit&) = default;
};

// What must not grow. A share, of a site or of all, never means less than 64 KiB, where the unit
// is bytes: of a base that held next to nothing, any growth at all is a large share.
struct GatePolicy {
  std::optional<GrowthLimit> max_growth = {};
  std::optional<GrowthLimit> max_site_growth = {};
  bool no_new_leaks = false;
  bool empty() const { return !max_growth && !max_site_growth && !no_new_leaks; }
  friend bool operator==(const GatePolicy&, const GatePolicy&) = default;
};
// When nothing is asked for: 5 % in all, 1 MiB for each site and no new leaks of inuse_space;
// 5 % in all of another sample type.
GatePolicy DefaultPolicy(absl::string_view sample_type);
inline constexpr double kNegligibleBytes = 65536;

enum class GateRule { kMaxGrowth, kMaxSiteGrowth, kNoNewLeaks };
const char* Name(GateRule rule);  // "max-growth", "max-site-growth", "no-new-leaks"

// In the unit of the sample type; of no_new_leaks always live bytes.
struct GateGrowth {
  int64_t base = 0;
  int64_t now = 0;
  int64_t delta = 0;
  std::optional<Interval> delta_ci;  // 95 %; absent when the profiles do not say how sampled
  int64_t base_samples = 0;          // raw ones
  int64_t samples = 0;
};

struct GateFinding {
  GateRule rule = GateRule::kMaxGrowth;
  std::string message;             // a sentence with its numbers
  std::optional<Verdict> verdict;  // of no_new_leaks
  double limit = 0;                // what the growth is above
  GateGrowth growth;
  // Of the total: absent, and the stack is that of the site that grew most.
  std::optional<report::Frame> site;
  std::optional<Container> container;
  std::vector<report::Frame> stack;  // that stands for the site as in `leaks`, leaf first
  size_t site_frame = 0;             // index of the site in it
};

struct GateResult {
  std::string sample_type;
  std::string unit;
  GatePolicy policy;  // what was checked
  GateGrowth total;
  std::vector<GateFinding> findings;  // the total first, then by what is sure of the growth
  std::vector<std::string> notes;     // what cannot be told, and what was taken for what
  bool undecided = false;             // a note says of which limit one cannot tell
  bool passed() const { return findings.empty(); }
};

// Each side is a profile, or the snapshots of a run, whose newest counts (of the process that
// `leaks` would judge). Where both have three or more, verdicts are those of all of them.
// `sample_index` as report::ResolveSampleIndex takes it; "": inuse_space. An empty policy is the
// default one. kInvalidArgument for a sample_index that the profile does not have and for a limit
// in bytes of what is counted; kFailedPrecondition when the profiles cannot be compared.
// REQUIRES: neither side is empty; all are classified.
absl::StatusOr<GateResult> RunGate(absl::Span<const std::shared_ptr<const Profile>> base,
                                   absl::Span<const std::shared_ptr<const Profile>> now,
                                   absl::string_view sample_index, const GatePolicy& policy);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GATE_H_
