#include "analyzer/symbolize/module_finder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::symbolize {
namespace {

constexpr absl::string_view kDebugRoot = "/usr/lib/debug";
constexpr absl::string_view kDeleted = " (deleted)";

bool IsVdso(absl::string_view path) {
  return path == "[vdso]" || absl::StartsWith(path, "linux-vdso");
}

// "/a/b/c" -> {"/a/b", "c"}.
std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool IsHex(absl::string_view s) {
  return s.size() > 2 && std::all_of(s.begin(), s.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

std::string BuildIdFile(absl::string_view root, const std::string& id) {
  return absl::StrCat(root, "/.build-id/", id.substr(0, 2), "/", id.substr(2), ".debug");
}

std::vector<std::string> Candidates(const std::string& directory, const std::string& path,
                                    const std::string& id) {
  const auto [dir, name] = Split(path);
  std::vector<std::string> files;
  if (!id.empty()) {
    files.push_back(absl::StrCat(directory, "/", id, "/", name));
    std::error_code error;
    std::vector<std::string> any;
    for (std::filesystem::directory_iterator it(absl::StrCat(directory, "/", id), error), end;
         !error && it != end; it.increment(error)) {
      any.push_back(it->path().string());
    }
    std::sort(any.begin(), any.end());
    files.insert(files.end(), any.begin(), any.end());
    files.push_back(absl::StrCat(directory, "/", path, "/", id));
    files.push_back(absl::StrCat(directory, "/", id.substr(0, 2), "/", id.substr(2), ".debug"));
  }
  if (!path.empty()) {
    files.push_back(absl::StrCat(directory, "/", name));
    files.push_back(absl::StrCat(directory, "/", path));
    files.push_back(absl::StrCat(directory, "/", path, ".debug"));
    files.push_back(absl::StrCat(directory, "/", dir, "/.debug/", name, ".debug"));
    files.push_back(absl::StrCat(directory, kDebugRoot, "/", dir, "/", name, ".debug"));
  }
  return files;
}

// Fills `files` from one candidate after another until nothing is missing.
class Search {
 public:
  Search(std::string build_id, bool debug_info)
      : build_id_(std::move(build_id)), debug_info_(debug_info) {}

  bool done() const {
    if (!debug_info_ && files_.module != nullptr) return true;
    return files_.debug != nullptr || (files_.module != nullptr && files_.module->has_debug_info());
  }

  void Try(const std::string& path) {
    if (done()) return;
    absl::StatusOr<std::unique_ptr<ElfFile>> file = ElfFile::Open(path);
    if (file.ok()) {
      Consider(*std::move(file));
    } else if (!absl::IsNotFound(file.status())) {
      Note(std::string(file.status().message()));
    }
  }

  void Consider(std::unique_ptr<ElfFile> file) {
    if (!build_id_.empty() && file->build_id() != build_id_) {
      const std::string what = file->build_id().empty()
                                   ? "no build id"
                                   : absl::StrCat("the build id ", file->build_id());
      Note(absl::StrCat(file->path(), ": it has ", what, ", not ", build_id_));
      return;
    }
    const bool is_module = file->has_code();
    if (is_module && files_.module == nullptr) {
      files_.module = std::move(file);
    } else if (file->has_debug_info()) {
      files_.debug = std::move(file);
    }
  }

  // What the living process has open. Another's files there are no news: pids repeat.
  void TryProcess(const ModuleQuery& query, const std::string& path) {
    if (query.pid <= 0 || build_id_.empty() || files_.module != nullptr) return;
    const std::string proc = absl::StrCat("/proc/", query.pid);
    for (const std::string& candidate :
         {absl::StrCat(proc, "/root", path), absl::StrCat(proc, "/exe"),
          absl::StrCat(proc, "/map_files/", absl::Hex(query.start), "-", absl::Hex(query.limit))}) {
      absl::StatusOr<std::unique_ptr<ElfFile>> file = ElfFile::Open(candidate);
      if (!file.ok() || (*file)->build_id() != build_id_) continue;
      return Consider(*std::move(file));
    }
  }

  // Separate debug files: by the build id, the mapping's or else the module's own, then by
  // the module's .gnu_debuglink.
  void TryDebugFiles(absl::Span<const std::string> search_path) {
    const std::string& id = known_build_id();
    if (!id.empty()) {
      for (const std::string& directory : search_path) Try(BuildIdFile(directory, id));
      Try(BuildIdFile(kDebugRoot, id));
    }
    FollowDebugLink();
  }

  void TryRemote(Debuginfod* remote) {
    const std::string& id = known_build_id();
    if (remote == nullptr || done() || id.empty()) return;
    const std::string debug = remote->Find(Debuginfod::Kind::kDebugInfo, id);
    if (!debug.empty()) Try(debug);
    if (done() || files_.module != nullptr) return;
    const std::string module = remote->Find(Debuginfod::Kind::kExecutable, id);
    if (!module.empty()) Try(module);
  }

  // Debug information that dwz took parts out of means nothing without them.
  void FindAlt(absl::Span<const std::string> search_path, Debuginfod* remote) {
    if (!done() || !files_.best().alt_link()) return;
    const ElfFile::AltLink& link = *files_.best().alt_link();
    std::vector<std::string> places = {absl::StrCat(
        link.name[0] == '/' ? "" : Split(files_.best().path()).first + "/", link.name)};
    if (IsHex(link.build_id)) {
      for (const std::string& directory : search_path) {
        places.push_back(BuildIdFile(directory, link.build_id));
      }
      places.push_back(BuildIdFile(kDebugRoot, link.build_id));
    }
    for (const std::string& place : places) {
      if (TryAlt(place, link)) return;
    }
    if (remote == nullptr || !IsHex(link.build_id)) return;
    const std::string fetched = remote->Find(Debuginfod::Kind::kDebugInfo, link.build_id);
    if (!fetched.empty()) TryAlt(fetched, link);
  }

  ModuleFiles Finish() && {
    if (!done()) {
      files_.problem = problem_;
    } else if (files_.lacks_alt()) {
      files_.problem = absl::StrCat(files_.best().path(), ": what dwz moved to ",
                                    files_.best().alt_link()->name, " is not found");
    }
    return std::move(files_);
  }

 private:
  const std::string& known_build_id() const {
    return build_id_.empty() && files_.module ? files_.module->build_id() : build_id_;
  }

  bool TryAlt(const std::string& path, const ElfFile::AltLink& link) {
    absl::StatusOr<std::unique_ptr<ElfFile>> file = ElfFile::Open(path);
    if (!file.ok() || (*file)->build_id() != link.build_id) return false;
    files_.alt = *std::move(file);
    return true;
  }

  void FollowDebugLink() {
    if (done() || !files_.module || !files_.module->debug_link()) return;
    const ElfFile::DebugLink& link = *files_.module->debug_link();
    const std::string dir = Split(files_.module->path()).first;
    for (const std::string& path :
         {absl::StrCat(dir, "/", link.name), absl::StrCat(dir, "/.debug/", link.name),
          absl::StrCat(kDebugRoot, dir, "/", link.name)}) {
      absl::StatusOr<std::unique_ptr<ElfFile>> file = ElfFile::Open(path);
      if (!file.ok() || !(*file)->has_debug_info()) continue;
      const std::string& id = files_.module->build_id();
      const bool same = !id.empty() && !(*file)->build_id().empty()
                            ? (*file)->build_id() == id
                            : DebugLinkCrc(path) == link.crc;
      if (same) {
        files_.debug = *std::move(file);
        return;
      }
      Note(absl::StrCat(path, ": belongs to another build of the module"));
    }
  }

  void Note(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  const std::string build_id_;
  const bool debug_info_;
  ModuleFiles files_;
  std::string problem_;
};

}  // namespace

bool IsAnonymous(absl::string_view path) {
  if (IsVdso(path)) return false;
  return path.empty() || path[0] == '[' || absl::StartsWith(path, "//anon") ||
         absl::StartsWith(path, "/dev/") || absl::StartsWith(path, "/memfd:") ||
         absl::StartsWith(path, "anon_inode:");
}

ModuleFiles FindModule(const ModuleQuery& query) {
  std::string build_id = absl::AsciiStrToLower(query.build_id);
  if (!IsHex(build_id)) build_id.clear();
  const std::string path(absl::StripSuffix(query.path, kDeleted));
  const bool deleted = path.size() != query.path.size();

  Search search(build_id, query.debug_info);
  if (IsVdso(path)) {
    // Without a build id nothing says that this kernel's is the profile's.
    if (build_id.empty()) return {};
    if (auto own = ElfFile::OpenOwnVdso(); own.ok()) search.Consider(*std::move(own));
    return std::move(search).Finish();
  }
  for (const std::string& directory : query.search_path) {
    for (const std::string& file : Candidates(directory, path, build_id)) search.Try(file);
  }
  if (deleted && build_id.empty()) {
    ModuleFiles files = std::move(search).Finish();
    if (!files.found()) {
      files.problem =
          "the file was deleted, and without a build id another at its place "
          "cannot be told from it";
    }
    return files;
  }
  search.Try(path);
  search.TryProcess(query, path);
  search.TryDebugFiles(query.search_path);
  search.TryRemote(query.remote);
  search.FindAlt(query.search_path, query.remote);
  ModuleFiles files = std::move(search).Finish();
  if (!files.found() && files.problem.empty()) files.problem = "the file is not there";
  return files;
}

}  // namespace tidemark::symbolize
