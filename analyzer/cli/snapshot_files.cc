#include "analyzer/cli/snapshot_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/url.h"

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

absl::Status NoneOf(const std::vector<absl::Status>& left_out) {
  const absl::Status& first = left_out.front();
  if (left_out.size() == 1) return first;
  return absl::Status(first.code(),
                      absl::StrCat("none of the ", left_out.size(),
                                   " profiles can be used; the first: ", first.message()));
}

// Snapshots of one program have the same to say.
void WarnOnce(const std::vector<std::string>& warnings) {
  std::vector<std::pair<absl::string_view, size_t>> counts;  // in the order of the first
  for (const std::string& warning : warnings) {
    const auto same = absl::c_find_if(counts, [&](const auto& c) { return c.first == warning; });
    if (same == counts.end()) {
      counts.emplace_back(warning, 1);
    } else {
      ++same->second;
    }
  }
  for (const auto& [warning, files] : counts) {
    Warn(files == 1 ? warning : absl::StrCat(warning, " (", files, " files)"));
  }
}

}  // namespace

absl::StatusOr<std::vector<Snapshot>> OpenSnapshots(const std::vector<std::string>& paths,
                                                    const OpenOptions& options, bool only_heaps) {
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
  std::vector<absl::Status> left_out;
  std::vector<std::string> warnings;
  for (size_t i = 0; i < sources.size(); ++i) {
    absl::StatusOr<std::shared_ptr<const Profile>>& one = (*opened)[i];
    const bool must_be_heap = only_heaps || !sources[i].must_open;
    if (one.ok() && must_be_heap && (*one)->FindSampleType("inuse_space") < 0) {
      one = absl::DataLossError(
          absl::StrCat("not a heap profile: it has no sample type inuse_space (where: ",
                       io::SourceName(sources[i].path), ")"));
    }
    if (!one.ok()) {
      if (sources[i].must_open) return one.status();
      left_out.push_back(one.status());
      continue;
    }
    auto prepared = Prepare(*std::move(one), options, &warnings);
    if (!prepared.ok()) return prepared.status();
    snapshots.push_back({sources[i].path, *std::move(prepared)});
  }
  if (snapshots.empty()) return NoneOf(left_out);
  for (const absl::Status& status : left_out) Warn(absl::StrCat("left out: ", status.message()));
  WarnOnce(warnings);
  return snapshots;
}

}  // namespace tidemark::cli
