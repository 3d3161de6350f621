// Address -> function, file:line and inlined callers, from ELF and DWARF files found
// by build id or path, from debuginfod servers, and from the map files of just-in-time
// compilers. Unknown stays unknown; a file whose build id differs from the mapping's is
// refused, never guessed with.
//
// Thread class: free functions; any thread. Symbolize works on several threads of its own,
// and joins them before it returns. May allocate; reads files, and writes those of the cache
// (symbol_cache.h).

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "analyzer/base/ids.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::symbolize {

// The directories of $PPROF_BINARY_PATH (colon separated), else $HOME/pprof/binaries.
std::vector<std::string> DefaultSearchPath();

struct Options {
  bool force = false;  // also mappings that say they have functions
  bool fast = false;   // symbol tables only: no lines, no inlined calls
  // Whether debuginfod servers are asked for what is not here; only those that
  // $DEBUGINFOD_URLS names, and for so long in all.
  bool remote = true;
  std::chrono::milliseconds remote_limit = std::chrono::seconds(60);
  bool cache = true;
  // Only locations in samples whose value of this type is not 0 are of interest; -1: of any
  // type. No file is opened that none of them is in.
  int sample_type = -1;
  // Directories searched for binaries and debug files; see module_finder.h.
  std::vector<std::string> search_path = DefaultSearchPath();
  Progress* progress = nullptr;  // counts addresses
};

struct Result {
  std::shared_ptr<const Profile> profile;
  // One line per module that could not be (fully) symbolized, and for the servers: what,
  // where, why.
  std::vector<std::string> warnings;
};

// Returns a profile with the same ids whose locations carry lines. Addresses are looked up
// as they are: a heap profile's are already one below the return address. Profiles whose
// mappings all have functions come back unchanged. kCancelled when progress says so.
absl::StatusOr<Result> Symbolize(const std::shared_ptr<const Profile>& profile,
                                 const Options& options);

// The file of a mapping's module on this machine, looked for as for symbolizing (servers are not
// asked); "" when it is not there.
std::string ModulePath(const Profile& profile, MappingId mapping,
                       absl::Span<const std::string> search_path);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOLIZER_H_
