#include "profiler/collect/record.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "profiler/collect/preloads.h"
#include "profiler/collect/process.h"
#include "profiler/collect/run_files.h"
#include "profiler/collect/run_report.h"

namespace tidemark::collect {
namespace {

using Clock = std::chrono::steady_clock;

void Say(const std::string& line) { std::fprintf(stderr, "tidemark: %s\n", line.c_str()); }

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, "B");
  if (bytes < 1024 * 1024) return absl::StrFormat("%.1fkB", static_cast<double>(bytes) / 1024);
  return absl::StrFormat("%.1fMB", static_cast<double>(bytes) / (1024 * 1024));
}

// The signals of which record itself must not die while the target runs.
sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  return set;
}

// The environment of the target: ours, with `changes` in the place of equal names.
std::vector<std::string> Environment(
    const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> result;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    // What an outer recording tells its children is not meant for the program that we start.
    if (absl::StartsWith(text, "TIDEMARK_CHILD_OF=")) continue;
    const bool changed = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      return absl::StartsWith(text, change.first + "=");
    });
    if (!changed) result.push_back(text);
  }
  for (const auto& [name, value] : changes) result.push_back(absl::StrCat(name, "=", value));
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

// How often the live heaps are looked at for --growth: a few words of each state.
constexpr std::chrono::milliseconds kGrowthLook(100);

void DropSignals(const sigset_t& pending) {
  const timespec now = {};
  while (sigtimedwait(&pending, nullptr, &now) > 0) continue;
}

int ExitStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// One run, from launch to report.
class Run {
 public:
  Run(const RecordOptions& options, RunFiles files, std::string preloads)
      : options_(options), files_(std::move(files)), preloads_(std::move(preloads)) {}

