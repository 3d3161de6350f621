// Address -> function, file:line and inlined callers, from ELF and DWARF files found
// by build id or path. Unknown stays unknown; a file whose build id differs from the
// mapping's is refused, never guessed with.
//
// Thread class: free functions; any thread. Symbolize works on several threads of its own,
// one module each, and joins them before it returns. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::symbolize {

// The directories of $PPROF_BINARY_PATH (colon separated), else $HOME/pprof/binaries.
std::vector<std::string> DefaultSearchPath();

struct Options {
  bool force = false;  // also mappings that say they have functions
  // Directories searched for binaries and debug files; see module_finder.h.
  std::vector<std::string> search_path = DefaultSearchPath();
  Progress* progress = nullptr;  // counts addresses
};

struct Result {
  std::shared_ptr<const Profile> profile;
  // One line per module that could not be (fully) symbolized: what, where, why.
  std::vector<std::string> warnings;
};

// Returns a profile with the same ids whose locations carry lines. Addresses are looked up
// as they are: a heap profile's are already one below the return address. Profiles whose
// mappings all have functions come back unchanged. kCancelled when progress says so.
absl::StatusOr<Result> Symbolize(const std::shared_ptr<const Profile>& profile,
                                 const Options& options);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
