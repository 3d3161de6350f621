// The files of one recorded run: states of its processes while they run, and profiles.
//
// The states of a run lie in a directory of their own, so that those of killed processes
// and of short-lived children are found without following the process tree.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_
#define TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "profiler/collect/process.h"
#include "proto/state.h"

namespace tidemark::collect {

// What the processes of a run add up to.
struct RunTotals {
  uint64_t processes = 0;   // that have a state now
  uint64_t live_bytes = 0;  // of these; an estimate
  uint64_t samples = 0;     // of all that were seen so far, as is
  uint64_t lost = 0;        // all losses together
};

// A process that runs on when the run is over: it was put into the background.
struct RunningProcess {
  pid_t pid;
  std::string comm;
};

class RunFiles {
 public:
  // Creates `output_directory` if missing and a fresh state directory: under
  // /dev/shm/tidemark-UID/, or in the output directory where that is impossible.
  static absl::StatusOr<RunFiles> Create(const std::string& output_directory);

  const std::string& output_directory() const { return output_directory_; }  // absolute
  const std::string& state_directory() const { return state_directory_; }

  RunTotals Totals();

  // Writes a raw profile of every running process that recorded something; returns the
  // paths. `errors`, if any, one line each.
  std::vector<std::string> Snapshot(const char* reason, std::vector<std::string>* errors);
  // The same, of each process whose live heap has grown by `bytes` since its last profile
  // (or its start).
  std::vector<std::string> SnapshotGrown(uint64_t bytes, std::vector<std::string>* errors);

  // Removes the states of processes that ended and wrote their profiles: a build runs
  // thousands, and states are memory.
  void DropFinished();

  // After the run: writes a profile for each process that died before it could, and
  // removes the states of all that ended, unless that profile could not be written.
  std::vector<std::string> CollectRemains(std::vector<std::string>* errors,
                                          std::vector<RunningProcess>* still_running);

  // Raw profiles that the library wrote since Create(), by name.
  std::vector<std::string> NewRawProfiles() const;

  // Removes the state directory if it is empty and none of the run's processes is left.
  void RemoveStateDirectory();

  // Profiles made here label live rows with threads.
  void set_threads(bool threads) { threads_ = threads; }

 private:
  // What was seen of one state, which may be gone since.
  struct Seen {
    uint64_t samples = 0;
    uint64_t lost = 0;
    uint64_t live_bytes_at_profile = 0;
  };

  RunFiles() = default;
  // Notes what `path` holds just now.
  void See(const std::string& path, const state::Totals& totals);
  std::vector<std::string> States() const;
  // Running processes that were started in this run, whether they record or not.
  std::vector<pid_t> Survivors() const;
  // Waits a moment until those of `pids` that have the recorder have states too.
  void AwaitStatesOf(const std::vector<pid_t>& pids) const;
  // A profile of the running process behind `path`, if there is one and it recorded
  // anything; "" if not.
  std::string SnapshotOne(const std::string& path, const char* reason,
                          std::vector<std::string>* errors);

  std::string output_directory_;
  std::string state_directory_;
  UniqueFd state_directory_lock_;
  bool threads_ = false;
  std::set<std::string> earlier_profiles_;
  std::map<std::string, Seen> seen_;  // by path
};

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_