  int Go() {
    const sigset_t watched = WatchedSignals();
    sigprocmask(SIG_BLOCK, &watched, &original_mask_);
    // Ignored, as some parents leave it, the target's end would not be ours to collect.
    original_child_handler_ = signal(SIGCHLD, SIG_DFL);
    const int failure = Launch();
    // Neither a closed stderr nor a limit on files may cost the target's exit status.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (failure != 0) {
      files_.RemoveStateDirectory();
      sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
      return failure;
    }
    finisher_.emplace(options_.writer);
    Follow(watched);
    CollectRemains();
    DropSignals(watched);  // what came while the target ended was meant for the target
    Finish(watched);
    DropSignals(watched);  // nothing is left to interrupt
    sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
    return ExitStatus(wait_status_);
  }

 private:
  // Starts the target; 0, or the status to exit with after a line on stderr.
  int Launch() {
    std::vector<std::pair<std::string, std::string>> changes = {
        {"LD_PRELOAD", preloads_},
        {"TIDEMARK_OUT", files_.output_directory()},
        {"TIDEMARK_STATE", files_.state_directory()}};
    if (!options_.rate.empty()) changes.emplace_back("TIDEMARK_RATE", options_.rate);
    if (!options_.children.empty()) changes.emplace_back("TIDEMARK_CHILDREN", options_.children);
    if (options_.mmap) changes.emplace_back("TIDEMARK_MMAP", "1");
    if (options_.threads) changes.emplace_back("TIDEMARK_THREADS", "1");
    std::vector<std::string> environment = Environment(changes);
    std::vector<std::string> arguments = options_.command;
    const std::vector<char*> argument_pointers = Pointers(arguments);
    const std::vector<char*> environment_pointers = Pointers(environment);

    // exec's success closes the pipe; its failure comes through it as errno.
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return LaunchFailed(errno);
    child_ = fork();
    if (child_ == 0) {
      signal(SIGCHLD, original_child_handler_);
      sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
      execvpe(argument_pointers[0], argument_pointers.data(), environment_pointers.data());
      const int error = errno;
      const ssize_t written = write(report[1], &error, sizeof(error));
      _exit(written == sizeof(error) ? kCannotRun : kRecordFailed);
    }
    const int fork_error = errno;
    const UniqueFd report_reader(report[0]);
    close(report[1]);
    if (child_ < 0) return LaunchFailed(fork_error);
    started_ = Clock::now();
    int error = 0;
    ssize_t n;
    do {
      n = read(report_reader.get(), &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    if (n == 0) return 0;
    waitpid(child_, nullptr, 0);
    Say(absl::StrCat("cannot run ", options_.command[0], ": ", std::strerror(error)));
    return error == ENOENT ? kNotFound : kCannotRun;
  }

  int LaunchFailed(int error) {
    Say(absl::StrCat("cannot start a process: ", std::strerror(error)));
    return kRecordFailed;
  }

  // Until the target ends: forwards signals, takes snapshots, shows progress.
  void Follow(const sigset_t& watched) {
    const bool interval = options_.interval_s > 0;
    const bool growth = options_.growth_bytes > 0;
    const bool progress = isatty(STDERR_FILENO) != 0;
    const auto step = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(interval ? options_.interval_s : 0));
    Clock::time_point next_snapshot = started_ + step;
    Clock::time_point next_look = started_ + kGrowthLook;
    Clock::time_point next_second = started_ + std::chrono::seconds(1);
    while (waitpid(child_, &wait_status_, WNOHANG) == 0) {
      const Clock::time_point now = Clock::now();
      if (interval && now >= next_snapshot) {
        AddSnapshots(files_.Snapshot("interval", &errors_));
        // After a slow round the missed ones are left out.
        while (next_snapshot <= Clock::now()) next_snapshot += step;
        continue;
      }
      if (growth && now >= next_look) {
        AddSnapshots(files_.SnapshotGrown(options_.growth_bytes, &errors_));
        next_look = Clock::now() + kGrowthLook;
      }
      if (now >= next_second) {
        files_.DropFinished();
        if (progress) ShowProgress();
        next_second = now + std::chrono::seconds(1);
      }
      Clock::time_point until = next_second;
      if (interval) until = std::min(until, next_snapshot);
      if (growth) until = std::min(until, next_look);
      const auto left =
          std::max<int64_t>(0, std::chrono::nanoseconds(until - Clock::now()).count());
      const timespec timeout = {left / 1000000000, left % 1000000000};
      siginfo_t info;
      const int signal = sigtimedwait(&watched, &info, &timeout);
      if (signal > 0 && signal != SIGCHLD && !HasReachedTarget(info)) kill(child_, signal);
    }
    if (progress_shown_) std::fprintf(stderr, "\r\033[K");
  }

  // The terminal (SI_KERNEL) sends to the whole process group, which the target may have left.
  bool HasReachedTarget(const siginfo_t& info) const {
    return info.si_code == SI_KERNEL && getpgid(child_) == getpgrp();
  }

  void AddSnapshots(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) finisher_->Add(path);
    snapshots_ += paths.size();
  }

  // In the background the terminal belongs to somebody else.
  static bool IsTerminalOurs() {
    if (isatty(STDERR_FILENO) == 0) return false;
    const pid_t foreground = tcgetpgrp(STDERR_FILENO);
    return foreground < 0 || foreground == getpgrp();
  }

  void ShowProgress() {
    if (!IsTerminalOurs()) return;
    const RunTotals totals = files_.Totals();
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count();
    std::string line =
        absl::StrCat("tidemark: ", seconds, "s, ", Count(totals.processes, "process"), ", about ",
                     HumanBytes(totals.live_bytes), " live");
    // Exact recording counts per site and thread, and has no such number at hand.
    if (options_.rate != "exact") absl::StrAppend(&line, ", ", Count(totals.samples, "sample"));
    absl::StrAppend(&line, ", ", totals.lost, " lost");
    if (snapshots_ != 0) absl::StrAppend(&line, ", ", Count(snapshots_, "snapshot"));
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    progress_shown_ = true;
  }

  void CollectRemains() {
    for (const std::string& path : files_.CollectRemains(&errors_, &still_running_)) {
      finisher_->Add(path);
    }
    files_.RemoveStateDirectory();
  }

  // Looks symbols up and says what there is.
  void Finish(const sigset_t& watched) {
    const bool progress = IsTerminalOurs();
    if (progress) {
      std::fprintf(stderr, "\r\033[Ktidemark: looking up symbols; Ctrl-C leaves addresses");
    }
    bool interrupted = !AwaitFinisher(watched);
    if (!interrupted) {
      // What is raw still was written by the processes themselves.
      for (const std::string& path : files_.NewRawProfiles()) finisher_->Add(path);
      interrupted = !AwaitFinisher(watched);
    }
    if (progress) std::fprintf(stderr, "\r\033[K");
    const char* active = std::getenv("TIDEMARK_ACTIVE");
    RunOutcome outcome;
    outcome.program = options_.command[0];
    outcome.pid = child_;
    outcome.output_directory = files_.output_directory();
    outcome.was_dormant = active != nullptr && std::strcmp(active, "0") == 0;
    outcome.finished = finisher_->TakeFinished();
    if (interrupted) outcome.raw = files_.NewRawProfiles();
    outcome.errors = std::move(errors_);
    outcome.still_running = std::move(still_running_);
    for (const std::string& line : RunReport(outcome)) Say(line);
    // The finisher is in the middle of a profile, which it replaces in one step or not at all.
    if (interrupted) _exit(ExitStatus(wait_status_));
  }

  // False when a signal came first. It was meant for us: the target has ended.
  bool AwaitFinisher(const sigset_t& watched) {
    sigset_t ending = watched;
    sigdelset(&ending, SIGCHLD);
    while (!finisher_->WaitFor(std::chrono::milliseconds(50))) {
      const timespec now = {};
      if (sigtimedwait(&ending, nullptr, &now) > 0) return false;
    }
    return true;
  }

  const RecordOptions& options_;
  RunFiles files_;
  std::string preloads_;
  sigset_t original_mask_ = {};
  void (*original_child_handler_)(int) = SIG_DFL;
  pid_t child_ = -1;
  int wait_status_ = 0;
  Clock::time_point started_;
  bool progress_shown_ = false;
  uint64_t snapshots_ = 0;
  std::vector<RunningProcess> still_running_;
  std::vector<std::string> errors_;
  std::optional<ProfileFinisher> finisher_;
};

// The value of LD_PRELOAD: the sampler, what stands beneath it, what was there before.
absl::StatusOr<std::string> Preloads(const RecordOptions& options) {
  absl::StatusOr<std::string> preloads = FindPreloadLibrary();
  if (!preloads.ok()) return preloads;
  if (options.tcmalloc) {
    const absl::StatusOr<std::string> allocator = FindTcmalloc();
    if (!allocator.ok()) return allocator.status();
    absl::StrAppend(&*preloads, ":", *allocator);
  }
  const char* inherited = std::getenv("LD_PRELOAD");
  if (inherited != nullptr && *inherited != '\0') absl::StrAppend(&*preloads, ":", inherited);
  return preloads;
}

}  // namespace

int Record(const RecordOptions& options) {
  absl::StatusOr<std::string> preloads = Preloads(options);
  if (!preloads.ok()) {
    Say(std::string(preloads.status().message()));
    return kRecordFailed;
  }
  absl::StatusOr<RunFiles> files = RunFiles::Create(options.output_directory);
  if (!files.ok()) {
    Say(std::string(files.status().message()));
    return kRecordFailed;
  }
  files->set_threads(options.threads);
  return Run(options, *std::move(files), *std::move(preloads)).Go();
}

}  // namespace tidemark::collect
