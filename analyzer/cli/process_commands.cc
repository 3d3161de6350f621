// ps, control.

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/quantities.h"
#include "profiler/collect/control.h"
#include "profiler/collect/recordings.h"
#include "profiler/collect/shell_quoted.h"

namespace tidemark::cli {
namespace {

using collect::Activity;
using collect::Recording;
using End = collect::Recording::End;

constexpr int kRefused = 4;

int Refuse(const absl::Status& status) {
  Fail(status);
  return kRefused;
}

std::string Bytes(uint64_t bytes) {
  return FormatValue(static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX)), "bytes");
}

bool IsExact(const collect::StateSummary& summary) { return summary.header.mode == 1; }

// A process may call itself anything.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return text;
}

const char* ActivityWord(Activity activity) {
  switch (activity) {
    case Activity::kActive:
      return "active";
    case Activity::kPaused:
      return "paused";
    case Activity::kStopped:
      return "stopped";
  }
  return "";
}

const char* StateWord(const Recording& r) {
  switch (r.end) {
    case End::kRunning:
      return ActivityWord(r.wanted.activity);
    case End::kKilled:
      return "killed";
    case End::kUnwritten:
      return "unwritten";
    case End::kWritten:
      return "ended";
    case End::kUnfinished:
      return "unfinished";
  }
  return "";
}

// The name that a loss has in comments, without "loss.".
std::string LossName(size_t loss) {
  return std::string(absl::StripPrefix(state::kLossCommentKeys[loss], "loss."));
}

std::string LossesText(const state::Totals& totals) {
  std::string text;
  for (size_t i = 0; i < state::kLossCount; ++i) {
    if (totals.losses[i] == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", LossName(i), "=", totals.losses[i]);
  }
  return text.empty() ? "none" : text;
}

// --- control

struct ControlArguments {
  pid_t pid = 0;
  std::string rate;
  bool pause = false;
  bool resume = false;
};

std::string ControlText(pid_t pid, const collect::ControlReport& report) {
  const state::Header& header = report.summary.header;
  const state::Totals& totals = report.summary.totals;
  const bool exact = IsExact(report.summary);
  std::string text = absl::StrCat("process:   ", pid, " (", Printable(header.comm), ")\n",
                                  "recording: ", exact ? "exact, " : "sampled, ",
                                  ActivityWord(report.wanted.activity), "\n");
  if (!exact) {
    absl::StrAppend(&text, "rate:      ", report.wanted.rate_bytes, " bytes");
    if (totals.rate_bytes != report.wanted.rate_bytes) {
      absl::StrAppend(&text,
                      totals.rate_doublings != 0 && totals.rate_bytes > report.wanted.rate_bytes
                          ? " wanted; raised by a full table to "
                          : " wanted; until now ",
                      totals.rate_bytes);
    }
    absl::StrAppend(&text, "\nsamples:   ", totals.samples, ", ", totals.live_samples, " live\n");
  }
  absl::StrAppend(&text, "live:      ", Bytes(totals.live_bytes), exact ? "" : " (estimate)",
                  "\nmemory:    ", Bytes(report.memory.rss_bytes), " resident, ",
                  Bytes(report.memory.anonymous_bytes), " of it anonymous\n",
                  "losses:    ", LossesText(totals), "\n");
  return text;
}

int RunControl(const ControlArguments& arguments) {
  collect::ControlChange change;
  change.rate_bytes = ParseBytes(arguments.rate);
  change.rate_exact = arguments.rate == "exact";
  if (arguments.pause || arguments.resume) change.paused = arguments.pause;
  const auto report = collect::ControlProcess(arguments.pid, change);
  if (!report.ok()) return Refuse(report.status());
  std::string text = ControlText(arguments.pid, *report);
  if (change.any()) {
    absl::StrAppend(&text, "Each thread takes a change up within 256 KiB of its allocations.\n");
  }
  return Print(text);
}

// --- ps

struct PsArguments {
  Format format = Format::kText;
  bool remove_dead = false;
};

std::string Age(uint64_t age_ns) {
  const uint64_t seconds = age_ns / 1000000000;
  const uint64_t minutes = seconds / 60;
  const uint64_t hours = minutes / 60;
  if (hours >= 24) return absl::StrFormat("%dd %02dh", hours / 24, hours % 24);
  if (hours > 0) return absl::StrFormat("%d:%02d:%02d", hours, minutes % 60, seconds % 60);
  return absl::StrFormat("%d:%02d", minutes, seconds % 60);
}

// 512K, 1M, 1000: as --rate takes it.
std::string Rate(const Recording& r) {
  if (IsExact(r.summary)) return "exact";
  constexpr absl::string_view kUnits = "KMG";
  uint64_t rate = r.wanted.rate_bytes;
  std::string unit;
  for (size_t i = 0; i < kUnits.size() && rate != 0 && rate % 1024 == 0; ++i) {
    rate /= 1024;
    unit = kUnits[i];
  }
  return absl::StrCat(rate, unit);
}

// The recordings of dead processes: what to type to get at each that is worth it.
std::string DeadText(const std::vector<Recording>& recordings) {
  std::string text;
  size_t needless = 0;
  for (const Recording& r : recordings) {
    if (r.end == End::kRunning) continue;
    if (r.end == End::kWritten || r.end == End::kUnfinished) {
      ++needless;
      continue;
    }
    const std::string remedy =
        r.has_recorder ? "its `tidemark record` will write the profile"
                       : absl::StrCat("tidemark convert ", collect::ShellQuoted(r.state), " -o ",
                                      r.pid, ".pb.gz");
    absl::StrAppend(&text, r.pid, " (", Printable(r.summary.header.comm), ") ",
                    r.end == End::kKilled ? "was killed" : "could not write its profile", ": ",
                    remedy, "\n");
  }
  if (needless != 0) {
    absl::StrAppend(&text, needless, needless == 1 ? " state" : " states",
                    " with nothing in need of saving: tidemark ps --remove-dead\n");
  }
  return text;
}

std::string PsText(const std::vector<Recording>& recordings) {
  std::string out;
  for (const Recording& r : recordings) {
    if (r.end != End::kRunning) continue;
    const state::Totals& totals = r.summary.totals;
    uint64_t lost = 0;
    for (const uint64_t loss : totals.losses) lost += loss;
    if (out.empty()) {
      out = absl::StrFormat("%8s %-15s %-8s %-7s %9s %9s %9s %9s %6s\n", "PID", "COMMAND", "RATE",
                            "STATE", "UPTIME", "SAMPLES", "LIVE", "RSS", "LOST");
    }
    absl::StrAppendFormat(&out, "%8d %-15s %-8s %-7s %9s %9s %9s %9s %6d\n", r.pid,
                          Printable(r.summary.header.comm), Rate(r), StateWord(r), Age(r.age_ns),
                          IsExact(r.summary) ? "-" : absl::StrCat(totals.samples),
                          Bytes(totals.live_bytes), Bytes(r.memory.rss_bytes), lost);
  }
  if (out.empty()) out = "no process is being profiled\n";
  const std::string dead = DeadText(recordings);
  if (!dead.empty()) absl::StrAppend(&out, "\n", dead);
  return out;
}

std::string PsJson(const std::vector<Recording>& recordings) {
  Json rows = Json::array();
  for (const Recording& r : recordings) {
    const bool known = r.end != End::kUnfinished;
    const bool exact = IsExact(r.summary);
    const state::Header& header = r.summary.header;
    const state::Totals& totals = r.summary.totals;
    Json losses = Json::object();
    for (size_t i = 0; i < state::kLossCount; ++i) {
      if (totals.losses[i] != 0) losses[LossName(i)] = totals.losses[i];
    }
    const auto if_known = [&](const Json& value) { return known ? value : Json(); };
    const auto if_running = [&](const Json& value) {
      return r.end == End::kRunning ? value : Json();
    };
    rows.push_back({{"pid", if_known(r.pid)},
                    {"comm", if_known(header.comm)},
                    {"state", StateWord(r)},
                    {"mode", if_known(exact ? "exact" : "sampled")},
                    {"rate_bytes", if_known(totals.rate_bytes)},
                    {"wanted_rate_bytes", if_running(exact ? 1 : r.wanted.rate_bytes)},
                    {"uptime_seconds", if_known(r.age_ns / 1000000000)},
                    {"samples", if_known(exact ? Json() : Json(totals.samples))},
                    {"live_bytes", if_known(totals.live_bytes)},
                    {"rss_bytes", if_running(r.memory.rss_bytes)},
                    {"anonymous_bytes", if_running(r.memory.anonymous_bytes)},
                    {"losses", losses},
                    {"state_file", r.state},
                    {"output_directory", if_known(header.output_directory)},
                    {"has_recorder", r.has_recorder}});
  }
  return DumpDocument(Json{{"schema", "tidemark.ps/1"}, {"rows", rows}});
}

int RemoveDead(const std::vector<Recording>& recordings) {
  std::vector<std::string> errors;
  std::string text;
  for (const std::string& path : collect::RemoveDeadStates(recordings, &errors)) {
    absl::StrAppend(&text, "removed ", path, "\n");
  }
  if (text.empty() && errors.empty()) text = "nothing to remove\n";
  const int printed = text.empty() ? 0 : Print(text);
  for (const std::string& error : errors) Fail(absl::PermissionDeniedError(error));
  return errors.empty() ? printed : kRefused;
}

int RunPs(const PsArguments& arguments) {
  std::vector<Recording> recordings = collect::FindRecordings();
  if (arguments.remove_dead) return RemoveDead(recordings);
  // What a recorder that runs keeps of ended processes is its own business.
  std::erase_if(recordings,
                [](const Recording& r) { return r.end == End::kWritten && r.has_recorder; });
  return Print(arguments.format == Format::kJson ? PsJson(recordings) : PsText(recordings));
}

}  // namespace

