#include "analyzer/cli/snapshot_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::cli {
namespace {

struct Source {
  std::string path;
  bool must_open = true;
};

bool LooksLikeProfile(absl::string_view name) {
  constexpr absl::string_view kEnds[] = {".pb.gz", ".pb",   ".pprof",  ".pprof.gz",
                                         ".prof",  ".heap", ".heap.gz"};
  return absl::c_any_of(kEnds, [&](absl::string_view end) { return absl::EndsWith(name, end); });
}

absl::Status AddDirectory(const std::string& path, std::vector<Source>& sources) {
  std::error_code error;
  std::vector<std::string> found;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().string();
    if (!LooksLikeProfile(name)) continue;
    // Nobody named it: what may have no end, or no writer, is not waited for.
    std::error_code unknown;
    const std::filesystem::file_status status = entry->status(unknown);
    if (std::filesystem::is_other(status)) {
      Warn(absl::StrCat("left out: a pipe, socket or device (where: ", name, ")"));
      continue;
    }
    found.push_back(std::move(name));
  }
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("reading the directory: ", error.message(), " (where: ", path, ")"));
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no profiles: the directory has no *.pb.gz, *.pprof, *.prof or *.heap (where: ", path,
        ")"));
  }
  // The profiles' own times order them later.
  std::sort(found.begin(), found.end());
  for (std::string& name : found) sources.push_back({std::move(name), false});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Snapshot>> OpenSnapshots(const std::vector<std::string>& paths,
                                                    const OpenOptions& options) {
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      sources.push_back({path, true});
    } else if (absl::Status added = AddDirectory(path, sources); !added.ok()) {
      return added;
    }
  }
  std::vector<std::string> names;
  for (const Source& source : sources) names.push_back(source.path);
  auto opened = OpenEach(names, options.fetch);
  if (!opened.ok()) return opened.status();
  std::vector<Snapshot> snapshots;
  absl::Status first_error;
  for (size_t i = 0; i < sources.size(); ++i) {
    absl::StatusOr<std::shared_ptr<const Profile>>& one = (*opened)[i];
    if (one.ok() && !sources[i].must_open && (*one)->FindSampleType("inuse_space") < 0) {
      one = absl::DataLossError(absl::StrCat(
          "not a heap profile: it has no sample type inuse_space (where: ", sources[i].path, ")"));
    }
    if (!one.ok()) {
      if (sources[i].must_open) return one.status();
      Warn(absl::StrCat("left out: ", one.status().message()));
      if (first_error.ok()) first_error = one.status();
      continue;
    }
    auto prepared = Prepare(*std::move(one), options);
    if (!prepared.ok()) return prepared.status();
    snapshots.push_back({sources[i].path, *std::move(prepared)});
  }
  if (snapshots.empty()) return first_error;
  return snapshots;
}

}  // namespace tidemark::cli
