// What every command does first: open, symbolize, classify. And last: write, or fail.
//
// Thread class: one thread (stderr). May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_
#define TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/classify/fold.h"
#include "analyzer/classify/go_program.h"
#include "analyzer/classify/rule_file.h"
#include "analyzer/cli/symbolization.h"
#include "analyzer/io/fetch.h"
#include "analyzer/model/profile.h"

namespace tidemark::cli {

struct OpenOptions {
  Symbolization symbolize;
  bool classify = true;
  io::FetchOptions fetch = {};
  std::shared_ptr<const classify::RuleSet> rules = nullptr;  // the user's, for classifying
  std::optional<classify::FoldOptions> fold = std::nullopt;  // classifies, whatever `classify`
  // The profiled program's file; "" : it is looked for.
  std::string binary = {};
  // Go programs, opened once for all profiles of a command.
  std::shared_ptr<classify::GoPrograms> go_programs = std::make_shared<classify::GoPrograms>();
};

// Opens a file, "-" (standard input), a URL, or a state file, dead or alive. Warnings (modules
// that could not be symbolized, losses the recorder counted) go to stderr, one line each. No
// error has the code kInvalidArgument, which is for usage, but for "-" twice.
absl::StatusOr<std::shared_ptr<const Profile>> OpenProfile(const std::string& path,
                                                           const OpenOptions& options);

// Several merged into one profile (analyzer/model/merge.h). They are opened at the same time;
// one that cannot be is left out with a warning, as in pprof, unless none can.
// REQUIRES: !paths.empty().
absl::StatusOr<std::shared_ptr<const Profile>> OpenProfiles(const std::vector<std::string>& paths,
                                                            const OpenOptions& options);

// The same for several lists, all of whose sources are opened at the same time: one profile
// for each list, as Prepare takes them. REQUIRES: no list is empty.
absl::StatusOr<std::vector<std::shared_ptr<const Profile>>> OpenMerged(
    const std::vector<std::vector<std::string>>& lists, const io::FetchOptions& fetch);

// The same without merging: each source's profile, or why it has none. Fails as a whole only
// for "-" twice.
absl::StatusOr<std::vector<absl::StatusOr<std::shared_ptr<const Profile>>>> OpenEach(
    const std::vector<std::string>& sources, const io::FetchOptions& fetch);

// kInvalidArgument where --seconds was given and none of `sources` is a URL: a file is what it is.
absl::Status CheckSeconds(const std::vector<std::string>& sources, const io::FetchOptions& fetch);

// The steps after opening that `options` asks for. What there is to warn of is appended to
// `warnings`, or printed.
absl::StatusOr<std::shared_ptr<const Profile>> Prepare(std::shared_ptr<const Profile> profile,
                                                       const OpenOptions& options,
                                                       std::vector<std::string>* warnings);
absl::StatusOr<std::shared_ptr<const Profile>> Prepare(std::shared_ptr<const Profile> profile,
                                                       const OpenOptions& options);

// What the recorder could not do, by the names in docs/FORMAT.md, as a profile's comments
// tell it.
std::map<std::string, uint64_t> LossesOf(const Profile& profile);
// One line on stderr if there are any.
void WarnOfLosses(const std::map<std::string, uint64_t>& losses, const std::string& path);

// One line on stderr: "tidemark: warning: text".
void Warn(absl::string_view text);

// Prints "tidemark: message" on stderr and returns the exit status for it: 2 for
// kInvalidArgument (usage), 3 for bad input, 4 for a refusal.
int Fail(const absl::Status& status);

// Prints `text` on standard output and returns the exit status: 0, or as Fail when that
// did not work.
int Print(absl::string_view text);

// Writes `bytes` to what -o names, the same way: a file, or standard output for "-" and "".
bool IsStandardOutput(absl::string_view output);
int Write(const std::string& output, absl::string_view bytes);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_
