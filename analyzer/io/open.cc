#include "analyzer/io/open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/formats.h"
#include "analyzer/io/inflate.h"

namespace tidemark::io {
namespace {

constexpr size_t kMaxFileBytes = size_t{16} << 30;

absl::Status SystemError(absl::string_view what, absl::string_view path) {
  const int error = errno;
  // The code from errno, the text in the order of all our errors.
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(what, ": ", strerror(error), " (where: ", path, ")"));
}

absl::Status TooLarge(absl::string_view path) {
  return absl::ResourceExhaustedError(absl::StrCat("reading the profile: larger than ",
                                                   kMaxFileBytes, " bytes (where: ", path, ")"));
}

// Reads to the end of `fd`, whatever it is: sizes of pipes and /proc files are unknown.
absl::StatusOr<Buffer> ReadAll(int fd, absl::string_view path, size_t expected_bytes) {
  Buffer out;
  size_t capacity = std::max<size_t>(expected_bytes + 1, 64 << 10);
  out.data.reset(new char[capacity]);
  while (true) {
    if (out.size == capacity) {
      if (capacity >= kMaxFileBytes) {
        return TooLarge(path);
      }
      capacity *= 2;
      std::unique_ptr<char[]> larger(new char[capacity]);
      std::memcpy(larger.get(), out.data.get(), out.size);
      out.data = std::move(larger);
    }
    const ssize_t n = read(fd, out.data.get() + out.size, capacity - out.size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("reading the profile", path);
    if (n == 0) return out;
    out.size += static_cast<size_t>(n);
  }
}

absl::StatusOr<Buffer> ReadFile(const std::string& path) {
  if (path == "-") return ReadAll(STDIN_FILENO, "standard input", 0);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("opening the profile", path);
  struct stat info;
  absl::StatusOr<Buffer> out = absl::InvalidArgumentError(
      absl::StrCat("opening the profile: this is a directory (where: ", path, ")"));
  if (fstat(fd, &info) != 0) {
    out = SystemError("opening the profile", path);
  } else if (static_cast<uint64_t>(info.st_size) > kMaxFileBytes) {
    out = TooLarge(path);
  } else if (!S_ISDIR(info.st_mode)) {
    out = ReadAll(fd, path, static_cast<size_t>(info.st_size));
  }
  close(fd);
  return out;
}

// What the bytes are, when they are something well known that is not a profile.
const char* NotAProfile(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "TDMARKE1")) return "a Tidemark state file, not a profile";
  if (absl::StartsWith(bytes,
                       "\x7f"
                       "ELF"))
    return "a program or core file, not a profile";
  if (absl::StartsWith(bytes, "PERFILE2")) return "perf.data, which is not supported";
  if (absl::StartsWith(bytes, "{") || absl::StartsWith(bytes, "<")) return "text, not a profile";
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadUncompressed(absl::string_view bytes,
                                                                absl::string_view where,
                                                                Progress* progress) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("reading the profile: empty file (where: ", where, ")"));
  }
  if (const char* what = NotAProfile(bytes); what != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("reading the profile: this is ", what,
                                                   " (where: ", where, ", byte offset 0)"));
  }
  return FormatOf(bytes).read(bytes, where, progress);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Profile>> OpenBytes(absl::string_view bytes,
                                                         absl::string_view name,
                                                         Progress* progress) {
  if (!IsGzip(bytes)) return ReadUncompressed(bytes, name, progress);
  absl::StatusOr<Buffer> inflated = Gunzip(bytes, InflateLimit(bytes.size()));
  if (!inflated.ok()) {
    return absl::Status(
        inflated.status().code(),
        absl::StrCat("reading the profile: ", inflated.status().message(), " (where: ", name, ")"));
  }
  return ReadUncompressed(inflated->view(), absl::StrCat(name, ", inflated"), progress);
}

absl::StatusOr<std::shared_ptr<const Profile>> OpenFile(const std::string& path,
                                                        Progress* progress) {
  const absl::StatusOr<Buffer> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  return OpenBytes(bytes->view(), path == "-" ? "standard input" : absl::string_view(path),
                   progress);
}

}  // namespace tidemark::io
