#include "analyzer/cli/text_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/report_source.h"

namespace tidemark::cli {
namespace {

using report::WrappingAdd;

const char* Text(report::InlineMark mark) {
  switch (mark) {
    case report::InlineMark::kNone:
      return "";
    case report::InlineMark::kPartial:
      return " (partial-inline)";
    case report::InlineMark::kAll:
      return " (inline)";
  }
  return "";
}

std::string BaseName(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string TimeText(const Profile& p) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S %Z", absl::FromUnixNanos(p.time_ns()),
                          absl::LocalTimeZone());
}

// The lines above a diff. The first mapping is the main program's.
std::string DiffHead(const Profile& base, const Profile& p, absl::string_view sample_type) {
  std::string out;
  if (!p.mappings().empty()) {
    const Mapping& main = p.mappings().front();
    if (main.file.value != 0) absl::StrAppend(&out, "File: ", BaseName(p.string(main.file)), "\n");
    if (main.build_id.value != 0) {
      absl::StrAppend(&out, "Build ID: ", p.string(main.build_id), "\n");
    }
  }
  absl::StrAppend(&out, "Type: ", sample_type, "\n");
  if (p.time_ns() != 0) absl::StrAppend(&out, "Time: ", TimeText(p), "\n");
  if (p.duration_ns() != 0) {
    absl::StrAppend(&out, "Duration: ", FormatValue(p.duration_ns(), "nanoseconds"), "\n");
  }
  if (base.time_ns() != 0) absl::StrAppend(&out, "Base: ", TimeText(base), "\n");
  return out;
}

std::string Signed(int64_t value, const ValueFormat& format) {
  return absl::StrCat(value > 0 ? "+" : "", format.Format(value));
}

}  // namespace

std::string TopText(const report::Selection& selection, const report::TopReport& top) {
  std::vector<int64_t> sizes;
  sizes.reserve(top.rows.size());
  Trimmed trimmed{
      .shown_nodes = top.rows.size(), .nodes = top.nodes, .dropped_nodes = top.dropped_nodes};
  for (const report::TopRow& row : top.rows) {
    sizes.push_back(row.flat != 0 ? row.flat : row.cum);
    trimmed.shown_total = WrappingAdd(trimmed.shown_total, row.flat);
  }
  const ValueFormat format = FormatFor(selection, sizes);

  std::string out = absl::StrCat(absl::StrJoin(ReportLabels(selection, format, trimmed), "\n"),
                                 "\n      flat  flat%   sum%        cum   cum%\n");
  int64_t flat_sum = 0;
  for (const report::TopRow& row : top.rows) {
    flat_sum = WrappingAdd(flat_sum, row.flat);
    absl::StrAppendFormat(&out, "%10s %s %s %10s %s  %s%s\n", format.Format(row.flat),
                          FormatPercent(row.flat, top.total), FormatPercent(flat_sum, top.total),
                          format.Format(row.cum), FormatPercent(row.cum, top.total), row.name,
                          Text(row.inlined));
  }
  return out;
}

std::string DiffText(const Profile& base, const Profile& profile, const report::DiffReport& diff,
                     const report::Options& options) {
  std::vector<const report::DiffRow*> changed;
  std::vector<int64_t> sizes;
  bool any_interval = false;
  for (const report::DiffRow& row : diff.rows) {
    if (row.delta_flat == 0 && row.delta_cum == 0) continue;
    changed.push_back(&row);
    sizes.push_back(row.delta_flat);
    any_interval |= row.delta_ci.has_value();
  }
  const size_t limit = static_cast<size_t>(options.node_count);
  const size_t shown = limit == 0 ? changed.size() : std::min(changed.size(), limit);
  const ValueFormat format(diff.unit, sizes, std::max(diff.base_total, diff.total), options.unit);

  std::string out = DiffHead(base, profile, diff.sample_type);
  const int64_t growth = report::WrappingSubtract(diff.total, diff.base_total);
  absl::StrAppend(&out, "Total: ", format.Format(diff.base_total), " -> ",
                  format.Format(diff.total), ", ", Signed(growth, format), "\n");
  if (changed.size() < diff.rows.size()) {
    absl::StrAppend(&out, diff.rows.size() - changed.size(), " nodes did not change\n");
  }
  if (shown < changed.size()) {
    absl::StrAppend(&out, "Showing top ", shown, " nodes out of ", changed.size(), "\n");
  }
  absl::StrAppendFormat(&out, "%10s %s%10s %10s %10s\n", "delta",
                        any_interval ? absl::StrFormat("%24s ", "95% interval") : "", "base",
                        "flat", "cum delta");
  for (size_t i = 0; i < shown; ++i) {
    const report::DiffRow& row = *changed[i];
    std::string interval;
    if (row.delta_ci.has_value()) {
      interval = absl::StrFormat("%10s .. %10s ", Signed(row.delta_ci->first, format),
                                 Signed(row.delta_ci->second, format));
    } else if (any_interval) {
      interval = absl::StrFormat("%24s ", "");
    }
    absl::StrAppendFormat(&out, "%10s %s%10s %10s %10s  %s\n", Signed(row.delta_flat, format),
                          interval, format.Format(row.base_flat), format.Format(row.flat),
                          Signed(row.delta_cum, format), row.name);
  }
  return out;
}

}  // namespace tidemark::cli
