#include "profiler/collect/run_report.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profiler/collect/executable.h"
#include "profiler/collect/shell_quoted.h"

namespace tidemark::collect {
namespace {

// A profile's path without SEQ.pb.gz: equal for the profiles of one process.
std::string WithoutSequence(const std::string& path) {
  return path.substr(0, path.size() - std::strlen("0001.pb.gz"));
}

// One line for each kind of trouble: a full disk fails every snapshot of a long run.
std::vector<std::string> ErrorLines(const RunOutcome& outcome) {
  std::vector<std::string> errors = outcome.errors;
  for (const ProfileFinisher::Finished& f : outcome.finished) {
    if (!f.facts.ok()) errors.push_back(std::string(f.facts.status().message()));
  }
  std::vector<std::pair<std::string, std::string>> first;  // of each kind: kind, message
  std::map<std::string, int> counts;
  for (const std::string& error : errors) {
    const std::string kind = error.substr(0, error.find(" (where: "));
    if (counts[kind]++ == 0) first.emplace_back(kind, error);
  }
  std::vector<std::string> lines;
  for (const auto& [kind, message] : first) {
    const int more = counts[kind] - 1;
    lines.push_back(more == 0 ? message : absl::StrCat(message, ", and ", more, " more of these"));
  }
  return lines;
}

// Losses are counted from a process's start, so the last of its profiles has them all.
std::map<std::string, uint64_t> Losses(const RunOutcome& outcome) {
  std::map<std::string, std::map<std::string, uint64_t>> by_process;
  for (const ProfileFinisher::Finished& f : outcome.finished) {
    if (!f.facts.ok()) continue;
    for (const auto& [name, count] : f.facts->losses) {
      uint64_t& most = by_process[WithoutSequence(f.path)][name];
      most = std::max(most, count);
    }
  }
  std::map<std::string, uint64_t> losses;
  for (const auto& [process, own] : by_process) {
    for (const auto& [name, count] : own) losses[name] += count;
  }
  return losses;
}

void AddStillRunning(const RunOutcome& outcome, std::vector<std::string>* lines) {
  std::vector<std::string> names;
  for (const RunningProcess& p : outcome.still_running) {
    names.push_back(absl::StrCat(p.pid, " (", p.comm, ")"));
  }
  const bool one = names.size() == 1;
  lines->push_back(absl::StrCat(
      outcome.program, " has ended, but ", Count(names.size(), "process"), " it started still run",
      one ? "s" : "", " and record", one ? "s" : "", ": ", absl::StrJoin(names, ", "),
      "; each writes its profile to ", outcome.output_directory, " when it ends"));
  lines->push_back(absl::StrCat("meanwhile: tidemark snapshot ", outcome.still_running.front().pid,
                                ", or tidemark ps for all"));
}

// What the program's file says about it; "" for nothing.
std::string ReasonInFile(const RunOutcome& outcome) {
  const absl::StatusOr<std::string> program = ResolveProgram(outcome.program);
  return program.ok() ? WhyNothingRecorded(*program) : "";
}

std::string WhyNoProfile(const RunOutcome& outcome) {
  std::string why = ReasonInFile(outcome);
  if (!why.empty()) return why;
  return absl::StrCat("no process of ", outcome.program,
                      " loaded libtidemark.so and lived to write one");
}

std::string WhyNoSamples(const RunOutcome& outcome) {
  std::string why = ReasonInFile(outcome);
  if (!why.empty()) return why;
  if (outcome.was_dormant) {
    return "recording was dormant (TIDEMARK_ACTIVE=0) and nobody woke it with tidemark control "
           "PID --resume";
  }
  return "the program allocated too little for the sampling distance; lower it, as in --rate 4096";
}

// The last of the profiles of the program itself, "" if it has none. After an exec one PID has
// several process ids: the last one's are the program that ran.
std::string LastOf(pid_t pid, const std::vector<std::string>& profiles) {
  const std::string pid_part = absl::StrCat(".", pid, ".");
  std::string last;
  for (const std::string& path : profiles) {
    if (absl::StrContains(path.substr(path.rfind('/')), pid_part)) last = path;
  }
  return last;
}

// The profiles of the program itself, else of another process, as short as a shell takes them.
std::string NextArgument(pid_t pid, const std::vector<std::string>& profiles) {
  std::string last = LastOf(pid, profiles);
  if (last.empty()) last = profiles.back();
  const std::string group = WithoutSequence(last);
  const auto in_group = std::count_if(profiles.begin(), profiles.end(), [&](const auto& path) {
    return absl::StartsWith(path, group);
  });
  return in_group == 1 ? ShellQuoted(last) : absl::StrCat(ShellQuoted(group), "*.pb.gz");
}

}  // namespace

std::vector<std::string> RunReport(const RunOutcome& outcome) {
  std::vector<std::string> lines = ErrorLines(outcome);
  const bool any_errors = !lines.empty();
  const std::map<std::string, uint64_t> losses = Losses(outcome);
  if (!losses.empty()) {
    lines.push_back(absl::StrCat("lost: ", absl::StrJoin(losses, ", ", absl::PairFormatter(" "))));
  }
  if (!outcome.still_running.empty()) AddStillRunning(outcome, &lines);

  std::set<std::string> empty;
  std::vector<std::string> profiles;
  for (const ProfileFinisher::Finished& f : outcome.finished) {
    if (f.facts.ok() && f.facts->rows == 0) empty.insert(f.path);
    if (access(f.path.c_str(), R_OK) == 0) profiles.push_back(f.path);
  }
  profiles.insert(profiles.end(), outcome.raw.begin(), outcome.raw.end());
  std::sort(profiles.begin(), profiles.end());
  profiles.erase(std::unique(profiles.begin(), profiles.end()), profiles.end());
  if (profiles.empty()) {
    if (outcome.still_running.empty() && !any_errors) {
      lines.push_back(absl::StrCat("no profile: ", WhyNoProfile(outcome)));
    }
    return lines;
  }
  lines.push_back(
      absl::StrCat(Count(profiles.size(), "profile"), " in ", outcome.output_directory));
  if (!outcome.raw.empty()) {
    lines.push_back(absl::StrCat("interrupted: of these ", outcome.raw.size(),
                                 " with addresses only, which later commands look up"));
  }
  const bool has_own = !LastOf(outcome.pid, profiles).empty();
  std::erase_if(profiles, [&](const std::string& path) { return empty.contains(path); });
  if (profiles.empty()) {
    lines.push_back(absl::StrCat("no samples: ", WhyNoSamples(outcome)));
    return lines;
  }
  if (has_own && LastOf(outcome.pid, profiles).empty()) {
    lines.push_back(
        absl::StrCat("no samples of ", outcome.program, " itself: ", WhyNoSamples(outcome)));
  }
  lines.push_back(absl::StrCat("next: tidemark leaks ", NextArgument(outcome.pid, profiles)));
  return lines;
}

std::string Count(uint64_t n, const char* what) {
  const char* plural = n == 1 ? "" : absl::EndsWith(what, "s") ? "es" : "s";
  return absl::StrCat(n, " ", what, plural);
}

}  // namespace tidemark::collect
