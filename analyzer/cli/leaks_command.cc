#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "analyzer/base/rounding.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/leaks_json.h"
#include "analyzer/cli/leaks_text.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/quantities.h"
#include "analyzer/cli/snapshot_files.h"
#include "analyzer/cli/time_argument.h"
#include "analyzer/io/url.h"
#include "analyzer/leaks/ranking.h"

namespace tidemark::cli {
namespace {

constexpr size_t kShownFindings = 10;
// As a mark: each snapshot is one.
constexpr absl::string_view kEach = "each";

struct LeaksArguments {
  std::vector<std::string> paths;
  std::optional<size_t> nodecount;
  std::string since;
  std::string until;
  std::optional<int64_t> pid;
  std::vector<std::string> marks;
  std::string limit;
  SiteFlags site;
  Format format = Format::kText;
};

std::string CheckMark(const std::string& text) {
  if (text == kEach) return "";
  const std::string error = CheckMoment(text);
  return error.empty() ? "" : absl::StrCat(error, ", nor ", kEach);
}

// When the newest snapshot's recording began (or the oldest snapshot was taken), and when
// that snapshot was.
struct Span {
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
};
Span SpanOf(const std::vector<Snapshot>& snapshots) {
  const auto [oldest, newest] = std::minmax_element(
      snapshots.begin(), snapshots.end(),
      [](const auto& a, const auto& b) { return a.profile->time_ns() < b.profile->time_ns(); });
  const int64_t end = newest->profile->time_ns();
  const int64_t duration = newest->profile->duration_ns();
  return {duration > 0 ? SaturatingDifference(end, duration) : oldest->profile->time_ns(), end};
}

leaks::Options OptionsOf(const LeaksArguments& arguments, const Span& span) {
  const auto resolve = [&](const std::string& text) {
    return ParseMoment(text)->Resolve(span.begin_ns, span.end_ns);
  };
  leaks::Options options;
  if (!arguments.since.empty()) options.run.since_ns = resolve(arguments.since);
  if (!arguments.until.empty()) options.run.until_ns = resolve(arguments.until);
  options.run.pid = arguments.pid;
  for (const std::string& mark : arguments.marks) {
    const std::optional<Moment> moment = ParseMoment(mark);
    if (mark == kEach) {
      options.marks.at_each_snapshot = true;
    } else if (moment->from == Moment::From::kBegin) {
      options.marks.since_s.push_back(static_cast<double>(moment->ns) / 1e9);
    } else {
      options.marks.times_ns.push_back(moment->Resolve(span.begin_ns, span.end_ns));
    }
  }
  if (!arguments.limit.empty()) options.limit_bytes = *ParseSize(arguments.limit);
  return options;
}

// In a command, what a function refuses is bad input, not wrong usage.
absl::Status AsInputError(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  return absl::FailedPreconditionError(status.message());
}

std::string TimeText(int64_t ns) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixNanos(ns), absl::LocalTimeZone());
}

void WarnOfMarksOutside(const std::vector<std::string>& marks, const Span& span,
                        const leaks::Ranking& ranking) {
  if (ranking.generations.empty() || ranking.times_ns.back() <= 0) return;
  // Of the process that is judged, which `span` need not be.
  const int64_t end_ns = ranking.times_ns.back();
  const int64_t begin_ns =
      SaturatingDifference(end_ns, Rounded(ranking.generations.back().end_s * 1e9));
  for (const std::string& mark : marks) {
    if (mark == kEach) continue;
    const Moment moment = *ParseMoment(mark);
    const int64_t at = moment.from == Moment::From::kBegin
                           ? SaturatingDifference(begin_ns, -moment.ns)
                           : moment.Resolve(span.begin_ns, span.end_ns);
    if (at > begin_ns && at < end_ns) continue;
    Warn(absl::StrCat("--mark ", mark, ": outside the run, which is from ", TimeText(begin_ns),
                      " to ", TimeText(end_ns)));
  }
}

