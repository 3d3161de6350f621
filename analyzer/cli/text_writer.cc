#include "analyzer/cli/text_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "analyzer/base/units.h"

namespace tidemark::cli {
namespace {

// pprof's name of a row: "address function file:line", what is known of it.
template <typename Row>
std::string RowName(const Row& row) {
  std::string name;
  const auto add = [&name](absl::string_view part) {
    absl::StrAppend(&name, name.empty() ? "" : " ", part);
  };
  if (row.address != 0) add(absl::StrFormat("%016x", row.address));
  if (!row.function.empty()) add(row.function);
  if (row.line != 0) {
    add(absl::StrCat(row.file, ":", row.line));
  } else if (!row.file.empty()) {
    add(row.file);
  }
  return name.empty() ? "<unknown>" : name;
}

std::string BaseName(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string TimeText(const Profile& p) {
  if (p.time_ns() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixNanos(p.time_ns()),
                          absl::UTCTimeZone());
}

// The lines above the table. The first mapping is the main program's.
std::string Head(const Profile& p, absl::string_view sample_type) {
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
  return out;
}

size_t Shown(size_t rows, size_t limit) { return limit == 0 ? rows : std::min(rows, limit); }

// Sums of hostile values wrap.
int64_t WrappingSum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

std::string Signed(int64_t value, const ValueFormat& format) {
  return absl::StrCat(value > 0 ? "+" : "", format.Format(value));
}

}  // namespace

std::string TopText(const Profile& profile, const report::TopReport& top, size_t limit) {
  const size_t shown = Shown(top.rows.size(), limit);
  std::vector<int64_t> sizes;
  for (const report::TopRow& row : top.rows) sizes.push_back(row.flat != 0 ? row.flat : row.cum);
  const ValueFormat format(top.unit, sizes, top.total);

  int64_t flat_sum = 0;
  for (size_t i = 0; i < shown; ++i) flat_sum = WrappingSum(flat_sum, top.rows[i].flat);
  std::string out = Head(profile, top.sample_type);
  absl::StrAppend(&out, "Showing nodes accounting for ", format.Format(flat_sum), ", ",
                  absl::StripAsciiWhitespace(FormatPercent(flat_sum, top.total)), " of ",
                  format.Format(top.total), " total\n");
  if (shown < top.rows.size()) {
    absl::StrAppend(&out, "Showing top ", shown, " nodes out of ", top.rows.size(), "\n");
  }
  out += "      flat  flat%   sum%        cum   cum%\n";
  flat_sum = 0;
  for (size_t i = 0; i < shown; ++i) {
    const report::TopRow& row = top.rows[i];
    flat_sum = WrappingSum(flat_sum, row.flat);
    absl::StrAppendFormat(&out, "%10s %s %s %10s %s  %s\n", format.Format(row.flat),
                          FormatPercent(row.flat, top.total), FormatPercent(flat_sum, top.total),
                          format.Format(row.cum), FormatPercent(row.cum, top.total), RowName(row));
  }
  return out;
}

std::string DiffText(const Profile& base, const Profile& profile, const report::DiffReport& diff,
                     size_t limit) {
  std::vector<const report::DiffRow*> changed;
  std::vector<int64_t> sizes;
  bool any_interval = false;
  for (const report::DiffRow& row : diff.rows) {
    if (row.delta_flat == 0 && row.delta_cum == 0) continue;
    changed.push_back(&row);
    sizes.push_back(row.delta_flat);
    any_interval |= row.delta_ci.has_value();
  }
  const size_t shown = Shown(changed.size(), limit);
  const ValueFormat format(diff.unit, sizes, std::max(diff.base_total, diff.total));

  std::string out = Head(profile, diff.sample_type);
  if (base.time_ns() != 0) absl::StrAppend(&out, "Base: ", TimeText(base), "\n");
  const uint64_t growth =
      static_cast<uint64_t>(diff.total) - static_cast<uint64_t>(diff.base_total);
  absl::StrAppend(&out, "Total: ", format.Format(diff.base_total), " -> ",
                  format.Format(diff.total), ", ", Signed(static_cast<int64_t>(growth), format),
                  "\n");
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
                          Signed(row.delta_cum, format), RowName(row));
  }
  return out;
}

}  // namespace tidemark::cli
