#include "analyzer/cli/graphviz.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tidemark::cli {
namespace {

// A file in memory: what a child reads and writes without either side waiting for the other.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("tidemark-dot", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  bool Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return lseek(fd_, 0, SEEK_SET) == 0;
  }

  std::string Contents() const {
    std::string bytes;
    char buffer[16384];
    for (;;) {
      const ssize_t n = pread(fd_, buffer, sizeof(buffer), static_cast<off_t>(bytes.size()));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return bytes;
      bytes.append(buffer, static_cast<size_t>(n));
    }
  }

 private:
  const int fd_;
};

absl::Status Failed(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("drawing the graph: ", why, " (where: dot -Tsvg)"));
}

// Runs dot and returns its wait status; a negative errno when it could not be run.
int RunDot(const MemoryFile& in, const MemoryFile& out, const MemoryFile& errors) {
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) return -error;
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.fd(), STDERR_FILENO);
  char program[] = "dot";
  char format[] = "-Tsvg";
  char* const arguments[] = {program, format, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -error;
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return status;
}

}  // namespace

absl::StatusOr<std::string> DotToSvg(absl::string_view dot) {
  MemoryFile in, out, errors;
  if (in.fd() < 0 || out.fd() < 0 || errors.fd() < 0 || !in.Write(dot)) {
    return Failed(std::strerror(errno));
  }
  const int status = RunDot(in, out, errors);
  if (status == -ENOENT) return Failed("Graphviz is not installed");
  if (status < 0) return Failed(std::strerror(-status));
  std::string svg = out.Contents();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !svg.empty()) return svg;
  const std::string said = errors.Contents();
  const std::pair<absl::string_view, absl::string_view> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(said), absl::MaxSplits('\n', 1));
  if (!lines.first.empty()) return Failed(lines.first);
  return Failed(WIFSIGNALED(status) ? absl::StrCat("killed by signal ", WTERMSIG(status))
                                    : absl::StrCat("exit status ", WEXITSTATUS(status)));
}

}  // namespace tidemark::cli
