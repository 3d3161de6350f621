// All recordings that this user can see: processes that are being profiled, and states that
// processes left which died without a profile.
//
// Where they are looked for: what every process maps (so that a state is found wherever it
// lies, also a memfd or one in another mount namespace), then /dev/shm/tidemark-*/ with the
// directories that `tidemark record` makes there.
//
// Thread class: pure functions of the system's state. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_RECORDINGS_H_
#define TIDEMARK_PROFILER_COLLECT_RECORDINGS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "profiler/collect/control.h"
#include "profiler/collect/process.h"
#include "profiler/collect/state_reader.h"

namespace tidemark::collect {

struct Recording {
  enum class End {
    kRunning,
    kKilled,      // died without a profile: the state is all there is
    kUnwritten,   // ended, but its profile could not be written
    kWritten,     // ended, and its profile was written; the state was kept on request
    kUnfinished,  // died while the state was being made: nothing in it
  };
  End end = End::kRunning;
  pid_t pid = 0;      // as this process sees it; of a dead one: as it saw itself
  std::string state;  // path; of a process whose state has no name here /proc/PID/mem
  // The rest is empty when unfinished.
  StateSummary summary = {};
  Wanted wanted;
  ProcessMemory memory;  // of a running one
  uint64_t age_ns = 0;   // running: since recording began; else until its last sample
  // A `tidemark record` that still runs will see to it.
  bool has_recorder = false;
};

// Running ones by PID, then the others by path.
std::vector<Recording> FindRecordings();

// Removes the states in `recordings` whose processes are dead and have no recorder, and
// returns their paths. Directories of recorders that died are removed once they are empty.
// `errors`: one line each.
std::vector<std::string> RemoveDeadStates(const std::vector<Recording>& recordings,
                                          std::vector<std::string>* errors);

// The running process that maps the file `path`, looked for among all; 0 when there is none
// (that we may see). `likely` is tried first.
pid_t FindMapper(const std::string& path, pid_t likely);

// A recorder holds this lock on its state directory while it runs.
absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path);
bool IsStateDirectoryLocked(const std::string& path);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_RECORDINGS_H_
