#include "analyzer/report/top.h"

#include "analyzer/report/filter.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/tally.h"

namespace tidemark::report {

absl::StatusOr<TopReport> Top(const Profile& profile, const Options& options) {
  const auto index = ResolveSampleIndex(profile, options.sample_index);
  if (!index.ok()) return index.status();
  const auto filtered = FilteredProfile::Make(profile, options);
  if (!filtered.ok()) return filtered.status();

  NodeTable table(options.granularity, NodeTable::Unknown::kByModule, /*rebase=*/false);
  const LocationNodes nodes = table.Add(*filtered);
  const Tally tally = CountUp(*filtered, nodes, table.size(), filtered->ValuesPerStack(*index));

  std::vector<uint32_t> order;
  for (uint32_t node = 0; node < table.size(); ++node) {
    if (tally.flat[node] != 0 || tally.cum[node] != 0) order.push_back(node);
  }
  if (options.sort_by_cum) {
    SortLikePprof(table, tally.cum, tally.flat, &order);
  } else {
    SortLikePprof(table, tally.flat, tally.cum, &order);
  }

  const ValueType type = profile.sample_types()[*index];
  TopReport report;
  report.sample_type = std::string(profile.string(type.type));
  report.unit = std::string(profile.string(type.unit));
  report.total = Total(profile, *index);
  report.rows.reserve(order.size());
  for (const uint32_t node : order) {
    TopRow& row = report.rows.emplace_back();
    table.FillRow(node, &row);
    row.flat = tally.flat[node];
    row.cum = tally.cum[node];
  }
  return report;
}

}  // namespace tidemark::report
