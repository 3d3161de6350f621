#include "profiler/collect/control.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tidemark::collect {
namespace {

constexpr uint64_t kControlOffset = state::kPageBytes;

absl::StatusOr<state::Control> ReadControl(const StateSource& source) {
  state::Control control = {};
  const absl::StatusOr<uint64_t> got = source.ReadAt(kControlOffset, &control, sizeof(control));
  if (!got.ok()) return got.status();
  if (*got < sizeof(control)) {
    return absl::DataLossError(absl::StrCat("the state ends early (where: ", source.name(),
                                            ", byte offset ", kControlOffset + *got, ")"));
  }
  return control;
}

absl::Status Check(pid_t pid, const StateSummary& summary, const state::Control& control,
                   const ControlChange& change) {
  const std::string process = absl::StrCat("process ", pid, " (", ProcessComm(pid), ")");
  const bool exact = summary.header.mode == 1;
  if (change.rate_bytes.has_value() && exact) {
    return absl::FailedPreconditionError(absl::StrCat(
        process, " is recorded exactly, which does not turn into sampling while it runs: start ",
        "it with --rate BYTES"));
  }
  if (change.rate_exact && !exact) {
    return absl::FailedPreconditionError(
        absl::StrCat(process, " is sampled, which does not turn into exact recording while it ",
                     "runs: start it with --rate exact"));
  }
  if (control.stopped != 0 && change.any()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the recording of ", process, " was stopped for good"));
  }
  return absl::OkStatus();
}

// One aligned word: the target loads it with a single instruction.
template <class T>
absl::Status Store(const StateSource& source, size_t field, T value) {
  return source.WriteAt(kControlOffset + field, &value, sizeof(value));
}

absl::Status Apply(const StateSource& source, const state::Control& control,
                   const ControlChange& change) {
  absl::Status status;
  if (change.rate_bytes.has_value()) {
    status = Store(source, offsetof(state::Control, rate_bytes), *change.rate_bytes);
  }
  if (status.ok() && change.paused.has_value()) {
    status = Store(source, offsetof(state::Control, paused), uint32_t{*change.paused ? 1u : 0u});
  }
  if (status.ok()) {
    status = Store(source, offsetof(state::Control, sequence), control.sequence + 1);
  }
  return status;
}

}  // namespace

absl::StatusOr<Wanted> ReadWanted(const StateSource& source, const state::Header& header) {
  const absl::StatusOr<state::Control> control = ReadControl(source);
  if (!control.ok()) return control.status();
  Wanted wanted;
  if (control->stopped != 0) {
    wanted.activity = Activity::kStopped;
  } else if (control->paused != 0) {
    wanted.activity = Activity::kPaused;
  }
  wanted.rate_bytes = control->rate_bytes != 0 ? control->rate_bytes : header.initial_rate_bytes;
  return wanted;
}

absl::StatusOr<ControlReport> ControlProcess(pid_t pid, const ControlChange& change) {
  using Access = StateSource::Access;
  const absl::StatusOr<StateSource> source =
      StateSource::OpenProcess(pid, change.any() ? Access::kReadWrite : Access::kRead);
  if (!source.ok()) return source.status();
  absl::StatusOr<StateSummary> summary = SummarizeState(*source);
  if (!summary.ok()) return summary.status();
  if (change.any()) {
    const absl::StatusOr<state::Control> control = ReadControl(*source);
    if (!control.ok()) return control.status();
    absl::Status status = Check(pid, *summary, *control, change);
    if (status.ok()) status = Apply(*source, *control, change);
    if (status.ok()) {
      summary = SummarizeState(*source);
      status = summary.status();
    }
    if (!status.ok()) return status;
  }
  const absl::StatusOr<Wanted> wanted = ReadWanted(*source, summary->header);
  if (!wanted.ok()) return wanted.status();
  return ControlReport{*std::move(summary), *wanted, ReadProcessMemory(pid)};
}

}  // namespace tidemark::collect
