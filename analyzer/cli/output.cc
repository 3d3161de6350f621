#include "analyzer/cli/output.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tidemark::cli {

void Output::Flush() {
  if (ok() && std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) {
    error_ = errno != 0 ? errno : EIO;
  }
  buffer_.clear();
}

absl::Status Output::Close() {
  Flush();
  if (ok() && std::fflush(file_) != 0) error_ = errno;
  if (ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("writing the report: ", std::strerror(error_), " (where: standard output)"));
}

}  // namespace tidemark::cli
