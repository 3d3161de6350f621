// The findings of `check` as SARIF 2.1.0 (OASIS), which code-scanning pages show at the line
// of the site. What GitHub makes of it: a result needs a location, of which the first counts;
// 5,000 results are shown; paths are relative to the root of the repository.
//
// Thread class: one thread (looks for source files). May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SARIF_WRITER_H_
#define TIDEMARK_ANALYZER_CLI_SARIF_WRITER_H_

#include <filesystem>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "analyzer/leaks/gate.h"

namespace tidemark::cli {

// Where a program's sources are in this tree. They may have been compiled elsewhere (another
// checkout, a container): then the longest end of a path that is a file in the tree counts.
class SourceTree {
 public:
  explicit SourceTree(const std::string& root);
  // Absolute, with a slash at its end.
  const std::string& root() const { return root_; }
  // Relative to the root; absent for what is not in the tree. Looks at the disk once a path.
  std::optional<std::string> Find(const std::string& path);

 private:
  std::optional<std::string> Look(const std::string& path) const;

  std::string root_;
  absl::flat_hash_map<std::string, std::optional<std::string>> found_;
};

// A path as part of a URI: what is neither unreserved nor a slash is percent-encoded.
std::string UriPath(absl::string_view path);

// At most this many results.
inline constexpr size_t kMostSarifResults = 5000;
std::string CheckSarif(const leaks::GateResult& result, SourceTree& sources);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SARIF_WRITER_H_
