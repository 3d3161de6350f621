#include "analyzer/io/write_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

constexpr size_t kFlushBytes = 256 << 10;

}  // namespace

FileWriter::FileWriter(std::string path) : path_(std::move(path)), target_(path_) { Open(); }

FileWriter::~FileWriter() {
  if (fd_ < 0) return;
  close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void FileWriter::Open() {
  struct stat info;
  if (stat(path_.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      fd_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) error_ = errno;
      return;
    }
    mode_ = info.st_mode & 07777;
    char resolved[PATH_MAX];  // a symbolic link stays one
    if (realpath(path_.c_str(), resolved) != nullptr) target_ = resolved;
  }
  temporary_ = absl::StrCat(target_, ".XXXXXX");
  fd_ = mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd_ < 0) error_ = errno;
}

int FileWriter::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

void FileWriter::Flush() {
  if (error_ == 0) error_ = Write(buffer_);
  buffer_.clear();
}

void FileWriter::Append(absl::string_view bytes) {
  if (error_ != 0) return;
  if (buffer_.size() + bytes.size() > kFlushBytes) Flush();
  if (bytes.size() > kFlushBytes) {
    if (error_ == 0) error_ = Write(bytes);
  } else {
    buffer_.append(bytes.data(), bytes.size());
  }
}

absl::Status FileWriter::Commit() {
  Flush();
  if (error_ == 0 && !temporary_.empty()) {
    if (fchmod(fd_, mode_) != 0) error_ = errno;
    if (error_ == 0 && fsync(fd_) != 0 && errno != EINVAL) error_ = errno;
  }
  if (fd_ >= 0 && close(std::exchange(fd_, -1)) != 0 && error_ == 0) error_ = errno;
  if (error_ == 0 && !temporary_.empty() && rename(temporary_.c_str(), target_.c_str()) != 0) {
    error_ = errno;
  }
  if (error_ == 0) return absl::OkStatus();
  if (!temporary_.empty()) unlink(temporary_.c_str());
  return absl::Status(
      absl::ErrnoToStatusCode(error_),
      absl::StrCat("writing the file: ", strerror(error_), " (where: ", path_, ")"));
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes) {
  FileWriter writer(path);
  writer.Append(bytes);
  return writer.Commit();
}

}  // namespace tidemark::io
