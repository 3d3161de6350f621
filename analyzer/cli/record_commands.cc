// record, snapshot.

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/quantities.h"
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
constexpr char kNoThreads[] = "exact recording keeps no single blocks whose thread could be named";

// The profile in `bytes`, symbolized.
// Modules without symbols are no failure: their addresses stay.
absl::StatusOr<std::shared_ptr<const Profile>> Symbolized(const std::string& name,
                                                          const std::string& bytes) {
  auto profile = io::OpenBytes(bytes, name);
  if (!profile.ok()) return profile.status();
  symbolize::Options options;
  options.remote = false;  // nobody waits for a network here; the profile can be symbolized later
  auto result = symbolize::Symbolize(*profile, options);
  if (!result.ok()) return result.status();
  return std::move(result->profile);
}

// The same, compressed, to `path`.
absl::StatusOr<collect::ProfileFacts> WriteSymbolized(const std::string& path,
                                                      const std::string& bytes) {
  const auto symbolized = Symbolized(path, bytes);
  if (!symbolized.ok()) return symbolized.status();
  const absl::Status status =
      io::WriteFileAtomically(path, io::ToPprof(**symbolized, io::Compression::kGzip));
  if (!status.ok()) return status;
  return collect::ProfileFacts{(*symbolized)->sample_count(), LossesOf(**symbolized)};
}

std::string CheckAllocator(const std::string& name) {
  return name == "tcmalloc" ? "" : absl::StrCat("\"", name, "\" is not tcmalloc");
}

struct RecordArguments {
  std::vector<std::string> command;
  std::string output = kDefaultDirectory;
  std::string rate;
  double interval_s = 0;
  std::string growth;
  std::string children;
  bool tcmalloc = false;
  bool mmap = false;
  bool threads = false;
};

int RunRecord(const RecordArguments& arguments) {
  return collect::Record({.command = arguments.command,
                          .output_directory = arguments.output,
                          .rate = arguments.rate,
                          .interval_s = arguments.interval_s,
                          .growth_bytes = ParseBytes(arguments.growth).value_or(0),
                          .children = arguments.children,
                          .tcmalloc = arguments.tcmalloc,
                          .mmap = arguments.mmap,
                          .threads = arguments.threads,
                          .writer = WriteSymbolized});
}

struct SnapshotArguments {
  std::string target;  // a PID, or the path of a state
  std::string output;
  bool threads = false;
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
      target->source, {.reason = target->pid != 0 ? "on demand" : "after death",
                       .pid = target->pid,
                       .threads = arguments.threads});
  if (!snapshot.ok()) return Refuse(snapshot.status());
  if (snapshot->exact && arguments.threads) {
    return Refuse(absl::FailedPreconditionError(absl::StrCat("--threads: ", kNoThreads)));
  }
  if (arguments.output == "-") {
    const auto symbolized = Symbolized("standard output", snapshot->pprof);
    if (!symbolized.ok()) return Refuse(symbolized.status());
    WarnOfLosses(LossesOf(**symbolized), "standard output");
    return Print(io::ToPprof(**symbolized, io::Compression::kGzip));
  }
  std::string path = arguments.output;
  if (path.empty()) {
    const auto reserved = collect::ReserveSnapshotFile(*snapshot, kDefaultDirectory);
    if (!reserved.ok()) return Refuse(reserved.status());
    path = *reserved;
  }
  const auto facts = WriteSymbolized(path, snapshot->pprof);
  if (!facts.ok()) {
    if (arguments.output.empty()) unlink(path.c_str());
    return Refuse(facts.status());
  }
  WarnOfLosses(facts->losses, path);
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
  record
      ->add_option("--growth", record_arguments->growth,
                   "Take a snapshot of a process each time its live heap has\n"
                   "grown by that much since its last one")
      ->type_name("BYTES")
      ->check(CheckBytes);
  record
      ->add_option("--children", record_arguments->children,
                   "Which of the processes that CMD starts are recorded too, by\n"
                   "the file names of their programs (default: all)")
      ->type_name("all|none|GLOB")
      ->check(CheckChildren);
  record
      ->add_option_function<std::string>(
          "--allocator",
          [record_arguments](const std::string&) { record_arguments->tcmalloc = true; },
          "Give the program gperftools' malloc")
      ->type_name("tcmalloc")
      ->check(CheckAllocator);
  record->add_flag("--mmap", record_arguments->mmap,
                   "Count the program's own anonymous mappings too");
  record->add_flag("--threads", record_arguments->threads,
                   "Label live memory with the thread that allocated it");
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
    if (record_arguments->threads && record_arguments->rate == "exact") {
      throw CLI::ValidationError("--threads", kNoThreads);
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
                   "The profile, - for standard output (default: a new name in tidemark.out)")
      ->type_name("FILE");
  snapshot->add_flag("--threads", snapshot_arguments->threads,
                     "Label live memory with the thread that allocated it");
  snapshot->callback(
      [snapshot_arguments, &exit_status] { exit_status = RunSnapshot(*snapshot_arguments); });
}

}  // namespace tidemark::cli
