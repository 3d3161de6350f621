#include "analyzer/leaks/gate_side.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/base/units.h"
#include "analyzer/leaks/run.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

// Runs of such unequal length, if they are long, are not comparable without a word.
constexpr double kLongerRun = 1.5;
constexpr int64_t kLongRunNs = 10'000'000'000;

}  // namespace

std::optional<bool> GateSide::at_exit() const {
  const absl::string_view reason = RecorderComment(newest(), "reason");
  if (reason.empty()) return std::nullopt;
  return reason == "exit";
}

absl::StatusOr<GateSide> ChooseGateSide(absl::Span<const ProfilePtr> given,
                                        absl::string_view name) {
  GateSide side;
  side.snapshots.assign(given.begin(), given.end());
  if (given.size() == 1) return side;
  absl::StatusOr<Run> run = ChooseRun(given, {});
  if (!run.ok()) return absl::FailedPreconditionError(run.status().message());
  side.snapshots = std::move(run->snapshots);
  for (const std::string& note : run->notes) side.notes.push_back(absl::StrCat(name, note));
  return side;
}

void CompareLikeMoments(GateSide& base, GateSide& now, std::vector<std::string>* notes) {
  const auto are_alike = [&] {
    return !base.at_exit() || !now.at_exit() || base.at_exit() == now.at_exit();
  };
  for (GateSide* side : {&base, &now}) {
    if (are_alike()) return;
    if (*side->at_exit() && side->snapshots.size() > 1) side->snapshots.pop_back();
  }
  if (are_alike()) return;
  notes->push_back(absl::StrCat(
      "one profile was taken at exit, the other before it: what a program frees on its way out ",
      *base.at_exit() ? "counts as growth" : "hides growth"));
}

void NoteRunTimes(const GateSide& base, const GateSide& now, std::vector<std::string>* notes) {
  const int64_t before = base.newest().duration_ns();
  const int64_t after = now.newest().duration_ns();
  if (before <= 0 || after <= 0 || std::max(before, after) < kLongRunNs) return;
  if (report::SameProcess(base.newest(), now.newest())) return;
  const double longer = static_cast<double>(after) / static_cast<double>(before);
  if (longer < kLongerRun && longer > 1 / kLongerRun) return;
  notes->push_back(absl::StrCat("the base ran ", FormatValue(before, "nanoseconds"), ", the other ",
                                FormatValue(after, "nanoseconds"),
                                ": what grows with time cannot be compared"));
}

}  // namespace tidemark::leaks