void AddProcessCommands(CLI::App& app, int& exit_status) {
  CLI::App* const ps = app.add_subcommand(
      "ps", "List the processes that are being profiled, and what dead ones left");
  const auto ps_arguments = std::make_shared<PsArguments>();
  AddFormatOption(*ps, ps_arguments->format);
  ps->add_flag("--remove-dead", ps_arguments->remove_dead,
               "Remove the states that dead processes left, and say which");
  ps->callback([ps_arguments, &exit_status] { exit_status = RunPs(*ps_arguments); });

  CLI::App* const control =
      app.add_subcommand("control", "Turn the recording of a running program up, down, off or on");
  const auto control_arguments = std::make_shared<ControlArguments>();
  control->add_option("PID", control_arguments->pid, "A process that is being profiled")
      ->required()
      ->type_name("")
      ->check(CheckWhole(1, INT32_MAX));
  control
      ->add_option("--rate", control_arguments->rate,
                   "Mean bytes allocated between two samples from now on")
      ->type_name("BYTES")
      ->check(CheckRate);
  CLI::Option* const pause = control->add_flag("--pause", control_arguments->pause,
                                               "Record no allocations; frees are still followed");
  control->add_flag("--resume", control_arguments->resume, "Record again")->excludes(pause);
  control->footer(
      "Without an option: shows what is in force. A change reaches each thread within\n"
      "256 KiB of its allocations, also in a program started with TIDEMARK_ACTIVE=0.");
  control->callback(
      [control_arguments, &exit_status] { exit_status = RunControl(*control_arguments); });
}

}  // namespace tidemark::cli
