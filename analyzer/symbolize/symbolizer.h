// Address -> function, file:line and inlined callers, from ELF and DWARF files found
// by build id or path. Unknown stays unknown; a file whose build id differs from the
// mapping's is refused, never guessed with.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::symbolize {

struct Options {
  bool force = false;  // also mappings that say they have functions
  // Directories searched for binaries and debug files, as PPROF_BINARY_PATH.
  std::vector<std::string> search_path;
  Progress* progress = nullptr;
};

struct Result {
  std::shared_ptr<const Profile> profile;
  // One line per module that could not be (fully) symbolized: what, where, why.
  std::vector<std::string> warnings;
};

// Returns a profile with the same ids whose locations carry lines.
absl::StatusOr<Result> Symbolize(const std::shared_ptr<const Profile>& profile,
                                 const Options& options);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
