// Writing whole files.

#ifndef TIDEMARK_ANALYZER_IO_WRITE_FILE_H_
#define TIDEMARK_ANALYZER_IO_WRITE_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tidemark::io {

// A file that is there whole or not at all: what is appended goes to a temporary file in the
// same directory, which Commit renames, so that a full disk never leaves half a file. Mode 0600
// unless the file exists. A path that is there but no regular file (a pipe, a terminal) is
// written to directly.
//
// Thread class: one thread. May allocate (a buffer of fixed size).
class FileWriter {
 public:
  explicit FileWriter(std::string path);
  // Leaves nothing behind unless Commit succeeded.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // After an error this does nothing; Commit tells it.
  void Append(absl::string_view bytes);
  absl::Status Commit();

 private:
  void Open();
  void Flush();
  int Write(absl::string_view bytes);

  const std::string path_;
  std::string target_;     // what a symbolic link leads to
  std::string temporary_;  // "": written to directly
  mode_t mode_ = 0600;
  int fd_ = -1;
  int error_ = 0;  // errno of the first failure
  std::string buffer_;
};

// All of `bytes` through a FileWriter.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_WRITE_FILE_H_
