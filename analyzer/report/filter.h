// What is left of a profile after drop_frames/keep_frames and the filter options: pprof's
// rules (profile/prune.go, profile/filter.go, internal/driver/driver_focus.go), evaluated
// once per function, location and label set, so that reports touch no strings per sample.
//
// Thread class: immutable after Make. May allocate (Make only).

#ifndef TIDEMARK_ANALYZER_REPORT_FILTER_H_
#define TIDEMARK_ANALYZER_REPORT_FILTER_H_

#include <cstdint>
#include <string>
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
  // tag_root and tag_leaf are not looked at: they make frames (label_frames.h).
  static absl::StatusOr<FilteredProfile> Make(const Profile& profile, const Options& options);

  const Profile& profile() const { return *profile_; }

  // False when focus, ignore, hide, show or show_from took the whole stack.
  bool keeps(StackId id) const { return whole_ || kept_[id.value]; }
  // False when tag_focus or tag_ignore took the samples with these labels.
  bool keeps(LabelSetId id) const { return labels_kept_.empty() || labels_kept_[id.value]; }
  bool keeps_sample(size_t sample) const {
    return keeps(profile_->sample_stacks()[sample]) && keeps(profile_->sample_labels()[sample]);
  }
  // Leaf first, without the frames that drop_frames and prune_from cut at the leaf's end and
  // show_from at the root's; hidden locations are still among them.
  absl::Span<const LocationId> stack(StackId id) const {
    const auto all = profile_->stack(id);
    return whole_ ? all : all.subspan(first_[id.value], last_[id.value] - first_[id.value]);
  }
  bool hidden(LocationId id) const { return !whole_ && hidden_[id.value]; }
  // Innermost first; only the outermost under no_inlines. Empty for a location without
  // symbols (and for a hidden one).
  absl::Span<const Line> lines(LocationId id) const {
    if (whole_) return profile_->lines(id);
    return absl::Span<const Line>(lines_).subspan(
        line_begins_[id.value], line_begins_[id.value + 1] - line_begins_[id.value]);
  }
  // Whether tag_show and tag_hide leave labels with this key.
  bool shows_label(StringId key) const { return label_keys_.empty() || label_keys_[key.value]; }

  // Values of one sample type added up per stack (stack_count() entries), over the samples
  // that are kept. Sums wrap as pprof's do, so that hostile input gives the same nonsense and
  // no undefined behaviour.
  std::vector<int64_t> ValuesPerStack(size_t sample_type) const;

  // The filters that matched nothing, by option name ("focus"): people mistype them.
  const std::vector<std::string>& unmatched() const { return unmatched_; }

 private:
  friend class FilterPass;
  FilteredProfile() = default;

  const Profile* profile_ = nullptr;
  bool whole_ = true;                  // no frame is touched: what is about frames is empty
  std::vector<bool> kept_;             // [stack]
  std::vector<uint32_t> first_;        // [stack] locations cut at the leaf's end
  std::vector<uint32_t> last_;         // [stack] one past the outermost location that stays
  std::vector<bool> labels_kept_;      // [label set]; empty: all
  std::vector<bool> label_keys_;       // [string] shown as a label's key; empty: all
  std::vector<bool> hidden_;           // [location]
  std::vector<uint32_t> line_begins_;  // [location] + 1
  std::vector<Line> lines_;
  std::vector<std::string> unmatched_;
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
