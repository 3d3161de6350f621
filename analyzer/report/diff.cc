#include "analyzer/report/diff.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/base/rounding.h"
#include "analyzer/report/filter.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/sampling_error.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/tally.h"

namespace tidemark::report {
namespace {

// The sampled sums behind each node's flat value.
std::vector<SampledSum> FlatSums(const FilteredProfile& filtered, const LocationNodes& nodes,
                                 size_t node_count, const SamplingErrors& errors) {
  std::vector<SampledSum> sums(node_count);
  const Profile& profile = filtered.profile();
  for (size_t i = 0; i < profile.sample_count(); ++i) {
    const StackId stack = profile.sample_stacks()[i];
    if (!filtered.keeps_sample(i)) continue;
    const uint32_t leaf = LeafNode(filtered, nodes, stack);
    if (leaf != kNoNode) sums[leaf] += errors.of(i);
  }
  return sums;
}

// The interval of each node's delta_flat; empty when the profiles cannot tell.
class DeltaIntervals {
 public:
  struct Side {
    const FilteredProfile* filtered;
    const LocationNodes* nodes;
    int sample_type;
  };

  DeltaIntervals(const Side& base, const Side& newer, size_t node_count) {
    if (!Sum(base, node_count, base.sample_type, &base_) ||
        !Sum(newer, node_count, newer.sample_type, &newer_)) {
      base_.clear();
      return;
    }
    if (!SameProcess(base.filtered->profile(), newer.filtered->profile())) return;
    const Profile& profile = newer.filtered->profile();
    const absl::string_view type = profile.string(profile.sample_types()[newer.sample_type].type);
    if (absl::StartsWith(type, "alloc_")) {
      cumulative_ = true;
    } else if (absl::StartsWith(type, "inuse_")) {
      const std::string alloc = absl::StrCat("alloc_", absl::StripPrefix(type, "inuse_"));
      const int base_alloc = base.filtered->profile().FindSampleType(alloc);
      const int newer_alloc = profile.FindSampleType(alloc);
      if (base_alloc < 0 || newer_alloc < 0 || !Sum(base, node_count, base_alloc, &base_alloc_) ||
          !Sum(newer, node_count, newer_alloc, &newer_alloc_)) {
        base_alloc_.clear();
      }
    }
  }

  bool known() const { return !base_.empty(); }

  // REQUIRES: known().
  std::pair<int64_t, int64_t> of(uint32_t node) const {
    if (cumulative_) {
      return Outwards(IntervalOfDifference(newer_[node] - base_[node], SampledSum()));
    }
    Interval95 interval = IntervalOfDifference(newer_[node], base_[node]);
    if (!base_alloc_.empty()) {
      const SampledSum allocated = newer_alloc_[node] - base_alloc_[node];
      const SampledSum freed =
          (newer_alloc_[node] - newer_[node]) - (base_alloc_[node] - base_[node]);
      const Interval95 in_between = IntervalOfDifference(allocated, freed);
      if (in_between.second - in_between.first < interval.second - interval.first) {
        interval = in_between;
      }
    }
    return Outwards(interval);
  }

 private:
  static bool Sum(const Side& side, size_t node_count, int sample_type,
                  std::vector<SampledSum>* sums) {
    const auto errors = SamplingErrors::For(side.filtered->profile(), sample_type);
    if (!errors) return false;
    *sums = FlatSums(*side.filtered, *side.nodes, node_count, *errors);
    return true;
  }
  static std::pair<int64_t, int64_t> Outwards(const Interval95& interval) {
    return {Rounded(std::floor(interval.first)), Rounded(std::ceil(interval.second))};
  }

  bool cumulative_ = false;               // one process's total of what it ever allocated
  std::vector<SampledSum> base_, newer_;  // [node]; empty: not known
  std::vector<SampledSum> base_alloc_, newer_alloc_;  // [node]; empty: other processes
};

}  // namespace

absl::StatusOr<DiffReport> Diff(const Profile& base, const Profile& profile,
                                const Options& options) {
  Options sides = options;
  sides.mean = false;
  const auto newer_side = Selection::Make(profile, sides);
  if (!newer_side.ok()) return newer_side.status();
  const int index = newer_side->sample_type();
  const auto base_index = MatchingSampleType(base, profile, index);
  if (!base_index.ok()) return base_index.status();
  sides.sample_index = absl::StrCat(*base_index);
  const auto base_side = Selection::Make(base, sides);
  if (!base_side.ok()) return base_side.status();
  const FilteredProfile& newer_filtered = newer_side->filtered();
  const FilteredProfile& base_filtered = base_side->filtered();

  NodeTable table(options, NodeTable::Unknown::kByModule, /*rebase=*/true);
  const LocationNodes newer_nodes = table.Add(newer_filtered);
  const LocationNodes base_nodes = table.Add(base_filtered);
  const Tally newer = CountUp(newer_filtered, newer_nodes, table.size(),
                              newer_filtered.ValuesPerStack(static_cast<size_t>(index)));
  const Tally old = CountUp(base_filtered, base_nodes, table.size(),
                            base_filtered.ValuesPerStack(static_cast<size_t>(*base_index)));
  const DeltaIntervals intervals({&base_filtered, &base_nodes, *base_index},
                                 {&newer_filtered, &newer_nodes, index}, table.size());

  std::vector<int64_t> delta_flat(table.size()), delta_cum(table.size());
  std::vector<uint32_t> order;
  for (uint32_t node = 0; node < table.size(); ++node) {
    delta_flat[node] = WrappingSubtract(newer.flat[node], old.flat[node]);
    delta_cum[node] = WrappingSubtract(newer.cum[node], old.cum[node]);
    if (newer.flat[node] != 0 || newer.cum[node] != 0 || old.flat[node] != 0 ||
        old.cum[node] != 0) {
      order.push_back(node);
    }
  }
  if (options.sort_by_cum) {
    SortLikePprof(table, delta_cum, delta_flat, &order);
  } else {
    SortLikePprof(table, delta_flat, delta_cum, &order);
  }

  DiffReport report;
  report.sample_type = newer_side->type_name();
  report.unit = newer_side->unit();
  report.base_total = base_side->total();
  report.total = newer_side->total();
  report.rows.reserve(order.size());
  for (const uint32_t node : order) {
    DiffRow& row = report.rows.emplace_back();
    table.FillRow(node, &row);
    row.name = table.PrintableName(node);
    row.base_flat = old.flat[node];
    row.flat = newer.flat[node];
    row.delta_flat = delta_flat[node];
    row.base_cum = old.cum[node];
    row.cum = newer.cum[node];
    row.delta_cum = delta_cum[node];
    if (intervals.known()) row.delta_ci = intervals.of(node);
  }
  return report;
}

}  // namespace tidemark::report
