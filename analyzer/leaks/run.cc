#include "analyzer/leaks/run.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "analyzer/base/rounding.h"

namespace tidemark::leaks {
namespace {

// 0 when the profile does not have the type.
double TotalOf(const Profile& profile, absl::string_view name) {
  const int type = profile.FindSampleType(name);
  double total = 0;
  if (type < 0) return total;
  for (int64_t value : profile.values(static_cast<size_t>(type))) {
    total += static_cast<double>(value);
  }
  return total;
}

double LiveBytes(const Profile& profile) { return TotalOf(profile, "inuse_space"); }
double AllocBytes(const Profile& profile) { return TotalOf(profile, "alloc_space"); }

// A later snapshot of one process cannot have allocated less. Without process ids, that
// is how a restart shows (as it does in counters of other monitoring). With them it is none:
// the recorder restates what was allocated when it thins its live table.
bool CounterFell(const Profile& before, const Profile& after) {
  if (after.FindSampleType("alloc_space") < 0) return false;
  constexpr double kRounding = 0.999;
  return AllocBytes(after) < kRounding * AllocBytes(before);
}

int64_t StartOf(const Profile& profile) {
  return SaturatingDifference(profile.time_ns(), std::max<int64_t>(0, profile.duration_ns()));
}

// The executable, as far as a profile tells: its build, else its file. It is the first mapping.
std::string ProgramOf(const Profile& profile) {
  if (profile.mappings().empty()) return "";
  const Mapping& mapping = profile.mappings().front();
  const absl::string_view build_id = profile.string(mapping.build_id);
  return std::string(build_id.empty() ? profile.string(mapping.file) : build_id);
}

// One process's snapshots.
struct Process {
  std::string id;  // "" where the profiles do not say
  std::string program;
  Snapshots snapshots;

  int64_t begin_ns() const { return StartOf(*snapshots.front()); }
  int64_t end_ns() const { return snapshots.back()->time_ns(); }
  double most_live() const {
    double most = 0;
    for (const auto& snapshot : snapshots) most = std::max(most, LiveBytes(*snapshot));
    return most;
  }
  std::string file() const {
    const absl::Span<const Mapping> mappings = snapshots.back()->mappings();
    return mappings.empty() ? "?" : std::string(snapshots.back()->string(mappings.front().file));
  }
  std::string pid() const { return std::string(RecorderComment(*snapshots.back(), "pid")); }
};

// `snapshots` in the order of time.
std::vector<Process> ByProcess(const Snapshots& snapshots) {
  std::vector<Process> processes;
  for (const auto& snapshot : snapshots) {
    const absl::string_view id = RecorderComment(*snapshot, "process_id");
    const std::string program = ProgramOf(*snapshot);
    // The latest with this id; without one only the latest of its program can go on.
    const auto same =
        std::find_if(processes.rbegin(), processes.rend(), [&](const Process& process) {
          return process.id == id && (!id.empty() || process.program == program);
        });
    const bool goes_on = same != processes.rend() &&
                         !(id.empty() && CounterFell(*same->snapshots.back(), *snapshot));
    if (goes_on) {
      same->snapshots.push_back(snapshot);
    } else {
      processes.push_back({std::string(id), program, {snapshot}});
    }
  }
  return processes;
}

// Whether `other` ran at the same time. Without ids two of one program are one after the other.
bool RanBeside(const Process& other, const Process& process) {
  const bool can_tell = !other.id.empty() || other.program != process.program;
  return can_tell && other.end_ns() > process.begin_ns();
}

// The newest, or of those that ran at the same time the one that held most.
size_t ChooseProcess(const std::vector<Process>& processes) {
  size_t newest = 0;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (processes[i].end_ns() >= processes[newest].end_ns()) newest = i;
  }
  size_t chosen = newest;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (i != newest && RanBeside(processes[i], processes[newest]) &&
        processes[i].most_live() > processes[chosen].most_live())
      chosen = i;
  }
  return chosen;
}

std::string CountOf(size_t n) {
  return absl::StrCat(n, n == 1 ? " snapshot is" : " snapshots are");
}

// Rounded up: a bound that lets `time_ns` pass.
std::string ClockTime(int64_t time_ns) {
  const absl::Time whole = absl::FromUnixNanos(time_ns) + absl::Seconds(1) - absl::Nanoseconds(1);
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", whole, absl::UTCTimeZone());
}

