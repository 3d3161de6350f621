// Writing whole files.

#ifndef TIDEMARK_ANALYZER_IO_WRITE_FILE_H_
#define TIDEMARK_ANALYZER_IO_WRITE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tidemark::io {

// Writes `bytes` to `path` through a temporary file in the same directory and a rename,
// so that a full disk never leaves half a file. Mode 0600 unless the file exists. A path
// that is there but no regular file (a pipe, a terminal) is written to directly.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_WRITE_FILE_H_
