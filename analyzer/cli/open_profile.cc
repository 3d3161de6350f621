#include "analyzer/cli/open_profile.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "analyzer/classify/classifier.h"
#include "analyzer/io/open.h"
#include "analyzer/io/url.h"
#include "analyzer/io/write_file.h"
#include "analyzer/model/merge.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/symbolizer.h"
#include "profiler/collect/snapshot.h"
#include "proto/state.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

// One line, whatever a path or a module's name holds.
void PrintLine(absl::string_view text) {
  const std::string line =
      absl::StrCat("tidemark: ", absl::StrReplaceAll(text, {{"\n", " "}, {"\r", " "}}), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

// Reads nothing of what can be read only once.
bool IsStateFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  std::FILE* const file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return false;
  uint64_t magic = 0;
  const bool is_state = std::fread(&magic, sizeof(magic), 1, file) == 1 && magic == state::kMagic;
  std::fclose(file);
  return is_state;
}

absl::StatusOr<ProfilePtr> OpenState(const std::string& path) {
  const auto source = collect::StateSource::OpenFile(path);
  if (!source.ok()) return source.status();
  const pid_t pid = collect::ProcessUsingState(path);
  const auto snapshot = collect::TakeSnapshot(
      *source, {.reason = pid != 0 ? "on demand" : "after death", .pid = pid});
  if (!snapshot.ok()) return snapshot.status();
  return io::OpenBytes(snapshot->pprof, path);
}

// An input at fault is not a usage error.
absl::Status InputError(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  return absl::DataLossError(status.message());
}

// One source, and what is to be said of it.
struct Opened {
  absl::StatusOr<ProfilePtr> profile = absl::UnknownError("not opened");
  std::vector<std::string> warnings;
};

std::string LossText(const std::map<std::string, uint64_t>& losses, const std::string& path) {
  return absl::StrCat("warning: the recorder counted losses: ",
                      absl::StrJoin(losses, ", ", absl::PairFormatter("=")), " (where: ", path,
                      ")");
}

std::vector<std::string> WarningsOf(const Profile& profile, const std::string& name) {
  std::vector<std::string> warnings;
  if (profile.sample_count() == 0) {
    warnings.push_back(absl::StrCat("warning: the profile has no samples (where: ", name, ")"));
  }
  const auto losses = LossesOf(profile);
  if (!losses.empty()) warnings.push_back(LossText(losses, name));
  const bool paused = absl::c_any_of(profile.comments(), [&](StringId comment) {
    return profile.string(comment) == "tidemark.paused=1";
  });
  if (paused) {
    warnings.push_back(absl::StrCat(
        "warning: recording was paused when this profile was made; what was allocated meanwhile ",
        "is not in it (where: ", name, ")"));
  }
  return warnings;
}

// On any thread.
Opened OpenOne(const std::string& source, const io::FetchOptions& fetch) {
  Opened opened;
  try {
    opened.profile = IsStateFile(source) ? OpenState(source) : io::OpenSource(source, fetch);
    if (opened.profile.ok()) {
      opened.warnings = WarningsOf(**opened.profile, io::SourceName(source));
    } else {
      opened.profile = InputError(opened.profile.status());
    }
  } catch (const std::bad_alloc&) {
    opened.profile = absl::ResourceExhaustedError(
        absl::StrCat("opening the profile: out of memory (where: ", io::SourceName(source), ")"));
  }
  return opened;
}

bool AnyIsUrl(const std::vector<std::string>& sources) {
  return absl::c_any_of(sources,
                        [](const std::string& s) { return io::UrlOfSource(s).has_value(); });
}

// Reading takes a processor and memory each; servers that are asked to look for some seconds
// only take time.
size_t ThreadsFor(const std::vector<std::string>& sources) {
  constexpr size_t kReaders = 4, kFetchers = 32;
  const size_t readers = std::clamp<size_t>(std::thread::hardware_concurrency(), 2, kReaders);
  return std::min(sources.size(), AnyIsUrl(sources) ? kFetchers : readers);
}

std::vector<Opened> OpenAll(const std::vector<std::string>& sources,
                            const io::FetchOptions& fetch) {
  std::vector<Opened> opened(sources.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < sources.size(); i = next++) opened[i] = OpenOne(sources[i], fetch);
  };
  std::vector<std::thread> threads;
  const size_t count = ThreadsFor(sources);
  try {
    for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // Fewer threads do the same.
  }
  work();
  for (std::thread& thread : threads) thread.join();
  return opened;
}

