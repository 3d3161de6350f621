#include "analyzer/io/open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/byte_source.h"
#include "analyzer/io/formats.h"
#include "analyzer/io/heaptrack_reader.h"
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
  return absl::ResourceExhaustedError(absl::StrCat("reading the profile: larger than memory or ",
                                                   kMaxFileBytes, " bytes (where: ", path, ")"));
}

// Enough to tell what it is, however it is packed.
constexpr size_t kHeadBytes = 64 << 10;

// Reads on until `buffer` holds `enough` bytes or `fd` ends, whatever it is: sizes of pipes
// and /proc files are unknown. `buffer.size` is what was read, `capacity` what fits.
// `next_capacity` is what it grows to when it must.
absl::Status ReadMore(int fd, absl::string_view path, size_t enough, size_t next_capacity,
                      Buffer& buffer, size_t& capacity) {
  while (buffer.size < enough) {
    if (buffer.size == capacity) {
      capacity = std::max(capacity * 2, next_capacity);
      if (capacity > kMaxFileBytes) return TooLarge(path);
      std::unique_ptr<char[]> larger(new (std::nothrow) char[capacity]);
      if (larger == nullptr) return TooLarge(path);
      if (buffer.size > 0) std::memcpy(larger.get(), buffer.data.get(), buffer.size);
      buffer.data = std::move(larger);
    }
    const ssize_t n = read(fd, buffer.data.get() + buffer.size, capacity - buffer.size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("reading the profile", path);
    if (n == 0) break;
    buffer.size += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

bool StartsAsHeaptrack(absl::string_view head, Packing packing) {
  constexpr size_t kFirstLineBytes = 16;
  const std::unique_ptr<ByteSource> text = InflatingSource(packing, MemorySource(head));
  char line[kFirstLineBytes];
  size_t size = 0;
  while (size < sizeof(line)) {
    const absl::StatusOr<size_t> n = text->Read(line + size, sizeof(line) - size);
    if (!n.ok() || *n == 0) break;
    size += *n;
  }
  return IsHeaptrack(absl::string_view(line, size));
}

// `source` is packed; `size_bytes` is what it will give, 0 if that is unknown.
absl::StatusOr<std::shared_ptr<const Profile>> ReadRecording(std::unique_ptr<ByteSource> source,
                                                             Packing packing, size_t size_bytes,
                                                             absl::string_view name,
                                                             Progress* progress) {
  if (progress != nullptr) progress->total.store(size_bytes, std::memory_order_relaxed);
  const std::unique_ptr<ByteSource> text = InflatingSource(packing, std::move(source));
  return ReadHeaptrack(
      *text, packing == Packing::kNone ? std::string(name) : absl::StrCat(name, ", inflated"),
      progress);
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

// What is no stream: a whole file in memory.
absl::StatusOr<std::shared_ptr<const Profile>> ReadWhole(absl::string_view bytes,
                                                         absl::string_view name,
                                                         Progress* progress) {
  const Packing packing = PackingOf(bytes);
  if (packing == Packing::kNone) return ReadUncompressed(bytes, name, progress);
  const size_t limit = InflateLimit(bytes.size());
  const absl::StatusOr<Buffer> inflated =
      packing == Packing::kGzip ? Gunzip(bytes, limit) : Unzstd(bytes, limit);
  if (!inflated.ok()) {
    return absl::Status(
        inflated.status().code(),
        absl::StrCat("reading the profile: ", inflated.status().message(), " (where: ", name, ")"));
  }
  return ReadUncompressed(inflated->view(), absl::StrCat(name, ", inflated"), progress);
}

absl::StatusOr<std::shared_ptr<const Profile>> OpenDescriptor(int fd, size_t expected_bytes,
                                                              absl::string_view name,
                                                              Progress* progress) {
  Buffer bytes;
  size_t capacity = 0;
  if (const absl::Status status = ReadMore(fd, name, kHeadBytes, kHeadBytes, bytes, capacity);
      !status.ok()) {
    return status;
  }
  const Packing packing = PackingOf(bytes.view());
  if (StartsAsHeaptrack(bytes.view(), packing)) {
    return ReadRecording(DescriptorSource(bytes.view(), fd), packing, expected_bytes, name,
                         progress);
  }
  if (const absl::Status status = ReadMore(fd, name, std::numeric_limits<size_t>::max(),
                                           expected_bytes + 1, bytes, capacity);
      !status.ok()) {
    return status;
  }
  return ReadWhole(bytes.view(), name, progress);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Profile>> OpenBytes(absl::string_view bytes,
                                                         absl::string_view name,
                                                         Progress* progress) {
  const Packing packing = PackingOf(bytes);
  if (StartsAsHeaptrack(bytes.substr(0, kHeadBytes), packing)) {
    return ReadRecording(MemorySource(bytes), packing, bytes.size(), name, progress);
  }
  return ReadWhole(bytes, name, progress);
}

absl::StatusOr<std::shared_ptr<const Profile>> OpenFile(const std::string& path,
                                                        Progress* progress) {
  if (path == "-") return OpenDescriptor(STDIN_FILENO, 0, "standard input", progress);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("opening the profile", SourceName(path));
  struct stat info;
  absl::StatusOr<std::shared_ptr<const Profile>> out = absl::InvalidArgumentError(
      absl::StrCat("opening the profile: this is a directory (where: ", path, ")"));
  if (fstat(fd, &info) != 0) {
    out = SystemError("opening the profile", path);
  } else if (!S_ISDIR(info.st_mode)) {
    out = OpenDescriptor(fd, static_cast<size_t>(info.st_size), path, progress);
  }
  close(fd);
  return out;
}

std::optional<Url> UrlOfSource(const std::string& source) {
  struct stat info;
  if (source == "-" || stat(source.c_str(), &info) == 0 || errno != ENOENT) return std::nullopt;
  return ParseUrl(source);
}

absl::StatusOr<std::shared_ptr<const Profile>> OpenSource(const std::string& source,
                                                          const FetchOptions& options,
                                                          Progress* progress) {
  const std::optional<Url> url = UrlOfSource(source);
  if (!url.has_value()) return OpenFile(source, progress);
  const absl::StatusOr<Buffer> answer = Fetch(*url, options, progress);
  if (!answer.ok()) return answer.status();
  return OpenBytes(answer->view(), ToText(WithOptions(*url, options)), progress);
}

}  // namespace tidemark::io
