// What /proc says about a process. Errors: kNotFound (no such process),
// kPermissionDenied, kDataLoss.
//
// Thread class: pure functions of the system's state. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_PROCESS_H_
#define TIDEMARK_PROFILER_COLLECT_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tidemark::collect {

// A file descriptor that closes itself.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// "WHAT: strerror(error) (where: PATH)", with the code that fits `error`.
absl::Status SystemError(int error, const std::string& what, const std::string& path);

// The whole of a small file such as those in /proc; kResourceExhausted beyond 64 MiB.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// One line of /proc/PID/maps.
struct MapsEntry {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;
  bool readable = false;
  bool shared = false;
  uint64_t device = 0;  // as makedev() makes it
  uint64_t inode = 0;
  std::string path;  // "" for anonymous memory; " (deleted)" stays on it
};
// Lines that do not parse are skipped: the kernel may add kinds.
std::vector<MapsEntry> ParseMaps(const std::string& text);
absl::StatusOr<std::vector<MapsEntry>> ReadMaps(pid_t pid);

// Zero for what could not be read.
struct ProcessMemory {
  uint64_t rss_bytes = 0;
  uint64_t anonymous_bytes = 0;
};
ProcessMemory ReadProcessMemory(pid_t pid);

// False for a zombie too: its memory is gone.
bool IsRunning(pid_t pid);

// All there are (in this PID namespace), ascending.
std::vector<pid_t> AllProcesses();

// Whether `pid` was started with `entry` (NAME=VALUE) in its environment. False where we may
// not look.
bool WasStartedWith(pid_t pid, const std::string& entry);

// The names in `directory`, sorted; none when it cannot be read.
std::vector<std::string> DirectoryEntries(const std::string& directory);

// Whether `pid` runs and maps the file `path` (absolute, without symbolic links). A process
// whose mappings we may not see counts as one that does.
bool MapsFile(pid_t pid, const std::string& path);

// mkdir -p with mode 0700. OK when it is there already.
absl::Status MakeDirectories(const std::string& path);

// The program's name as the kernel has it, "" when the process is gone.
std::string ProcessComm(pid_t pid);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_PROCESS_H_
