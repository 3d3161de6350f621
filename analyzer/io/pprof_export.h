// Writes a Profile as pprof protobuf.

#ifndef TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_
#define TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_

#include <string>

#include "absl/status/status.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

enum class Compression { kNone, kGzip };

std::string ToPprof(const Profile& profile, Compression compression);

// Writes `bytes` to `path` through a temporary file in the same directory and a rename,
// so that a full disk never leaves half a file. Mode 0600 unless the file exists.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_
