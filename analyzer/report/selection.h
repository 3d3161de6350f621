// A profile as one report sees it: filtered, one sample type, pprof's total. Every report
// begins here, so that all of them agree on what is counted.
//
// Thread class: immutable after Make; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_SELECTION_H_
#define TIDEMARK_ANALYZER_REPORT_SELECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/filter.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

// A sum of sample values. Under Options::mean it is shown divided by the sum of the first
// sample type's values; divisor is 0 otherwise.
struct Weight {
  int64_t sum = 0;
  int64_t divisor = 0;

  // What pprof shows: an integer.
  int64_t value() const {
    if (divisor == 0) return sum;
    if (divisor == -1) return WrappingSubtract(0, sum);
    return sum / divisor;
  }
  // Without rounding.
  double real() const {
    return divisor == 0 ? static_cast<double>(sum)
                        : static_cast<double>(sum) / static_cast<double>(divisor);
  }
  bool zero() const { return sum == 0 && divisor == 0; }
  Weight& operator+=(const Weight& o) {
    sum = WrappingAdd(sum, o.sum);
    divisor = WrappingAdd(divisor, o.divisor);
    return *this;
  }
  friend bool operator==(const Weight&, const Weight&) = default;
};

class Selection {
 public:
  // `profile` must remain live. kInvalidArgument for options that do not fit the profile or
  // do not compile.
  static absl::StatusOr<Selection> Make(const Profile& profile, const Options& options);

  // Not always the one it was made of: tag_root and tag_leaf make another.
  const Profile& profile() const { return filtered_->profile(); }
  const FilteredProfile& filtered() const { return *filtered_; }
  const Options& options() const { return options_; }

  int sample_type() const { return sample_type_; }
  std::string type_name() const;  // "inuse_space"; "mean_inuse_space" under mean
  std::string unit() const;
  // pprof's: the sum of the values' magnitudes before the filters (after them with
  // relative_percentages); of the base's alone where a base is marked (model/subtract.h).
  int64_t total() const { return total_; }

  Weight weight(size_t sample) const {
    return {values_[sample], divisors_.empty() ? 0 : divisors_[sample]};
  }

  // Weights added up per stack, over the samples that are kept.
  struct PerStack {
    std::vector<Weight> weights;  // [stack]
    // [stack] Whether a kept sample of it has a weight that is not zero. pprof builds nodes
    // and edges for those even when their weights cancel.
    std::vector<bool> present;
  };
  PerStack WeightsPerStack() const;

  // The options whose filters matched nothing, by name ("focus"): people mistype them.
  const std::vector<std::string>& unmatched() const { return unmatched_; }

  // The unit of a numeric label's values, by pprof's rule: the first unit seen with the key;
  // else "bytes" for "alignment" and "request", else the key itself. Indexed by the key.
  // Meaningful for keys of numeric labels only.
  absl::string_view label_unit(StringId key) const { return label_units_[key.value]; }

 private:
  Selection() = default;

  Options options_;
  std::shared_ptr<const Profile> derived_;  // what filtered_ refers to when it is not the caller's
  std::shared_ptr<const FilteredProfile> filtered_;
  int sample_type_ = 0;
  int64_t total_ = 0;
  absl::Span<const int64_t> values_;            // [sample]
  absl::Span<const int64_t> divisors_;          // [sample]; empty without mean
  std::vector<absl::string_view> label_units_;  // [string]
  std::vector<std::string> unmatched_;
};

// The selected profile as a profile of its own: stacks cut, lines hidden, samples and labels
// dropped, values divided as the options say. drop_frames and keep_frames are done with and
// empty. Unused locations, functions and mappings stay.
absl::StatusOr<std::shared_ptr<const Profile>> Materialize(const Selection& selection);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_SELECTION_H_
