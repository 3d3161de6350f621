// check.

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "analyzer/cli/check_report.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/quantities.h"
#include "analyzer/cli/sarif_writer.h"
#include "analyzer/cli/snapshot_files.h"
#include "analyzer/leaks/gate.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;
using leaks::GrowthLimit;

enum class CheckFormat { kText, kJson, kSarif };

struct CheckArguments {
  std::string base;
  std::string file;
  leaks::GatePolicy policy;
  std::string sample_index;
  CheckFormat format = CheckFormat::kText;
  std::string output;
  std::string source_root = ".";
  SiteFlags site;
};

// "5%", "1MiB", "64K", or a bare number in the unit of the sample type.
std::optional<GrowthLimit> ParseLimit(absl::string_view text) {
  constexpr double kMostPercent = 1e6;
  if (absl::ConsumeSuffix(&text, "%")) {
    double percent = 0;
    const bool parsed = text.find_first_not_of("0123456789.") == absl::string_view::npos &&
                        absl::SimpleAtod(text, &percent) && percent <= kMostPercent;
    if (!parsed) return std::nullopt;
    return GrowthLimit{GrowthLimit::Kind::kShare, percent / 100};
  }
  if (text.empty() || text.find_first_not_of("0123456789") != absl::string_view::npos) {
    const std::optional<int64_t> bytes = ParseSize(text);
    if (!bytes) return std::nullopt;
    return GrowthLimit{GrowthLimit::Kind::kBytes, static_cast<double>(*bytes)};
  }
  double amount = 0;
  constexpr double kMostAmount = 1e18;
  if (!absl::SimpleAtod(text, &amount) || amount > kMostAmount) return std::nullopt;
  return GrowthLimit{GrowthLimit::Kind::kAmount, amount};
}

// The snapshots of one side.
absl::StatusOr<std::vector<ProfilePtr>> OpenSide(const std::string& path,
                                                 const OpenOptions& options, bool only_heaps) {
  auto snapshots = OpenSnapshots({path}, options, only_heaps);
  if (!snapshots.ok()) return snapshots.status();
  std::vector<ProfilePtr> profiles;
  for (Snapshot& snapshot : *snapshots) profiles.push_back(std::move(snapshot.profile));
  return profiles;
}

// The program's file name and build id, which are those of the first module.
struct Program {
  absl::string_view name;
  absl::string_view build_id;
};
Program ProgramOf(const Profile& profile) {
  if (profile.mappings().empty()) return {};
  const Mapping& mapping = profile.mappings().front();
  const absl::string_view path = profile.string(mapping.file);
  return {path.substr(path.rfind('/') + 1), profile.string(mapping.build_id)};
}

// Two builds of one program are what a check is for; two programs are most likely a slip.
void WarnOfOtherProgram(const Profile& base, const Profile& now) {
  const Program a = ProgramOf(base);
  const Program b = ProgramOf(now);
  if (a.name.empty() || b.name.empty() || a.name == b.name) return;
  if (!a.build_id.empty() && a.build_id == b.build_id) return;  // renamed
  Warn(absl::StrCat("BASE is of ", a.name, ", FILE of ", b.name,
                    ": they are compared as if they were builds of one program"));
}

std::string Report(const leaks::GateResult& result, const CheckArguments& arguments) {
  if (arguments.format == CheckFormat::kJson) return CheckJson(result);
  if (arguments.format == CheckFormat::kText) return CheckText(result);
  SourceTree sources(arguments.source_root);
  return CheckSarif(result, sources);
}

