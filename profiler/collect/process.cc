#include "profiler/collect/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tidemark::collect {
namespace {

std::string ProcPath(pid_t pid, const char* name) { return absl::StrCat("/proc/", pid, "/", name); }

// The number of kibibytes after "KEY:" in a file such as /proc/PID/status, in bytes.
uint64_t KibibytesField(const std::string& text, const std::string& key) {
  const size_t at = text.find(absl::StrCat("\n", key, ":"));
  if (at == std::string::npos) return 0;
  unsigned long long value = 0;
  if (std::sscanf(text.c_str() + at + key.size() + 2, "%llu kB", &value) != 1) return 0;
  return value * 1024;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

absl::Status SystemError(int error, const std::string& what, const std::string& path) {
  const std::string message =
      absl::StrCat(what, ": ", std::strerror(error), " (where: ", path, ")");
  switch (error) {
    case ENOENT:
    case ESRCH:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  constexpr size_t kLimit = 64 << 20;
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError(errno, "cannot read", path);
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "cannot read", path);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kLimit) {
      return absl::ResourceExhaustedError(absl::StrCat("file is too large (where: ", path, ")"));
    }
  }
}

std::vector<MapsEntry> ParseMaps(const std::string& text) {
  std::vector<MapsEntry> entries;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::string copy(line);
    unsigned long long start, limit, offset, inode;
    unsigned major_number, minor_number;
    char permissions[5];
    int path_at = 0;
    if (std::sscanf(copy.c_str(), "%llx-%llx %4s %llx %x:%x %llu %n", &start, &limit, permissions,
                    &offset, &major_number, &minor_number, &inode, &path_at) != 7) {
      continue;
    }
    MapsEntry entry;
    entry.start = start;
    entry.limit = limit;
    entry.offset = offset;
    entry.readable = permissions[0] == 'r';
    entry.shared = permissions[3] == 's';
    entry.device = makedev(major_number, minor_number);
    entry.inode = inode;
    entry.path = copy.substr(static_cast<size_t>(path_at));
    entries.push_back(entry);
  }
  return entries;
}

absl::StatusOr<std::vector<MapsEntry>> ReadMaps(pid_t pid) {
  const std::string path = ProcPath(pid, "maps");
  absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) {
    if (absl::IsNotFound(text.status()) || absl::IsUnavailable(text.status())) {
      return absl::NotFoundError(absl::StrCat("no such process (where: ", path, ")"));
    }
    if (absl::IsPermissionDenied(text.status())) {
      return absl::PermissionDeniedError(absl::StrCat("process ", pid, " (", ProcessComm(pid),
                                                      ") is not yours to look into (where: ", path,
                                                      ")"));
    }
    return text.status();
  }
  return ParseMaps(*text);
}

ProcessMemory ReadProcessMemory(pid_t pid) {
  ProcessMemory memory;
  // smaps_rollup counts anonymous pages of private file mappings too, but needs more
  // rights than status and does not exist everywhere.
  absl::StatusOr<std::string> rollup = ReadSmallFile(ProcPath(pid, "smaps_rollup"));
  if (rollup.ok()) {
    memory.rss_bytes = KibibytesField(*rollup, "Rss");
    memory.anonymous_bytes = KibibytesField(*rollup, "Anonymous");
  }
  if (memory.rss_bytes != 0) return memory;
  absl::StatusOr<std::string> status = ReadSmallFile(ProcPath(pid, "status"));
  if (status.ok()) {
    memory.rss_bytes = KibibytesField(*status, "VmRSS");
    memory.anonymous_bytes = KibibytesField(*status, "RssAnon");
  }
  return memory;
}

bool IsRunning(pid_t pid) {
  absl::StatusOr<std::string> stat = ReadSmallFile(ProcPath(pid, "stat"));
  if (!stat.ok()) return false;
  // The name in parentheses may hold anything; the state follows its last ')'.
  const size_t close_at = stat->rfind(") ");
  if (close_at == std::string::npos || close_at + 2 >= stat->size()) return false;
  const char state = (*stat)[close_at + 2];
  return state != 'Z' && state != 'X';
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  for (const std::string& name : DirectoryEntries("/proc")) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(name, &pid) && pid > 0) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

bool WasStartedWith(pid_t pid, const std::string& entry) {
  const absl::StatusOr<std::string> environment = ReadSmallFile(ProcPath(pid, "environ"));
  if (!environment.ok()) return false;
  // Each entry ends in a NUL.
  return absl::StrContains(std::string(1, '\0') + *environment,
                           std::string(1, '\0') + entry + std::string(1, '\0'));
}

std::vector<std::string> DirectoryEntries(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_directory(opendir(directory.c_str()), closedir);
  if (open_directory == nullptr) return names;
  while (const dirent* entry = readdir(open_directory.get())) names.push_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

bool MapsFile(pid_t pid, const std::string& path) {
  if (!IsRunning(pid)) return false;
  absl::StatusOr<std::vector<MapsEntry>> maps = ReadMaps(pid);
  if (!maps.ok()) return absl::IsPermissionDenied(maps.status());
  return std::any_of(maps->begin(), maps->end(),
                     [&](const MapsEntry& entry) { return entry.path == path; });
}

absl::Status MakeDirectories(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return SystemError(errno, "cannot create the directory", part);
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

std::string ProcessComm(pid_t pid) {
  absl::StatusOr<std::string> comm = ReadSmallFile(ProcPath(pid, "comm"));
  if (!comm.ok()) return "";
  if (!comm->empty() && comm->back() == '\n') comm->pop_back();
  return *comm;
}

}  // namespace tidemark::collect