void NoteOthers(const std::vector<Process>& processes, size_t chosen, Run& run) {
  const Process& judged = processes[chosen];
  size_t earlier = 0;
  size_t beside = 0;
  const Process* longer = nullptr;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (i == chosen) continue;
    const Process& other = processes[i];
    const bool is_beside = RanBeside(other, judged);
    (is_beside ? beside : earlier) += other.snapshots.size();
    if (!is_beside && other.snapshots.size() >= kTrendSnapshots) longer = &other;
  }
  if (earlier > 0) {
    run.notes.push_back(absl::StrCat(
        CountOf(earlier), " of another process (was it restarted?) and left out: only the newest ",
        "process counts"));
    if (longer != nullptr && judged.snapshots.size() < kTrendSnapshots) {
      run.notes.push_back(absl::StrCat("the process before has ", longer->snapshots.size(),
                                       " snapshots: leaks --until ", ClockTime(longer->end_ns()),
                                       " judges it"));
    }
  }
  if (beside > 0) {
    const std::string pid = judged.pid();
    run.notes.push_back(absl::StrCat(
        CountOf(beside), " of other processes that ran beside ",
        pid.empty() ? "program " + judged.file() : "process " + pid,
        ", which held most, and left out: ",
        pid.empty() ? "give the files of another alone" : "leaks --pid names another"));
  }
}

// A program that frees its heap before it exits hides every leak from its last snapshot.
void LeaveOutTeardown(Run& run) {
  Snapshots& snapshots = run.snapshots;
  if (snapshots.size() < 2 || RecorderComment(*snapshots.back(), "reason") != "exit") return;
  constexpr double kTornDown = 0.8;
  if (LiveBytes(*snapshots.back()) >= kTornDown * LiveBytes(*snapshots[snapshots.size() - 2])) {
    return;
  }
  snapshots.pop_back();
  run.notes.push_back(
      "the snapshot at exit is left out: the program had freed memory on its way out");
}

// One file named twice, or copied, would be two levels at one time.
void LeaveOutCopies(Run& run) {
  const auto is_copy = [](const auto& a, const auto& b) {
    return a->time_ns() > 0 && a->time_ns() == b->time_ns() && LiveBytes(*a) == LiveBytes(*b) &&
           AllocBytes(*a) == AllocBytes(*b);
  };
  Snapshots& snapshots = run.snapshots;
  const auto end = std::unique(snapshots.begin(), snapshots.end(), is_copy);
  const size_t copies = static_cast<size_t>(snapshots.end() - end);
  if (copies == 0) return;
  snapshots.erase(end, snapshots.end());
  run.notes.push_back(absl::StrCat(CountOf(copies), " given twice and counted once"));
}

// What `choice` lets pass, in the order of time.
Snapshots Chosen(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                 const RunChoice& choice) {
  Snapshots result;
  for (const auto& snapshot : snapshots) {
    if (choice.since_ns && snapshot->time_ns() < *choice.since_ns) continue;
    if (choice.until_ns && snapshot->time_ns() > *choice.until_ns) continue;
    int64_t pid = 0;
    if (choice.pid &&
        (!absl::SimpleAtoi(RecorderComment(*snapshot, "pid"), &pid) || pid != *choice.pid)) {
      continue;
    }
    result.push_back(snapshot);
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return a->time_ns() < b->time_ns(); });
  return result;
}

}  // namespace

absl::string_view RecorderComment(const Profile& profile, absl::string_view key) {
  for (const StringId comment : profile.comments()) {
    absl::string_view text = profile.string(comment);
    if (absl::ConsumePrefix(&text, "tidemark.") && absl::ConsumePrefix(&text, key) &&
        absl::ConsumePrefix(&text, "=")) {
      return text;
    }
  }
  return {};
}

absl::StatusOr<Run> ChooseRun(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                              const RunChoice& choice) {
  const Snapshots chosen = Chosen(snapshots, choice);
  if (chosen.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "none of the ", snapshots.size(), " snapshots is left by --since, --until and --pid"));
  }
  std::vector<Process> processes = ByProcess(chosen);
  const size_t judged = ChooseProcess(processes);
  Run run;
  if (chosen.size() < snapshots.size()) {
    run.notes.push_back(absl::StrCat(CountOf(snapshots.size() - chosen.size()),
                                     " left out by --since, --until or --pid"));
  }
  NoteOthers(processes, judged, run);
  run.snapshots = std::move(processes[judged].snapshots);
  LeaveOutCopies(run);
  LeaveOutTeardown(run);
  return run;
}

}  // namespace tidemark::leaks
