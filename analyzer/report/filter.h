// What is left of a profile after drop_frames/keep_frames, focus, ignore, hide and show:
// pprof's rules (profile/prune.go, profile/filter.go), evaluated once per function and
// location, so that reports touch no strings per sample.
//
// Thread class: immutable after Make. May allocate (Make only).

#ifndef TIDEMARK_ANALYZER_REPORT_FILTER_H_
#define TIDEMARK_ANALYZER_REPORT_FILTER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

class FilteredProfile {
 public:
  // `profile` must remain live. kInvalidArgument when a regex of `options` does not
  // compile; drop_frames and keep_frames that do not compile are ignored, as pprof does.
  static absl::StatusOr<FilteredProfile> Make(const Profile& profile, const Options& options);

  const Profile& profile() const { return *profile_; }

  // False when focus, ignore, hide or show took the whole stack.
  bool keeps(StackId id) const { return kept_[id.value]; }
  // Leaf first, without the frames that drop_frames cut at the leaf's end; hidden
  // locations are still among them.
  absl::Span<const LocationId> stack(StackId id) const {
    return profile_->stack(id).subspan(first_[id.value]);
  }
  bool hidden(LocationId id) const { return hidden_[id.value]; }
  // Innermost first; only the outermost under no_inlines. Empty for a location without
  // symbols (and for a hidden one).
  absl::Span<const Line> lines(LocationId id) const {
    return absl::Span<const Line>(lines_).subspan(
        line_begins_[id.value], line_begins_[id.value + 1] - line_begins_[id.value]);
  }

  // Values of one sample type added up per stack (stack_count() entries). Sums wrap as
  // pprof's do, so that hostile input gives the same nonsense and no undefined behaviour.
  std::vector<int64_t> ValuesPerStack(size_t sample_type) const;

 private:
  friend class FilterPass;
  FilteredProfile() = default;

  const Profile* profile_ = nullptr;
  std::vector<bool> kept_;             // [stack]
  std::vector<uint32_t> first_;        // [stack] locations cut at the leaf's end
  std::vector<bool> hidden_;           // [location]
  std::vector<uint32_t> line_begins_;  // [location] + 1
  std::vector<Line> lines_;
};

// Go's integer arithmetic: wraps.
inline int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t WrappingSubtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
// Negative for the most negative number, as Go's -i is.
inline int64_t WrappingAbs(int64_t a) { return a < 0 ? WrappingSubtract(0, a) : a; }

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_FILTER_H_
