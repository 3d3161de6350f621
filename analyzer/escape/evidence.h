// What a profile's rows prove about one site: which stacks its live blocks come from and
// how many frames of each are known to have returned.
//
// Thread class: plain values and pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_ESCAPE_EVIDENCE_H_
#define TIDEMARK_ANALYZER_ESCAPE_EVIDENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"

namespace tidemark::escape {

// Live or freed blocks of one stack with one `outlives` label.
struct EvidenceRow {
  StackId stack;
  uint32_t outlived = 0;  // at least so many of the stack's locations returned, leaf first
  int64_t bytes = 0;
  int64_t samples = 0;
};

struct SiteEvidence {
  StackId stack;                   // any one of the site's; its annotation tells the frame
  std::vector<EvidenceRow> live;   // bytes > 0
  std::vector<EvidenceRow> freed;  // by the thread that allocated them
  int64_t live_bytes = 0;
  int64_t live_samples = 0;
  int64_t alloc_bytes = 0;  // 0: the profile does not say
};

struct ProfileEvidence {
  std::vector<SiteEvidence> sites;
  absl::flat_hash_map<std::string, size_t> site_of_key;  // by FrameKey of the site's frame
  bool has_outlives = false;                             // any row carries the label
};

// What makes frames of two stacks, or of two profiles, the same: source where it is known,
// else the place in the file.
std::string FrameKey(const report::Frame& frame);

// kFailedPrecondition without annotations or an in-use type.
absl::StatusOr<ProfileEvidence> CollectEvidence(const Profile& profile);

}  // namespace tidemark::escape

#endif  // TIDEMARK_ANALYZER_ESCAPE_EVIDENCE_H_
