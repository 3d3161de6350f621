#include "profiler/collect/run_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "profiler/collect/process.h"
#include "profiler/collect/profile_finisher.h"
#include "profiler/collect/snapshot.h"
#include "profiler/collect/state_reader.h"

namespace tidemark::collect {
namespace {

// Names in `directory` that end with `suffix`, sorted; none when it cannot be read.
std::vector<std::string> List(const std::string& directory, const std::string& suffix) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_directory(opendir(directory.c_str()), closedir);
  if (open_directory == nullptr) return names;
  while (const dirent* entry = readdir(open_directory.get())) {
    if (absl::EndsWith(entry->d_name, suffix)) names.push_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
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

absl::StatusOr<std::string> WriteSnapshot(const StateSource& source, const char* reason, pid_t pid,
                                          const std::string& directory) {
  absl::StatusOr<Snapshot> snapshot = TakeSnapshot(source, {reason, pid});
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<std::string> path = ReserveSnapshotFile(*snapshot, directory);
  if (!path.ok()) return path.status();
  absl::Status status = WriteRawProfile(*path, snapshot->pprof);
  if (status.ok()) return path;
  unlink(path->c_str());
  return status;
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

RunTotals RunFiles::Totals() const {
  RunTotals totals;
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    if (!summary.ok()) continue;
    ++totals.processes;
    totals.samples += summary->totals.samples;
    totals.live_bytes += summary->totals.live_bytes;
  }
  return totals;
}

std::vector<std::string> RunFiles::Snapshot(const char* reason, std::vector<std::string>* errors) {
  std::vector<std::string> written;
  for (const std::string& path : States()) {
    absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) continue;  // it ended since we looked
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    // One that is being created comes with the next round; one that ended writes its own.
    if (!summary.ok() || summary->totals.samples == 0 ||
        summary->totals.seal != state::kSealRunning || !MapsFile(summary->header.pid, path)) {
      continue;
    }
    absl::StatusOr<std::string> profile =
        WriteSnapshot(*source, reason, summary->header.pid, output_directory_);
    if (profile.ok()) {
      written.push_back(*profile);
    } else {
      errors->push_back(std::string(profile.status().message()));
    }
  }
  return written;
}

std::vector<std::string> RunFiles::CollectRemains(std::vector<std::string>* errors,
                                                  int* still_running) {
  std::vector<std::string> written;
  *still_running = 0;
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
    if (summary->totals.seal == state::kSealRunning && MapsFile(summary->header.pid, path)) {
      ++*still_running;
      continue;
    }
    if (summary->totals.seal == state::kSealRunning ||
        summary->totals.losses[state::kLossOutputFailed] != 0) {
      const char* reason = summary->totals.seal == state::kSealRunning ? "after death" : "exit";
      absl::StatusOr<std::string> profile = WriteSnapshot(*source, reason, 0, output_directory_);
      if (!profile.ok()) {
        errors->push_back(std::string(profile.status().message()));
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

void RunFiles::RemoveStateDirectory() { rmdir(state_directory_.c_str()); }

}  // namespace tidemark::collect
