// The control page of a recorded process: how another process turns its recording up, down,
// off and on again while it runs, or sleeps.
//
// The target looks at the page each time a thread has allocated 256 KiB, so a change takes
// effect thread by thread, and without any action of the target's that one could wait for.
//
// Thread class: pure functions of the system's state. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_CONTROL_H_
#define TIDEMARK_PROFILER_COLLECT_CONTROL_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "profiler/collect/process.h"
#include "profiler/collect/state_reader.h"
#include "proto/state.h"

namespace tidemark::collect {

struct ControlChange {
  std::optional<uint64_t> rate_bytes = std::nullopt;  // wanted mean distance between samples
  bool rate_exact = false;                            // every allocation is wanted
  std::optional<bool> paused = std::nullopt;
  bool any() const { return rate_bytes.has_value() || rate_exact || paused.has_value(); }
};

enum class Activity { kActive, kPaused, kStopped };

// What is wanted of a recording, as its control page says.
struct Wanted {
  Activity activity = Activity::kActive;
  uint64_t rate_bytes = 0;
};
absl::StatusOr<Wanted> ReadWanted(const StateSource& source, const state::Header& header);

struct ControlReport {
  StateSummary summary;
  Wanted wanted;
  ProcessMemory memory;
};

// Applies `change`, if any, to the recording of process `pid`, and tells what is in force
// after it. kNotFound: no such process, or it is not profiled. kPermissionDenied.
// kFailedPrecondition: this recording cannot do that (exact and sampled recordings keep
// other tables and do not turn into one another; a stopped one does not go on).
absl::StatusOr<ControlReport> ControlProcess(pid_t pid, const ControlChange& change);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_CONTROL_H_
