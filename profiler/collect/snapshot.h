// State -> profile, from outside the target.
//
// Thread class: pure functions of the state. May allocate. Errors as CopyState.

#ifndef TIDEMARK_PROFILER_COLLECT_SNAPSHOT_H_
#define TIDEMARK_PROFILER_COLLECT_SNAPSHOT_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "profiler/collect/state_reader.h"

namespace tidemark::collect {

struct SnapshotOptions {
  // exit, interval, on demand, growth, after death: the profile's tidemark.reason.
  const char* reason = "on demand";
  // The running process whose memory is described, 0 when it is gone: the profile then
  // ends at the last sample and says nothing about RSS.
  pid_t pid = 0;
  bool threads = false;  // label live rows with the thread that allocated them
};

struct Snapshot {
  std::string pprof;  // not compressed, not symbolized
  std::string comm;
  int32_t pid = 0;  // as the target sees itself; file names carry this one
  uint64_t process_id = 0;
  bool exact = false;  // not sampled
  uint64_t samples = 0;
  uint32_t seal = 0;  // state::Seal
  std::string output_directory;
};

absl::StatusOr<Snapshot> TakeSnapshot(const StateSource& source, const SnapshotOptions& options);

// The running process that uses the state file `path`, 0 when there is none (any more).
pid_t ProcessUsingState(const std::string& path);

// COMM.PID.PROCESSID.SEQ.pb.gz, see proto/file_names.h.
std::string SnapshotFileName(const Snapshot& snapshot, uint32_t sequence);

// Creates `directory` (and its parents) if it is missing and in it an empty file of the first free
// name for this snapshot, and returns its path: the name is then ours, also while the
// target writes its final profile beside it.
absl::StatusOr<std::string> ReserveSnapshotFile(const Snapshot& snapshot,
                                                const std::string& directory);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_SNAPSHOT_H_
