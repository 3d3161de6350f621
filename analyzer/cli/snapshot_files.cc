#include "analyzer/cli/snapshot_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::cli {

absl::StatusOr<std::vector<std::string>> SnapshotFiles(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> found;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().string();
    if (absl::EndsWith(name, ".pb.gz")) found.push_back(std::move(name));
  }
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("reading the directory: ", error.message(), " (where: ", path, ")"));
  }
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no profiles: the directory has no *.pb.gz (where: ", path, ")"));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace tidemark::cli