int RunCheck(const CheckArguments& arguments) {
  if (arguments.base == "-" && arguments.file == "-") {
    return Fail(absl::InvalidArgumentError("-: standard input can be read only once"));
  }
  for (const std::string& input : {arguments.base, arguments.file}) {
    std::error_code error;
    if (!std::filesystem::equivalent(input, arguments.output, error)) continue;
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("--output ", arguments.output, ": it is what is to be checked")));
  }
  const auto open = arguments.site.open_options();
  if (!open.ok()) return Fail(open.status());
  if (const absl::Status used = CheckSeconds({arguments.base, arguments.file}, open->fetch);
      !used.ok()) {
    return Fail(used);
  }
  // Whoever names other values knows what is to be compared.
  const bool only_heaps = arguments.sample_index.empty();
  const auto base = OpenSide(arguments.base, *open, only_heaps);
  if (!base.ok()) return Fail(base.status());
  const auto now = OpenSide(arguments.file, *open, only_heaps);
  if (!now.ok()) return Fail(now.status());
  WarnOfOtherProgram(*base->back(), *now->back());
  const auto result = leaks::RunGate(*base, *now, arguments.sample_index, arguments.policy);
  if (!result.ok()) return Fail(result.status());
  const std::string report = Report(*result, arguments);
  int written = Write(arguments.output, report);
  // A log should say why a job failed, wherever the report went.
  if (written == 0 && !IsStandardOutput(arguments.output)) written = Print(CheckText(*result));
  if (written != 0) return written;
  return result->passed() ? 0 : 1;
}

void AddLimit(CLI::App& command, const char* name, std::optional<GrowthLimit>& limit,
              const char* description) {
  command
      .add_option_function<std::string>(
          name,
          [name, &limit](const std::string& text) {
            limit = ParseLimit(text);
            if (!limit) {
              throw CLI::ValidationError(
                  name, absl::StrCat("\"", text, "\" is neither a share such as 5% nor an amount ",
                                     "such as 1MiB"));
            }
          },
          description)
      ->type_name("LIMIT");
}

}  // namespace

void AddCheckCommand(CLI::App& app, int& exit_status) {
  CLI::App* const check = app.add_subcommand(
      "check", "Fail (exit status 1) when memory grew since a base profile: a gate for CI");
  const auto arguments = std::make_shared<CheckArguments>();
  check
      ->add_option("BASE", arguments->base,
                   "The profile to compare with, such as that of the main branch's tests; of a "
                   "directory of snapshots the newest one counts")
      ->required()
      ->type_name("");
  check->add_option("FILE", arguments->file, "The profile, or directory, to judge")
      ->required()
      ->type_name("");
  AddLimit(*check, "--max-growth", arguments->policy.max_growth,
           "What the total may grow by: 5%, 10MiB");
  AddLimit(*check, "--max-site-growth", arguments->policy.max_site_growth,
           "What each allocation site may grow by: 1MiB, or 20% (but no less than 64KiB)");
  check->add_flag(
      "--no-new-leaks", arguments->policy.no_new_leaks,
      "No site whose verdict (leak, suspect) is worse than in BASE, or that is new, and "
      "that grew. If "
      "none of these three is given: --max-growth 5% --max-site-growth 1MiB "
      "--no-new-leaks");
  check
      ->add_option("--sample-index", arguments->sample_index,
                   "Which values grow: inuse_space (default), alloc_space, inuse_objects, … If no "
                   "limit is given for another than inuse_space: --max-growth 5%")
      ->type_name("NAME");
  AddSiteOptions(*check, arguments->site);
  AddWords<CheckFormat>(
      *check, "--format", arguments->format,
      {{"text", CheckFormat::kText}, {"json", CheckFormat::kJson}, {"sarif", CheckFormat::kSarif}},
      "How to report (default text)");
  check
      ->add_option(
          "-o,--output", arguments->output,
          "Where the report goes (default -: standard output); beside a file, standard output "
          "has the text all the same")
      ->type_name("OUT");
  check
      ->add_option("--source-root", arguments->source_root,
                   "sarif: the directory that paths of sources are relative to (default: the "
                   "working directory)")
      ->type_name("DIR");
  check->callback([arguments, &exit_status] { exit_status = RunCheck(*arguments); });
}

}  // namespace tidemark::cli
