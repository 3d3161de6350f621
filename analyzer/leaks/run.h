// Which snapshots are judged together: those of one process, in the order of time. A folder
// may hold those of several: a service that was restarted, a program and its children.
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_RUN_H_
#define TIDEMARK_ANALYZER_LEAKS_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"

namespace tidemark::leaks {

using Snapshots = std::vector<std::shared_ptr<const Profile>>;

// So many snapshots can show a trend.
inline constexpr size_t kTrendSnapshots = 3;

// Snapshots outside [since_ns, until_ns] (since the epoch) do not count, nor do those of
// processes other than `pid`.
struct RunChoice {
  std::optional<int64_t> since_ns = {};
  std::optional<int64_t> until_ns = {};
  std::optional<int64_t> pid = {};
};

struct Run {
  Snapshots snapshots;             // oldest first, never empty
  std::vector<std::string> notes;  // what was left out and why
};

// The newest process's snapshots; of several that ran at the same time those of the one that
// held most. A process is told by the recorder's process id; where there is none (Go), a
// restart shows in a counter that falls, and other programs are told by their first mapping. Each
// snapshot once. Without the snapshot at exit when the program had torn its heap down by then.
// kInvalidArgument when `choice` leaves nothing. REQUIRES: heap profiles with an inuse_space type,
// at least one.
absl::StatusOr<Run> ChooseRun(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                              const RunChoice& choice);

// The value of the recorder's comment "tidemark.KEY=VALUE", else "".
absl::string_view RecorderComment(const Profile& profile, absl::string_view key);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_RUN_H_
