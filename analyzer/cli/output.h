// Standard output for reports that may be larger than memory: text goes out as it is made.
//
// Thread class: one thread. May allocate (a buffer of fixed size).

#ifndef TIDEMARK_ANALYZER_CLI_OUTPUT_H_
#define TIDEMARK_ANALYZER_CLI_OUTPUT_H_

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tidemark::cli {

class Output {
 public:
  // `file` must outlive this.
  explicit Output(std::FILE* file = stdout) : file_(file) {}
  // REQUIRES: Close was called.
  ~Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Output& operator<<(absl::string_view text) {
    buffer_.append(text.data(), text.size());
    if (buffer_.size() >= kFlushBytes) Flush();
    return *this;
  }
  // False once something could not be written: whatever follows is dropped.
  bool ok() const { return error_ == 0; }
  // Writes what is left. kUnavailable when any of it could not be written.
  absl::Status Close();

 private:
  static constexpr size_t kFlushBytes = 64 << 10;
  void Flush();

  std::FILE* file_;
  std::string buffer_;
  int error_ = 0;  // errno of the first failure
};

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_OUTPUT_H_