// What to run next on the worst site.
std::string NextStep(const leaks::Ranking& ranking, const std::vector<Snapshot>& snapshots) {
  if (ranking.findings.empty() || ranking.findings[0].verdict > leaks::Verdict::kSuspect) return "";
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.profile != ranking.newest) continue;
    return absl::StrCat("\nwhy it stays: tidemark escape ", io::SourceName(snapshot.source), "\n");
  }
  return "";
}

int RunLeaks(const LeaksArguments& arguments) {
  const auto open = arguments.site.open_options();
  if (!open.ok()) return Fail(open.status());
  if (const absl::Status used = CheckSeconds(arguments.paths, open->fetch); !used.ok()) {
    return Fail(used);
  }
  const auto snapshots = OpenSnapshots(arguments.paths, *open);
  if (!snapshots.ok()) return Fail(snapshots.status());
  std::vector<std::shared_ptr<const Profile>> profiles;
  for (const Snapshot& snapshot : *snapshots) profiles.push_back(snapshot.profile);
  const Span span = SpanOf(*snapshots);
  const leaks::Options options = OptionsOf(arguments, span);
  if (options.run.since_ns && options.run.until_ns &&
      *options.run.since_ns > *options.run.until_ns) {
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("--since ", arguments.since, ": later than --until ", arguments.until)));
  }
  auto ranking = leaks::Rank(profiles, options);
  if (!ranking.ok()) return Fail(AsInputError(ranking.status()));
  WarnOfMarksOutside(arguments.marks, span, *ranking);
  const size_t total = ranking->findings.size();
  const bool is_json = arguments.format == Format::kJson;
  const size_t limit = arguments.nodecount.value_or(is_json ? 0 : kShownFindings);
  if (limit != 0 && limit < total) ranking->findings.resize(limit);
  if (is_json) return Print(LeaksJson(*ranking));
  return Print(LeaksText(*ranking, total) + NextStep(*ranking, *snapshots));
}

}  // namespace

void AddLeaksCommand(CLI::App& app, int& exit_status) {
  CLI::App* const leaks = app.add_subcommand("leaks", "Which allocation sites leak, and how fast");
  const auto arguments = std::make_shared<LeaksArguments>();
  leaks
      ->add_option("FILE", arguments->paths,
                   "Snapshots, or directories of them: one gives suspects, two growth, three or "
                   "more the trend")
      ->required()
      ->type_name("");
  leaks
      ->add_option("--nodecount", arguments->nodecount,
                   "Show this many sites, 0 all (default 10; all in json)")
      ->check(CheckWhole(0))
      ->type_name("N");
  leaks
      ->add_option("--since", arguments->since,
                   "Only snapshots from this moment on: 2026-11-30T10:00, @SECONDS, +10m after the "
                   "recording began, -1h before the newest snapshot")
      ->type_name("WHEN")
      ->check(CheckMoment);
  leaks->add_option("--until", arguments->until, "Only snapshots up to this moment")
      ->type_name("WHEN")
      ->check(CheckMoment);
  leaks
      ->add_option("--pid", arguments->pid,
                   "Of several processes judge this one (default: the newest, of those that ran "
                   "beside it the largest)")
      ->check(CheckWhole(1))
      ->type_name("PID");
  leaks
      ->add_option("--mark", arguments->marks,
                   "Ends a generation: of what was allocated in each, how much is still live? A "
                   "moment, or each for every snapshot; may be repeated")
      ->type_name("WHEN")
      ->allow_extra_args(false)
      ->check(CheckMark);
  leaks
      ->add_option("--limit", arguments->limit,
                   "Say when the process reaches this much memory, such as 4GiB (default: the "
                   "limit of its cgroup, if it has one)")
      ->type_name("BYTES")
      ->check(CheckSize);
  AddSiteOptions(*leaks, arguments->site);
  AddFormatOption(*leaks, arguments->format);
  leaks->callback([arguments, &exit_status] { exit_status = RunLeaks(*arguments); });
}

}  // namespace tidemark::cli
