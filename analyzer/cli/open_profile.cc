#include "analyzer/cli/open_profile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/classifier.h"
#include "analyzer/io/open.h"
#include "analyzer/model/merge.h"
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

bool IsStateFile(const std::string& path) {
  std::FILE* const file = path == "-" ? nullptr : std::fopen(path.c_str(), "rbe");
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

void WarnOfPause(const Profile& profile, const std::string& path) {
  const bool paused = absl::c_any_of(profile.comments(), [&](StringId comment) {
    return profile.string(comment) == "tidemark.paused=1";
  });
  if (!paused) return;
  PrintLine(absl::StrCat("warning: recording was paused when this profile was made; what was ",
                         "allocated meanwhile is not in it (where: ", path, ")"));
}

absl::StatusOr<ProfilePtr> OpenRaw(const std::string& path) {
  auto profile = IsStateFile(path) ? OpenState(path) : io::OpenFile(path);
  if (!profile.ok()) return InputError(profile.status());
  if ((*profile)->sample_count() == 0) {
    PrintLine(absl::StrCat("warning: the profile has no samples (where: ", path, ")"));
  }
  WarnOfLosses(LossesOf(**profile), path);
  WarnOfPause(**profile, path);
  return profile;
}

}  // namespace

absl::StatusOr<ProfilePtr> Prepare(ProfilePtr profile, const OpenOptions& options) {
  if (options.symbolize) {
    auto result = symbolize::Symbolize(profile, {});
    if (!result.ok()) return InputError(result.status());
    for (const std::string& warning : result->warnings) {
      PrintLine(absl::StrCat("warning: ", warning));
    }
    profile = std::move(result->profile);
  }
  if (options.classify) {
    auto classified = classify::Classify(profile);
    if (!classified.ok()) return InputError(classified.status());
    profile = *std::move(classified);
  }
  return profile;
}

absl::StatusOr<ProfilePtr> OpenProfile(const std::string& path, const OpenOptions& options) {
  auto profile = OpenRaw(path);
  if (!profile.ok()) return profile.status();
  return Prepare(*std::move(profile), options);
}

absl::StatusOr<ProfilePtr> OpenProfiles(const std::vector<std::string>& paths,
                                        const OpenOptions& options) {
  if (paths.size() == 1) return OpenProfile(paths.front(), options);
  std::vector<ProfilePtr> profiles;
  for (const std::string& path : paths) {
    auto profile = OpenRaw(path);
    if (!profile.ok()) return profile.status();
    profiles.push_back(*std::move(profile));
  }
  auto merged = Merge(profiles);
  if (!merged.ok()) return InputError(merged.status());
  return Prepare(*std::move(merged), options);
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
  if (losses.empty()) return;
  PrintLine(absl::StrCat("warning: the recorder counted losses: ",
                         absl::StrJoin(losses, ", ", absl::PairFormatter("=")), " (where: ", path,
                         ")"));
}

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

}  // namespace tidemark::cli
