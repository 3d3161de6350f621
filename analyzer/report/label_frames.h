// pprof's tagroot and tagleaf: label values as frames around every stack, so that memory can
// be grouped by them in any report.
//
// Thread class: a free function over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_LABEL_FRAMES_H_
#define TIDEMARK_ANALYZER_REPORT_LABEL_FRAMES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

struct LabelFrames {
  std::shared_ptr<const Profile> profile;
  std::vector<std::string> unmatched;  // "tagroot", "tagleaf": no sample has such a label
};

// The profile with options.tag_root's and tag_leaf's keys as frames: the first root key
// outermost, the last leaf key innermost; the function is the label's values ("a,b", numbers
// in options.unit; "" without the label), the file the key. drop_frames and keep_frames are
// applied first and empty in the result.
absl::StatusOr<LabelFrames> AddLabelFrames(const Profile& profile, const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_LABEL_FRAMES_H_
