// check.

#include <cmath>
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
#include "analyzer/io/write_file.h"
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
  std::string output;  // empty: standard output
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
                                                 const OpenOptions& options) {
  auto snapshots = OpenSnapshots({path}, options);
  if (!snapshots.ok()) return snapshots.status();
  std::vector<ProfilePtr> profiles;
  for (Snapshot& snapshot : *snapshots) profiles.push_back(std::move(snapshot.profile));
  return profiles;
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
  const auto open = arguments.site.open_options();
  if (!open.ok()) return Fail(open.status());
  const auto base = OpenSide(arguments.base, *open);
  if (!base.ok()) return Fail(base.status());
  const auto now = OpenSide(arguments.file, *open);
  if (!now.ok()) return Fail(now.status());
  const auto result = leaks::RunGate(*base, *now, arguments.sample_index, arguments.policy);
  if (!result.ok()) return Fail(result.status());
  const std::string report = Report(*result, arguments);
  if (!arguments.output.empty()) {
    const absl::Status written = io::WriteFileAtomically(arguments.output, report);
    if (!written.ok()) {
      Fail(written);
      return 4;
    }
  }
  // A log should say why a job failed, wherever the report went.
  const int printed = Print(arguments.output.empty() ? report : CheckText(*result));
  if (printed != 0) return printed;
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
  check->add_flag("--no-new-leaks", arguments->policy.no_new_leaks,
                  "No site whose verdict is worse than in BASE (or that is new) and that grew. If "
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
      ->add_option("-o,--output", arguments->output,
                   "Where the report goes; standard output has the text all the same")
      ->type_name("OUT");
  check
      ->add_option("--source-root", arguments->source_root,
                   "sarif: the directory that paths of sources are relative to (default: the "
                   "working directory)")
      ->type_name("DIR");
  check->callback([arguments, &exit_status] { exit_status = RunCheck(*arguments); });
}

}  // namespace tidemark::cli
