#include "profiler/collect/recordings.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tidemark::collect {
namespace {

constexpr char kSharedMemory[] = "/dev/shm";
// A state that is not mapped yet, and a directory without one, may be in the making.
constexpr time_t kInTheMakingSeconds = 10;

using FileId = std::pair<dev_t, ino_t>;

// Whether `own_pid` is what process `pid` itself takes for its PID, in its own namespace. A
// vfork child maps its parent's state, which is not one of its own.
bool SeesItselfAs(pid_t pid, pid_t own_pid) {
  const absl::StatusOr<std::string> status = ReadSmallFile(absl::StrCat("/proc/", pid, "/status"));
  if (!status.ok()) return false;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::StartsWith(line, "NSpid:")) continue;
    pid_t innermost = 0;
    const size_t last = line.find_last_of("\t ");
    return absl::SimpleAtoi(line.substr(last + 1), &innermost) && innermost == own_pid;
  }
  return pid == own_pid;
}

uint64_t SinceStart(const state::Header& header) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  const uint64_t now =
      static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
  return now > header.start_monotonic_ns ? now - header.start_monotonic_ns : 0;
}

// What one look at the system finds.
class Search {
 public:
  std::vector<Recording> Run() {
    for (const pid_t pid : AllProcesses()) AddProcess(pid);
    for (const std::string& name : DirectoryEntries(kSharedMemory)) {
      if (absl::StartsWith(name, "tidemark-")) AddDirectory(absl::StrCat(kSharedMemory, "/", name));
    }
    return std::move(found_);
  }

 private:
  void AddProcess(pid_t pid) {
    const absl::StatusOr<StateSource> source = StateSource::OpenProcess(pid);
    if (!source.ok()) return;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    if (!summary.ok() || !SeesItselfAs(pid, summary->header.pid)) return;
    const absl::StatusOr<Wanted> wanted = ReadWanted(*source, summary->header);
    if (!wanted.ok()) return;
    struct stat info;
    if (stat(source->name().c_str(), &info) == 0) in_use_.insert({info.st_dev, info.st_ino});
    Recording r;
    r.pid = pid;
    r.state = source->name();
    r.age_ns = SinceStart(summary->header);
    r.summary = *std::move(summary);
    r.wanted = *wanted;
    r.memory = ReadProcessMemory(pid);
    found_.push_back(std::move(r));
  }

  // The states in `directory`, and in those of recorders below it.
  void AddDirectory(const std::string& directory) {
    const bool has_recorder = IsStateDirectoryLocked(directory);
    for (const std::string& name : DirectoryEntries(directory)) {
      const std::string path = absl::StrCat(directory, "/", name);
      if (absl::EndsWith(name, ".state")) {
        AddFile(path, has_recorder);
      } else if (absl::StartsWith(name, "record.")) {
        AddDirectory(path);
      }
    }
  }

  void AddFile(const std::string& path, bool has_recorder) {
    struct stat info;
    if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        in_use_.contains({info.st_dev, info.st_ino})) {
      return;
    }
    const absl::StatusOr<StateSource> source = StateSource::OpenFile(path);
    if (!source.ok()) return;
    absl::StatusOr<StateSummary> summary = SummarizeState(*source);
    Recording r;
    r.state = path;
    r.has_recorder = has_recorder;
    if (absl::IsUnavailable(summary.status())) {
      if (time(nullptr) - info.st_mtime < kInTheMakingSeconds) return;
      r.end = Recording::End::kUnfinished;
      found_.push_back(std::move(r));
      return;
    }
    if (!summary.ok()) return;  // not ours to judge: another version's, or no state at all
    // One whose mappings we may not see was not found above.
    if (MapsFile(summary->header.pid, path)) return;
    r.pid = summary->header.pid;
    r.age_ns = summary->totals.last_event_ns;
    if (summary->totals.seal == state::kSealRunning) {
      r.end = Recording::End::kKilled;
    } else {
      r.end = summary->totals.losses[state::kLossOutputFailed] != 0 ? Recording::End::kUnwritten
                                                                    : Recording::End::kWritten;
    }
    r.summary = *std::move(summary);
    found_.push_back(std::move(r));
  }

  std::vector<Recording> found_;
  std::set<FileId> in_use_;
};

}  // namespace

std::vector<Recording> FindRecordings() { return Search().Run(); }

std::vector<std::string> RemoveDeadStates(const std::vector<Recording>& recordings,
                                          std::vector<std::string>* errors) {
  std::vector<std::string> removed;
  for (const Recording& r : recordings) {
    if (r.end == Recording::End::kRunning || r.has_recorder) continue;
    if (unlink(r.state.c_str()) == 0) {
      removed.push_back(r.state);
    } else if (errno != ENOENT) {
      errors->push_back(std::string(SystemError(errno, "cannot remove", r.state).message()));
    }
  }
  for (const std::string& name : DirectoryEntries(kSharedMemory)) {
    if (!absl::StartsWith(name, "tidemark-")) continue;
    const std::string directory = absl::StrCat(kSharedMemory, "/", name);
    for (const std::string& below : DirectoryEntries(directory)) {
      const std::string path = absl::StrCat(directory, "/", below);
      struct stat info;
      if (absl::StartsWith(below, "record.") && lstat(path.c_str(), &info) == 0 &&
          time(nullptr) - info.st_ctime >= kInTheMakingSeconds && !IsStateDirectoryLocked(path)) {
        rmdir(path.c_str());  // fails while something is in it, as it should
      }
    }
  }
  return removed;
}

pid_t FindMapper(const std::string& path, pid_t likely) {
  if (MapsFile(likely, path)) return likely;
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return 0;
  for (const pid_t pid : AllProcesses()) {
    const absl::StatusOr<std::vector<MapsEntry>> maps = ReadMaps(pid);
    if (!maps.ok()) continue;
    const bool is_mapped = std::any_of(maps->begin(), maps->end(), [&](const MapsEntry& entry) {
      return entry.inode == info.st_ino && entry.device == info.st_dev;
    });
    if (is_mapped && SeesItselfAs(pid, likely)) return pid;
  }
  return 0;
}

absl::StatusOr<UniqueFd> LockStateDirectory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int result = -1;
  do {  // who looks whether it is locked holds it for a moment
    result = fd.valid() ? flock(fd.get(), LOCK_EX) : -1;
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    return SystemError(errno, "cannot lock the directory for the states", path);
  }
  return fd;
}

bool IsStateDirectoryLocked(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return fd.valid() && flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace tidemark::collect