// pprof says it too; where nobody looks on, it would only be in the way.
void AnnounceFetches(const std::vector<std::string>& sources, const io::FetchOptions& fetch) {
  if (isatty(STDERR_FILENO) == 0) return;
  for (const std::string& source : sources) {
    const std::optional<io::Url> url = io::UrlOfSource(source);
    if (!url.has_value()) continue;
    const io::Url target = io::WithOptions(*url, fetch);
    std::fprintf(stderr, "Fetching profile over HTTP from %s\n", io::ToText(target).c_str());
    const int64_t seconds = io::SecondsOf(target);
    if (seconds > 0) std::fprintf(stderr, "Please wait... (%llds)\n", (long long)seconds);
  }
}

absl::StatusOr<std::vector<Opened>> OpenChecked(const std::vector<std::string>& sources,
                                                const io::FetchOptions& fetch) {
  if (absl::c_count(sources, "-") > 1) {
    return absl::InvalidArgumentError("-: standard input can be read only once");
  }
  AnnounceFetches(sources, fetch);
  return OpenAll(sources, fetch);
}

// As pprof, what fails among several is left out.
absl::StatusOr<ProfilePtr> MergeOpened(absl::Span<Opened> opened) {
  std::vector<ProfilePtr> profiles;
  absl::Status first_error;
  for (Opened& one : opened) {
    for (const std::string& warning : one.warnings) PrintLine(warning);
    if (one.profile.ok()) {
      profiles.push_back(*std::move(one.profile));
    } else if (first_error.ok()) {
      first_error = one.profile.status();
    }
  }
  if (profiles.empty()) return first_error;
  for (const Opened& one : opened) {
    if (one.profile.ok()) continue;
    PrintLine(absl::StrCat("warning: left out: ", one.profile.status().message()));
  }
  if (opened.size() == 1) return profiles.front();
  auto merged = Merge(profiles);
  if (!merged.ok()) return InputError(merged.status());
  return merged;
}

// Whether `file`, which somebody says is the profiled program, is the module of this mapping: by
// the build ids, or where there are none by its name, or by being first, as programs are.
bool IsModule(const symbolize::ElfFile& file, const Profile& profile, MappingId id) {
  if (!id.valid()) return true;
  const Mapping& mapping = profile.mapping(id);
  const std::string build_id = absl::AsciiStrToLower(profile.string(mapping.build_id));
  if (!build_id.empty() && !file.build_id().empty()) return build_id == file.build_id();
  const std::filesystem::path path(std::string(profile.string(mapping.file)));
  return id.value == 0 || path.filename() == std::filesystem::path(file.path()).filename();
}

absl::StatusOr<ProfilePtr> ClassifyWith(const ProfilePtr& profile, const OpenOptions& options,
                                        std::vector<std::string>* warnings) {
  std::unique_ptr<symbolize::ElfFile> given;
  bool is_used = false;
  if (!options.binary.empty()) {
    auto file = symbolize::ElfFile::Open(options.binary);
    if (!file.ok()) {
      return absl::Status(file.status().code(),
                          absl::StrCat("opening the program: ", file.status().message()));
    }
    given = *std::move(file);
  }
  const std::vector<std::string> search_path = symbolize::DefaultSearchPath();
  classify::ClassifyOptions how;
  how.rules = options.rules.get();
  how.go_programs = options.go_programs;
  how.warnings = warnings;
  how.find_binary = [&](const Profile& p, MappingId id) {
    if (given == nullptr || !IsModule(*given, p, id)) {
      return symbolize::ModulePath(p, id, search_path);
    }
    is_used = true;
    return options.binary;
  };
  auto classified = classify::Classify(profile, how);
  if (given != nullptr && !is_used) {
    warnings->push_back(absl::StrCat(options.binary,
                                     ": not the program of the profile: no code of ",
                                     "Go's in a module with its build id or its name"));
  }
  return classified;
}

}  // namespace

absl::StatusOr<ProfilePtr> Prepare(ProfilePtr profile, const OpenOptions& options) {
  std::vector<std::string> warnings;
  auto prepared = Prepare(std::move(profile), options, &warnings);
  for (const std::string& warning : warnings) Warn(warning);
  return prepared;
}

