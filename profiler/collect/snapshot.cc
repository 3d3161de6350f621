#include "profiler/collect/snapshot.h"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "profiler/collect/cgroup.h"
#include "profiler/collect/control.h"
#include "profiler/collect/process.h"
#include "profiler/collect/recordings.h"
#include "proto/file_names.h"
#include "proto/state_profile.h"

namespace tidemark::collect {
namespace {

uint64_t MonotonicNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

absl::StatusOr<Snapshot> TakeSnapshot(const StateSource& source, const SnapshotOptions& options) {
  absl::StatusOr<StateCopy> copy = CopyState(source);
  if (!copy.ok()) return copy.status();
  if (options.threads && options.pid != 0) copy->RenameThreads(options.pid);
  const state::Header& header = copy->header();
  const state::Totals& totals = copy->totals();

  StateProfileInfo info = {options.reason, totals.last_event_ns, 0, 0, options.threads};
  const absl::StatusOr<Wanted> wanted = ReadWanted(source, header);
  info.paused = wanted.ok() && wanted->activity != Activity::kActive;
  if (options.pid != 0) {
    const uint64_t now = MonotonicNs();
    if (now > header.start_monotonic_ns) {
      info.duration_ns = std::max(info.duration_ns, now - header.start_monotonic_ns);
    }
    const ProcessMemory memory = ReadProcessMemory(options.pid);
    info.rss_bytes = memory.rss_bytes;
    info.anonymous_bytes = memory.anonymous_bytes;
    info.memory_limit_bytes = ReadMemoryLimit(options.pid);
  }

  Snapshot snapshot;
  const Sink sink = {[](void* to, const void* data, uint64_t bytes) {
                       static_cast<std::string*>(to)->append(static_cast<const char*>(data), bytes);
                       return true;
                     },
                     &snapshot.pprof};
  const uint64_t scratch_bytes = StateProfileScratchBytes(copy->view());
  const std::unique_ptr<uint64_t[]> scratch(new uint64_t[(scratch_bytes + 7) / 8]);
  if (!WriteStateProfile(copy->view(), info, {scratch.get(), scratch_bytes}, sink)) {
    return absl::InternalError(absl::StrCat("cannot write the profile of ", source.name()));
  }
  snapshot.comm = header.comm;
  snapshot.pid = header.pid;
  snapshot.process_id = header.process_id;
  snapshot.exact = header.mode == 1;
  snapshot.samples = totals.samples;
  snapshot.seal = totals.seal;
  snapshot.output_directory = header.output_directory;
  return snapshot;
}

pid_t ProcessUsingState(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
  if (real == nullptr || !source.ok()) return 0;
  absl::StatusOr<StateSummary> summary = SummarizeState(*source);
  if (!summary.ok() || summary->totals.seal != state::kSealRunning) return 0;
  return FindMapper(real.get(), summary->header.pid);
}

std::string SnapshotFileName(const Snapshot& snapshot, uint32_t sequence) {
  char name[kMaxFileNameBytes];
  ProfileFileName(name, snapshot.comm.c_str(), static_cast<uint32_t>(snapshot.pid),
                  snapshot.process_id, sequence);
  return name;
}

absl::StatusOr<std::string> ReserveSnapshotFile(const Snapshot& snapshot,
                                                const std::string& directory) {
  absl::Status made = MakeDirectories(directory);
  if (!made.ok()) return made;
  constexpr uint32_t kMaxSequence = 1000000;
  for (uint32_t sequence = 1; sequence <= kMaxSequence; ++sequence) {
    const std::string path = absl::StrCat(directory, "/", SnapshotFileName(snapshot, sequence));
    const UniqueFd fd(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd.valid()) return path;
    if (errno != EEXIST) return SystemError(errno, "cannot create the profile", path);
  }
  return absl::ResourceExhaustedError(absl::StrCat("no free file name (where: ", directory, ")"));
}

}  // namespace tidemark::collect
