// Snapshots named on the command line, one by one or as the folder that holds them.
//
// Thread class: one thread (stderr). May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_
#define TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/model/profile.h"

namespace tidemark::cli {

struct Snapshot {
  std::string source;  // the file's path, a URL, "-"
  std::shared_ptr<const Profile> profile;
};

// Opens and prepares all of `paths`. A directory stands for the profiles in it (by the ends
// of their names, such as .pb.gz, .pprof, .heap); one of those that cannot be opened or is no
// heap profile, as a collector that was killed leaves behind, is left out with a warning, unless
// all are. A file that was named itself must open. What several have to say alike is said once.
// `only_heaps`: a named file must be a heap profile, too.
absl::StatusOr<std::vector<Snapshot>> OpenSnapshots(const std::vector<std::string>& paths,
                                                    const OpenOptions& options,
                                                    bool only_heaps = true);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SNAPSHOT_FILES_H_