absl::StatusOr<ProfilePtr> Prepare(ProfilePtr profile, const OpenOptions& options,
                                   std::vector<std::string>* warnings) {
  if (options.symbolize.enabled) {
    auto result = symbolize::Symbolize(profile, options.symbolize.options());
    if (!result.ok()) return InputError(result.status());
    warnings->insert(warnings->end(), result->warnings.begin(), result->warnings.end());
    profile = std::move(result->profile);
  }
  if (options.classify || options.fold) {
    auto classified = ClassifyWith(profile, options, warnings);
    if (!classified.ok()) return InputError(classified.status());
    profile = *std::move(classified);
  }
  if (options.fold) {
    auto folded = classify::FoldContainers(profile, *options.fold);
    if (!folded.ok()) return InputError(folded.status());
    profile = *std::move(folded);
  }
  // Last: the classifier reads whole names.
  auto shown = symbolize::WithDisplayNames(profile, options.symbolize.names);
  if (!shown.ok()) return InputError(shown.status());
  return shown;
}

absl::Status CheckSeconds(const std::vector<std::string>& sources, const io::FetchOptions& fetch) {
  if (fetch.seconds == 0 || AnyIsUrl(sources)) return absl::OkStatus();
  return absl::InvalidArgumentError("--seconds: only a URL can be looked at for a time");
}

absl::StatusOr<std::vector<ProfilePtr>> OpenMerged(
    const std::vector<std::vector<std::string>>& lists, const io::FetchOptions& fetch) {
  std::vector<std::string> sources;
  for (const auto& list : lists) sources.insert(sources.end(), list.begin(), list.end());
  if (absl::Status used = CheckSeconds(sources, fetch); !used.ok()) return used;
  absl::StatusOr<std::vector<Opened>> opened = OpenChecked(sources, fetch);
  if (!opened.ok()) return opened.status();
  std::vector<ProfilePtr> merged;
  size_t begin = 0;
  for (const auto& list : lists) {
    auto profile = MergeOpened(absl::MakeSpan(*opened).subspan(begin, list.size()));
    if (!profile.ok()) return profile.status();
    merged.push_back(*std::move(profile));
    begin += list.size();
  }
  return merged;
}

absl::StatusOr<std::vector<absl::StatusOr<ProfilePtr>>> OpenEach(
    const std::vector<std::string>& sources, const io::FetchOptions& fetch) {
  absl::StatusOr<std::vector<Opened>> opened = OpenChecked(sources, fetch);
  if (!opened.ok()) return opened.status();
  std::vector<absl::StatusOr<ProfilePtr>> profiles;
  for (Opened& one : *opened) {
    for (const std::string& warning : one.warnings) PrintLine(warning);
    profiles.push_back(std::move(one.profile));
  }
  return profiles;
}

absl::StatusOr<ProfilePtr> OpenProfile(const std::string& path, const OpenOptions& options) {
  return OpenProfiles({path}, options);
}

absl::StatusOr<ProfilePtr> OpenProfiles(const std::vector<std::string>& paths,
                                        const OpenOptions& options) {
  auto merged = OpenMerged({paths}, options.fetch);
  if (!merged.ok()) return merged.status();
  return Prepare(std::move(merged->front()), options);
}

std::map<std::string, uint64_t> LossesOf(const Profile& profile) {
  std::map<std::string, uint64_t> losses;
  for (const StringId comment : profile.comments()) {
    absl::string_view text = profile.string(comment);
    if (!absl::ConsumePrefix(&text, "tidemark.loss.")) continue;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, '=');
    uint64_t count = 0;
    if (absl::SimpleAtoi(parts.second, &count)) losses[std::string(parts.first)] += count;
  }
  return losses;
}

void WarnOfLosses(const std::map<std::string, uint64_t>& losses, const std::string& path) {
  if (!losses.empty()) PrintLine(LossText(losses, path));
}

void Warn(absl::string_view text) { PrintLine(absl::StrCat("warning: ", text)); }

int Fail(const absl::Status& status) {
  PrintLine(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return 3;
    default:
      return 4;
  }
}

int Print(absl::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return 0;
  return Fail(absl::UnavailableError(
      absl::StrCat("writing the report: ", std::strerror(errno), " (where: standard output)")));
}

bool IsStandardOutput(absl::string_view output) { return output.empty() || output == "-"; }

int Write(const std::string& output, absl::string_view bytes) {
  if (IsStandardOutput(output)) return Print(bytes);
  const absl::Status status = io::WriteFileAtomically(output, bytes);
  if (status.ok()) return 0;
  Fail(status);
  return 4;
}

}  // namespace tidemark::cli
