#include "profiler/collect/run_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "profiler/collect/profile_finisher.h"
#include "profiler/collect/recordings.h"
#include "profiler/collect/shell_quoted.h"
#include "profiler/collect/snapshot.h"
#include "profiler/collect/state_reader.h"

namespace tidemark::collect {
namespace {

// Names in `directory` that end with `suffix`, sorted; none when it cannot be read.
std::vector<std::string> List(const std::string& directory, const std::string& suffix) {
  std::vector<std::string> names;
  for (std::string& name : DirectoryEntries(directory)) {
    if (absl::EndsWith(name, suffix)) names.push_back(std::move(name));
  }
  return names;
}

absl::StatusOr<std::string> MakeStateDirectory(const std::string& output_directory) {
  const std::string shared = absl::StrCat("/dev/shm/tidemark-", geteuid());
  mkdir(shared.c_str(), 0700);
  struct stat info;
  const bool ours = lstat(shared.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
                    info.st_uid == geteuid() && (info.st_mode & 022) == 0;
  std::vector<std::string> templates;
  if (ours) templates.push_back(shared + "/record.XXXXXX");
  templates.push_back(output_directory + "/.state.XXXXXX");
  for (std::string& name : templates) {
    if (mkdtemp(name.data()) != nullptr) return name;
  }
  return SystemError(errno, "cannot create a directory for the states", templates.back());
}

absl::StatusOr<std::string> WriteSnapshot(const StateSource& source, const SnapshotOptions& options,
                                          const std::string& directory) {
  absl::StatusOr<Snapshot> snapshot = TakeSnapshot(source, options);
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<std::string> path = ReserveSnapshotFile(*snapshot, directory);
  if (!path.ok()) return path.status();
  absl::Status status = WriteRawProfile(*path, snapshot->pprof);
  if (status.ok()) return path;
  unlink(path->c_str());
  return status;
}

// A daemon that was just forked makes its state at its first allocation: how long it is
// waited for. One that never allocates costs the end of a run this much.
constexpr std::chrono::milliseconds kStateAwaited(1000);

bool MapsAny(pid_t pid, const std::function<bool(const std::string& path)>& matches) {
  const absl::StatusOr<std::vector<MapsEntry>> maps = ReadMaps(pid);
  return maps.ok() && std::any_of(maps->begin(), maps->end(),
                                  [&](const MapsEntry& entry) { return matches(entry.path); });
}

uint64_t Lost(const state::Totals& totals) {
  return std::accumulate(std::begin(totals.losses), std::end(totals.losses), uint64_t{0});
}

bool RecordedAnything(const StateSummary& summary) {
  return summary.header.mode == 1 ? summary.totals.exact_site_count != 0
                                  : summary.totals.samples != 0;
}

}  // namespace

absl::StatusOr<RunFiles> RunFiles::Create(const std::string& output_directory) {
  absl::Status made = MakeDirectories(output_directory);
  if (!made.ok()) return made;
  const std::unique_ptr<char, void (*)(void*)> absolute(realpath(output_directory.c_str(), nullptr),
                                                        std::free);
  struct stat info;
  if (absolute == nullptr || stat(absolute.get(), &info) != 0) {
    return SystemError(errno, "cannot use the output directory", output_directory);
  }
  if (!S_ISDIR(info.st_mode)) {
    return SystemError(ENOTDIR, "cannot use the output directory", output_directory);
  }
  if (access(absolute.get(), W_OK | X_OK) != 0) {
    return SystemError(errno, "cannot write to the output directory", output_directory);
  }
  RunFiles files;
  files.output_directory_ = absolute.get();
  absl::StatusOr<std::string> state_directory = MakeStateDirectory(files.output_directory_);
  if (!state_directory.ok()) return state_directory.status();
  files.state_directory_ = *state_directory;
  absl::StatusOr<UniqueFd> lock = LockStateDirectory(*state_directory);
  if (!lock.ok()) {
    rmdir(state_directory->c_str());
    return lock.status();
  }
  files.state_directory_lock_ = *std::move(lock);
  for (std::string& name : List(files.output_directory_, ".pb.gz")) {
    files.earlier_profiles_.insert(std::move(name));
  }
  return files;
}

std::vector<std::string> RunFiles::States() const {
  std::vector<std::string> paths;
  for (const std::string& name : List(state_directory_, ".state")) {
    paths.push_back(absl::StrCat(state_directory_, "/", name));
  }
  return paths;
}

RunTotals RunFiles::Totals() {
  RunTotals totals;
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    if (!summary.ok()) continue;
    ++totals.processes;
    totals.live_bytes += summary->totals.live_bytes;
    See(path, summary->totals);
  }
  for (const auto& [path, seen] : seen_) {
    totals.samples += seen.samples;
    totals.lost += seen.lost;
  }
  return totals;
}

void RunFiles::See(const std::string& path, const state::Totals& totals) {
  Seen& seen = seen_[path];
  seen.samples = totals.samples;
  seen.lost = Lost(totals);
}

void RunFiles::DropFinished() {
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    if (!summary.ok() || summary->totals.seal == state::kSealRunning ||
        summary->totals.losses[state::kLossOutputFailed] != 0) {
      continue;
    }
    // An exec may yet fail, and the recording goes on then.
    if (summary->totals.seal == state::kSealExec && MapsFile(summary->header.pid, path)) continue;
    See(path, summary->totals);
    unlink(path.c_str());
  }
}

