// Directories of profiles as arguments.
//
// Thread class: a free function. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_
#define TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tidemark::cli {

// `path` itself, or all *.pb.gz in it where it is a directory, by name. kNotFound when there are
// none, kPermissionDenied when it cannot be read.
absl::StatusOr<std::vector<std::string>> SnapshotFiles(const std::string& path);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_
