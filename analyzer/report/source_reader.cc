#include "analyzer/report/source_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "analyzer/report/node_table.h"

namespace tidemark::report {
namespace {

constexpr size_t kMaxLineBytes = 64 << 10;

// Neither a FIFO without a writer nor a terminal may stop us.
int OpenFile(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

// Go's words for errno, which begin in lower case.
std::string ErrorText(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] += 'a' - 'A';
  return text;
}

bool ReadAll(int fd, size_t bytes, std::string* text) {
  text->resize(bytes);
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = read(fd, text->data() + done, bytes - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  text->resize(done);
  return true;
}

}  // namespace

SourceReader::SourceReader(const Options& options)
    : trim_path_(options.trim_path), source_path_(options.source_path) {
  if (!source_path_.empty()) return;
  std::error_code error;
  source_path_ = std::filesystem::current_path(error).string();
}

bool SourceReader::File::Line(int64_t number, absl::string_view* text) const {
  if (number < 1 || static_cast<uint64_t>(number) > begins_.size()) return false;
  const size_t begin = begins_[static_cast<size_t>(number) - 1];
  const size_t end = std::min(text_.find('\n', begin), text_.size());
  *text = absl::string_view(text_).substr(begin, end - begin);
  absl::ConsumeSuffix(text, "\r");
  return true;
}

absl::Status SourceReader::Open(const std::string& name, int* fd, std::string* path) const {
  const std::string trimmed(TrimPath(name, trim_path_, source_path_));
  if (absl::StartsWith(trimmed, "/")) {
    *path = trimmed;
    *fd = OpenFile(*path);
    if (*fd >= 0) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("open ", trimmed, ": ", ErrorText(errno)));
  }
  for (const absl::string_view start : absl::StrSplit(source_path_, ':', absl::SkipEmpty())) {
    std::filesystem::path directory(std::string{start});
    for (;;) {
      *path = CleanPath((directory / trimmed).string());
      *fd = OpenFile(*path);
      if (*fd >= 0) return absl::OkStatus();
      const std::filesystem::path parent = directory.parent_path();
      if (parent == directory || parent.empty()) break;
      directory = parent;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("could not find file ", trimmed, " on path ", source_path_));
}

SourceReader::File SourceReader::Load(const std::string& name) const {
  File file;
  int fd = -1;
  file.status = Open(name, &fd, &file.path);
  if (!file.status.ok()) return file;
  struct stat info = {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    file.status =
        absl::FailedPreconditionError(absl::StrCat("read ", file.path, ": not a regular file"));
  } else if (static_cast<uint64_t>(info.st_size) > kMaxFileBytes) {
    file.status = absl::ResourceExhaustedError(
        absl::StrCat("read ", file.path, ": too large for source text (", info.st_size, " bytes)"));
  } else if (!ReadAll(fd, static_cast<size_t>(info.st_size), &file.text_)) {
    file.status = absl::UnavailableError(absl::StrCat("read ", file.path, ": ", ErrorText(errno)));
  } else if (file.text_.find('\0') != std::string::npos) {
    file.status =
        absl::FailedPreconditionError(absl::StrCat("read ", file.path, ": not a text file"));
  }
  close(fd);
  file.modified = info.st_mtime;
  if (!file.status.ok()) {
    file.text_.clear();
    return file;
  }
  for (size_t begin = 0; begin < file.text_.size();) {
    const size_t end = std::min(file.text_.find('\n', begin), file.text_.size());
    if (end - begin >= kMaxLineBytes) break;
    file.begins_.push_back(begin);
    begin = end + 1;
  }
  return file;
}

const SourceReader::File& SourceReader::Read(const std::string& name) {
  if (const auto it = files_.find(name); it != files_.end()) return it->second;
  File file = Load(name);
  const size_t bytes = file.text_.size() + file.begins_.size() * sizeof(size_t);
  if (cached_bytes_ + bytes > kMaxCacheBytes) {
    files_.clear();
    cached_bytes_ = 0;
  }
  cached_bytes_ += bytes;
  return files_.emplace(name, std::move(file)).first->second;
}

}  // namespace tidemark::report
