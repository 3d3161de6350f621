// record, snapshot.

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/io/open.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/symbolize/symbolizer.h"
#include "profiler/collect/record.h"
#include "profiler/collect/snapshot.h"
#include "profiler/collect/state_reader.h"

namespace tidemark::cli {
namespace {

constexpr int kRefused = 4;
constexpr char kDefaultDirectory[] = "tidemark.out";

// The profile in `bytes`, symbolized and compressed, to `path`; the number of its rows.
// Modules without symbols are no failure: their addresses stay.
absl::StatusOr<uint64_t> WriteSymbolized(const std::string& path, const std::string& bytes) {
  auto profile = io::OpenBytes(bytes, path);
  if (!profile.ok()) return profile.status();
  auto result = symbolize::Symbolize(*profile, {});
  if (!result.ok()) return result.status();
  const Profile& symbolized = *result->profile;
  const absl::Status status =
      io::WriteFileAtomically(path, io::ToPprof(symbolized, io::Compression::kGzip));
  if (!status.ok()) return status;
  return symbolized.sample_count();
}

// What libtidemark.so accepts: exact, or 1 to 2^40, with K, M or G. CLI11 shows what comes back as
// the option's error; empty: fine.
std::string CheckRate(const std::string& rate) {
  if (rate == "exact") return "";
  constexpr absl::string_view kUnits = "KMG";
  constexpr uint64_t kLimit = uint64_t{1} << 40;
  absl::string_view digits = rate;
  unsigned shift = 0;
  if (!digits.empty()) {
    const size_t unit = kUnits.find(absl::ascii_toupper(static_cast<unsigned char>(digits.back())));
    if (unit != absl::string_view::npos) {
      shift = 10 * static_cast<unsigned>(unit + 1);
      digits.remove_suffix(1);
    }
  }
  uint64_t bytes = 0;
  const bool number = std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                      absl::SimpleAtoi(digits, &bytes);
  if (number && bytes >= 1 && bytes <= kLimit >> shift) return "";
  return absl::StrCat("\"", rate, "\" is neither a number of bytes from 1 to 1024G nor exact");
}

std::string CheckInterval(const std::string& interval) {
  double seconds = 0;
  if (absl::SimpleAtod(interval, &seconds) && seconds >= 0.01 && seconds <= 1e6) return "";
  return absl::StrCat("\"", interval, "\" is not a number of seconds from 0.01 to 1000000");
}

struct RecordArguments {
  std::vector<std::string> command;
  std::string output = kDefaultDirectory;
  std::string rate;
  double interval_s = 0;
};

int RunRecord(const RecordArguments& arguments) {
  return collect::Record({.command = arguments.command,
                          .output_directory = arguments.output,
                          .rate = arguments.rate,
                          .interval_s = arguments.interval_s,
                          .writer = WriteSymbolized});
}

struct SnapshotArguments {
  std::string target;  // a PID, or the path of a state
  std::string output;
};

struct SnapshotTarget {
  collect::StateSource source;
  pid_t pid;  // 0: not a running process
};

absl::StatusOr<SnapshotTarget> FindTarget(const std::string& target) {
  pid_t pid = 0;
  if (absl::SimpleAtoi(target, &pid) && pid > 0) {
    auto source = collect::StateSource::OpenProcess(pid);
    if (!source.ok()) return source.status();
    return SnapshotTarget{*std::move(source), pid};
  }
  auto source = collect::StateSource::OpenFile(target);
  if (!source.ok()) return source.status();
  return SnapshotTarget{*std::move(source), collect::ProcessUsingState(target)};
}

int Refuse(const absl::Status& status) {
  Fail(status);
  return kRefused;
}

int RunSnapshot(const SnapshotArguments& arguments) {
  const auto target = FindTarget(arguments.target);
  if (!target.ok()) return Refuse(target.status());
  const auto snapshot = collect::TakeSnapshot(
      target->source,
      {.reason = target->pid != 0 ? "on demand" : "after death", .pid = target->pid});
  if (!snapshot.ok()) return Refuse(snapshot.status());
  std::string path = arguments.output;
  if (path.empty()) {
    const auto reserved = collect::ReserveSnapshotFile(*snapshot, kDefaultDirectory);
    if (!reserved.ok()) return Refuse(reserved.status());
    path = *reserved;
  }
  const auto rows = WriteSymbolized(path, snapshot->pprof);
  if (!rows.ok()) {
    if (arguments.output.empty()) unlink(path.c_str());
    return Refuse(rows.status());
  }
  return Print(absl::StrCat(path, "\n"));
}

}  // namespace

void AddRecordCommands(CLI::App& app, int& exit_status) {
  CLI::App* const record =
      app.add_subcommand("record", "Run a program and record where its memory comes from");
  const auto record_arguments = std::make_shared<RecordArguments>();
  record->add_option("-o,--output", record_arguments->output, "Directory for the profiles")
      ->type_name("DIR")
      ->capture_default_str();
  record
      ->add_option("--rate", record_arguments->rate,
                   "Mean bytes allocated between two samples (default: 524288), or\n"
                   "exact: every allocation")
      ->type_name("BYTES|exact")
      ->check(CheckRate);
  record
      ->add_option("--interval", record_arguments->interval_s,
                   "Take a snapshot of every process each S seconds")
      ->type_name("S")
      ->check(CheckInterval);
  // The arguments behind CMD come as what is left over: as values of an option CLI11 would
  // take "[a,b]" apart. The mark is asked for because without it -o would be ours.
  record->add_option("CMD", record_arguments->command.emplace_back(), "The program")
      ->required()
      ->type_name("[ARGS], after --");
  record->prefix_command();
  record->callback([record, record_arguments, &exit_status] {
    const std::vector<std::string> rest = record->remaining();
    if (rest.empty() || rest.front() != "--") {
      throw CLI::ValidationError("CMD", "put -- before the program to run");
    }
    record_arguments->command.insert(record_arguments->command.end(), rest.begin() + 1, rest.end());
    exit_status = RunRecord(*record_arguments);
  });

  CLI::App* const snapshot =
      app.add_subcommand("snapshot", "Write a profile of a running program, without stopping it");
  const auto snapshot_arguments = std::make_shared<SnapshotArguments>();
  snapshot
      ->add_option("PID", snapshot_arguments->target,
                   "A process that is being recorded, or the state file of one that died")
      ->required()
      ->type_name("");
  snapshot
      ->add_option("-o,--output", snapshot_arguments->output,
                   "The profile (default: a new name in tidemark.out)")
      ->type_name("FILE");
  snapshot->callback(
      [snapshot_arguments, &exit_status] { exit_status = RunSnapshot(*snapshot_arguments); });
}

}  // namespace tidemark::cli
