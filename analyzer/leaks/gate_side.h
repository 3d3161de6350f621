// Which profile of each side a gate compares, and whether the two moments are alike.
//
// Thread class: free functions over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_GATE_SIDE_H_
#define TIDEMARK_ANALYZER_LEAKS_GATE_SIDE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"

namespace tidemark::leaks {

// Snapshots of one process, oldest first, never empty.
struct GateSide {
  std::vector<std::shared_ptr<const Profile>> snapshots;
  std::vector<std::string> notes;  // what was left out and why
  const Profile& newest() const { return *snapshots.back(); }
  // Whether the newest was taken when the program ended; nothing where it does not say why it was
  // made, as other profilers' files do not.
  std::optional<bool> at_exit() const;
};

// One profile as it is; of several those that `leaks` would judge. Notes begin with `name`.
// kFailedPrecondition when several are no heap profiles. REQUIRES: at least one.
absl::StatusOr<GateSide> ChooseGateSide(absl::Span<const std::shared_ptr<const Profile>> given,
                                        absl::string_view name);

// What a program frees on its way out is no growth of one that had not come to it: leaves the
// snapshot at exit out where the other side has none. Says so where that cannot be.
void CompareLikeMoments(GateSide& base, GateSide& now, std::vector<std::string>* notes);

// Says when one of two long runs was much longer.
void NoteRunTimes(const GateSide& base, const GateSide& now, std::vector<std::string>* notes);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GATE_SIDE_H_
