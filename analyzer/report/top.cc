#include "analyzer/report/top.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "analyzer/report/filter.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/tally.h"

namespace tidemark::report {
namespace {

// For each node, how it was called: pprof's "(inline)" and "(partial-inline)". The calls
// between two nodes count as inlined when all of them were, and not at all when they are
// worth little (edge_fraction). Nodes that are not kept are skipped over.
class InlineMarks {
 public:
  InlineMarks(const FilteredProfile& profile, const LocationNodes& nodes,
              const std::vector<bool>& kept)
      : profile_(profile), nodes_(nodes), kept_(kept), inlines_(kept.size(), false) {
    for (uint32_t i = 0; i < profile.profile().locations().size(); ++i) {
      const auto lines = nodes.of(LocationId{i});
      for (size_t l = 0; l + 1 < lines.size(); ++l) inlines_[lines[l]] = any_ = true;
    }
  }

  // Whether there is anything to look for.
  bool any() const { return any_; }

  void Add(StackId stack, int64_t value) {
    uint32_t caller = kNoNode;
    const auto locations = profile_.stack(stack);
    for (size_t i = locations.size(); i-- > 0;) {
      if (profile_.hidden(locations[i])) continue;
      const auto lines = nodes_.of(locations[i]);
      for (size_t l = lines.size(); l-- > 0;) {
        const uint32_t node = lines[l];
        if (!kept_[node]) continue;
        if (inlines_[node] && caller != kNoNode && caller != node) {
          Call& call = calls_[{node, caller}];
          if (call.last_stack != stack) {
            call.inlined = call.inlined && l + 1 != lines.size();
            call.value = WrappingAdd(call.value, value);
            call.last_stack = stack;
          }
        }
        caller = node;
      }
    }
  }

  std::vector<InlineMark> Marks(int64_t edge_cutoff) const {
    std::vector<bool> some(kept_.size(), false), others(kept_.size(), false);
    for (const auto& [nodes, call] : calls_) {
      if (edge_cutoff > 0 && WrappingAbs(call.value) < edge_cutoff) continue;
      (call.inlined ? some : others)[nodes.first] = true;
    }
    std::vector<InlineMark> marks(kept_.size(), InlineMark::kNone);
    for (size_t node = 0; node < marks.size(); ++node) {
      if (some[node]) marks[node] = others[node] ? InlineMark::kPartial : InlineMark::kAll;
    }
    return marks;
  }

 private:
  const FilteredProfile& profile_;
  const LocationNodes& nodes_;
  const std::vector<bool>& kept_;
  std::vector<bool> inlines_;  // [node] may be inlined
  bool any_ = false;
  struct Call {
    bool inlined = true;
    int64_t value = 0;
    StackId last_stack;  // only the outermost of a recursion counts
  };
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, Call> calls_;  // by {callee, caller}
};

int64_t Cutoff(int64_t flat_sum, double fraction) {
  return WrappingAbs(static_cast<int64_t>(static_cast<double>(flat_sum) * fraction));
}

}  // namespace

TopReport Top(const Selection& selection) {
  const Options& options = selection.options();
  const FilteredProfile& filtered = selection.filtered();
  NodeTable table(options, NodeTable::Unknown::kByModule, /*rebase=*/false);
  const LocationNodes nodes = table.Add(filtered);
  const auto stacks = selection.WeightsPerStack();
  Tally sums, divisors;
  {
    std::vector<int64_t> values(stacks.weights.size());
    const auto tally = [&](auto member) {
      std::transform(stacks.weights.begin(), stacks.weights.end(), values.begin(), member);
      return CountUp(filtered, nodes, table.size(), values);
    };
    sums = tally([](const Weight& w) { return w.sum; });
    if (options.mean) divisors = tally([](const Weight& w) { return w.divisor; });
  }

  TopReport report;
  std::vector<uint32_t> order;
  for (uint32_t node = 0; node < table.size(); ++node) {
    if (sums.flat[node] == 0 && sums.cum[node] == 0) continue;
    const bool negative = sums.flat[node] < 0 || (sums.flat[node] == 0 && sums.cum[node] < 0);
    if (!options.drop_negative || !negative) order.push_back(node);
  }
  int64_t flat_sum = 0;
  for (const uint32_t node : order) flat_sum = WrappingAdd(flat_sum, sums.flat[node]);
  const int64_t cutoff = Cutoff(flat_sum, options.node_fraction);
  if (cutoff > 0) {
    report.dropped_nodes =
        std::erase_if(order, [&](uint32_t node) { return WrappingAbs(sums.cum[node]) < cutoff; });
  }
  report.nodes = order.size();

  // Averages are sorted by what they were before the division.
  if (options.sort_by_cum) {
    SortLikePprof(table, sums.cum, sums.flat, &order);
  } else {
    SortLikePprof(table, sums.flat, sums.cum, &order);
  }
  if (options.node_count > 0 && order.size() > static_cast<size_t>(options.node_count)) {
    order.resize(static_cast<size_t>(options.node_count));
  }

  // Calls through nodes that were trimmed are looked at from end to end. Nodes that are left
  // out because their value is 0 or negative are still callers, unless others were trimmed:
  // pprof makes its graph anew only then.
  const bool trimmed = report.dropped_nodes > 0 || order.size() < report.nodes;
  std::vector<bool> kept(table.size(), !trimmed);
  for (const uint32_t node : order) kept[node] = true;
  std::vector<InlineMark> marks(table.size(), InlineMark::kNone);
  if (InlineMarks inlines(filtered, nodes, kept); inlines.any()) {
    for (uint32_t s = 0; s < stacks.present.size(); ++s) {
      if (stacks.present[s]) inlines.Add(StackId{s}, stacks.weights[s].sum);
    }
    marks = inlines.Marks(Cutoff(flat_sum, options.edge_fraction));
  }

  report.sample_type = selection.type_name();
  report.unit = selection.unit();
  report.total = selection.total();
  report.rows.reserve(order.size());
  const auto weigh = [&](const std::vector<int64_t>& sum, const std::vector<int64_t>& divisor,
                         uint32_t node) {
    return Weight{sum[node], options.mean ? divisor[node] : 0};
  };
  for (const uint32_t node : order) {
    TopRow& row = report.rows.emplace_back();
    table.FillRow(node, &row);
    row.name = table.PrintableName(node);
    row.column = table.key(node).column;
    const Weight flat = weigh(sums.flat, divisors.flat, node);
    const Weight cum = weigh(sums.cum, divisors.cum, node);
    row.flat = flat.value();
    row.cum = cum.value();
    if (options.mean) {
      row.flat_mean = flat.real();
      row.cum_mean = cum.real();
    }
    row.inlined = marks[node];
  }
  return report;
}

absl::StatusOr<TopReport> Top(const Profile& profile, const Options& options) {
  const auto selection = Selection::Make(profile, options);
  if (!selection.ok()) return selection.status();
  return Top(*selection);
}

}  // namespace tidemark::report
