// The files of one recorded run: states of its processes while they run, and profiles.
//
// The states of a run lie in a directory of their own, so that those of killed processes
// and of short-lived children are found without following the process tree.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_
#define TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tidemark::collect {

// What the states of a run add up to.
struct RunTotals {
  uint64_t processes = 0;
  uint64_t samples = 0;
  uint64_t live_bytes = 0;  // estimate
};

class RunFiles {
 public:
  // Creates `output_directory` if missing and a fresh state directory: under
  // /dev/shm/tidemark-UID/, or in the output directory where that is impossible.
  static absl::StatusOr<RunFiles> Create(const std::string& output_directory);

  const std::string& output_directory() const { return output_directory_; }  // absolute
  const std::string& state_directory() const { return state_directory_; }

  RunTotals Totals() const;

  // Writes a raw profile of every running process that took a sample; returns the paths.
  // `errors`, if any, one line each.
  std::vector<std::string> Snapshot(const char* reason, std::vector<std::string>* errors);

  // After the run: writes a profile for each process that died before it could, and
  // removes the states of all that ended. Counts processes that still run.
  std::vector<std::string> CollectRemains(std::vector<std::string>* errors, int* still_running);

  // Raw profiles that the library wrote since Create(), by name.
  std::vector<std::string> NewRawProfiles() const;

  // Removes the state directory if it is empty.
  void RemoveStateDirectory();

 private:
  RunFiles() = default;
  std::vector<std::string> States() const;

  std::string output_directory_;
  std::string state_directory_;
  std::set<std::string> earlier_profiles_;
};

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_RUN_FILES_H_