std::string RunFiles::SnapshotOne(const std::string& path, const char* reason,
                                  std::vector<std::string>* errors) {
  absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
  if (!source.ok()) return "";  // it ended since we looked
  absl::StatusOr<StateSummary> summary = SummarizeState(*source);
  // One that is being created comes with the next round; one that ended writes its own.
  if (!summary.ok() || !RecordedAnything(*summary) || summary->totals.seal != state::kSealRunning) {
    return "";
  }
  const pid_t pid = FindMapper(path, summary->header.pid);
  if (pid == 0) return "";
  seen_[path].live_bytes_at_profile = summary->totals.live_bytes;
  absl::StatusOr<std::string> profile =
      WriteSnapshot(*source, {reason, pid, threads_}, output_directory_);
  if (profile.ok()) return *profile;
  errors->push_back(std::string(profile.status().message()));
  return "";
}

std::vector<std::string> RunFiles::Snapshot(const char* reason, std::vector<std::string>* errors) {
  std::vector<std::string> written;
  for (const std::string& path : States()) {
    std::string profile = SnapshotOne(path, reason, errors);
    if (!profile.empty()) written.push_back(std::move(profile));
  }
  return written;
}

std::vector<std::string> RunFiles::SnapshotGrown(uint64_t bytes, std::vector<std::string>* errors) {
  std::vector<std::string> written;
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    if (!summary.ok()) continue;
    const uint64_t then = seen_[path].live_bytes_at_profile;
    const uint64_t now = summary->totals.live_bytes;
    if (now < then || now - then < bytes) continue;
    std::string profile = SnapshotOne(path, "growth", errors);
    if (!profile.empty()) written.push_back(std::move(profile));
  }
  return written;
}

std::vector<pid_t> RunFiles::Survivors() const {
  std::vector<pid_t> pids;
  const std::string entry = absl::StrCat("TIDEMARK_STATE=", state_directory_);
  for (const pid_t pid : AllProcesses()) {
    // Servers write their titles over their environment; a child that was just forked still
    // maps its parent's state.
    if (IsRunning(pid) &&
        (WasStartedWith(pid, entry) || MapsAny(pid, [this](const std::string& path) {
           return absl::StartsWith(path, state_directory_ + "/");
         }))) {
      pids.push_back(pid);
    }
  }
  return pids;
}

void RunFiles::AwaitStatesOf(const std::vector<pid_t>& pids) const {
  const auto end = std::chrono::steady_clock::now() + kStateAwaited;
  const auto lacks_state = [this](pid_t pid) {
    const std::string own = absl::StrCat(state_directory_, "/", pid, ".");
    return MapsAny(
               pid,
               [](const std::string& path) { return absl::EndsWith(path, "/libtidemark.so"); }) &&
           !MapsAny(pid, [&own](const std::string& path) { return absl::StartsWith(path, own); });
  };
  while (std::any_of(pids.begin(), pids.end(), lacks_state) &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::vector<std::string> RunFiles::CollectRemains(std::vector<std::string>* errors,
                                                  std::vector<RunningProcess>* still_running) {
  const std::vector<pid_t> survivors = Survivors();
  AwaitStatesOf(survivors);
  std::vector<std::string> written;
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    // A state that never became ready has nothing in it.
    if (absl::IsUnavailable(summary.status())) {
      unlink(path.c_str());
      continue;
    }
    if (!summary.ok()) {
      errors->push_back(std::string(summary.status().message()));
      continue;
    }
    const bool sealed = summary->totals.seal != state::kSealRunning;
    if (!sealed) {
      const pid_t pid = FindMapper(path, summary->header.pid);
      if (pid != 0) {
        still_running->push_back({pid, ProcessComm(pid)});
        continue;
      }
    }
    if (!sealed || summary->totals.losses[state::kLossOutputFailed] != 0) {
      absl::StatusOr<std::string> profile =
          WriteSnapshot(*source, {sealed ? "exit" : "after death", 0, threads_}, output_directory_);
      if (!profile.ok()) {
        errors->push_back(std::string(profile.status().message()));
        errors->push_back(absl::StrCat("what was recorded is kept; next: tidemark convert ",
                                       ShellQuoted(path), " -o ", summary->header.pid, ".pb.gz"));
        continue;
      }
      written.push_back(*profile);
    }
    unlink(path.c_str());
  }
  return written;
}

std::vector<std::string> RunFiles::NewRawProfiles() const {
  std::vector<std::string> paths;
  for (const std::string& name : List(output_directory_, ".pb.gz")) {
    const std::string path = absl::StrCat(output_directory_, "/", name);
    if (!earlier_profiles_.contains(name) && IsRawProfile(path)) paths.push_back(path);
  }
  return paths;
}

void RunFiles::RemoveStateDirectory() {
  // Who runs on may start programs yet that look for it.
  if (Survivors().empty()) rmdir(state_directory_.c_str());
}

}  // namespace tidemark::collect
