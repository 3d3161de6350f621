#include "analyzer/cli/csv_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/listed_rows.h"

namespace tidemark::cli {
namespace {

std::string HexOrEmpty(uint64_t address) {
  return address == 0 ? "" : absl::StrCat("0x", absl::Hex(address));
}

}  // namespace

Csv::Csv(std::initializer_list<absl::string_view> header) {
  for (const absl::string_view name : header) Text(name);
  EndRow();
}

void Csv::Separate() {
  if (row_begun_) text_ += ',';
  row_begun_ = true;
}

Csv& Csv::Text(absl::string_view text) {
  Separate();
  // Spaces at the ends are part of a field, but some readers strip them unless quoted.
  const bool quoted = text.find_first_of(",\"\r\n") != absl::string_view::npos ||
                      (!text.empty() && (text.front() == ' ' || text.back() == ' '));
  if (quoted) {
    absl::StrAppend(&text_, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
  } else {
    absl::StrAppend(&text_, text);
  }
  return *this;
}

Csv& Csv::Number(int64_t number) {
  Separate();
  absl::StrAppend(&text_, number);
  return *this;
}

Csv& Csv::NumberOrEmpty(int64_t number) { return number == 0 ? Text("") : Number(number); }

Csv& Csv::Value(const report::Options& options, int64_t value, double mean) {
  Separate();
  absl::StrAppend(&text_, ValueJson(options, value, mean).dump());
  return *this;
}

void Csv::EndRow() {
  text_ += '\n';
  row_begun_ = false;
}

std::string Csv::Take() { return std::exchange(text_, std::string()); }

std::string TopCsv(const report::Selection& selection, const report::TopReport& top) {
  const report::Options& options = selection.options();
  Csv csv({"function", "file", "line", "address", "flat", "cum"});
  for (const report::TopRow& row : top.rows) {
    csv.Text(row.function)
        .Text(row.file)
        .NumberOrEmpty(row.line)
        .Text(HexOrEmpty(row.address))
        .Value(options, row.flat, row.flat_mean)
        .Value(options, row.cum, row.cum_mean)
        .EndRow();
  }
  return csv.Take();
}

std::string DiffCsv(const report::DiffReport& diff, size_t limit) {
  Csv csv({"function", "file", "line", "address", "base_flat", "flat", "delta_flat", "base_cum",
           "cum", "delta_cum", "delta_low", "delta_high"});
  const size_t shown = limit == 0 ? diff.rows.size() : std::min(diff.rows.size(), limit);
  for (size_t i = 0; i < shown; ++i) {
    const report::DiffRow& row = diff.rows[i];
    csv.Text(row.function).Text(row.file).NumberOrEmpty(row.line).Text(HexOrEmpty(row.address));
    for (const int64_t value :
         {row.base_flat, row.flat, row.delta_flat, row.base_cum, row.cum, row.delta_cum}) {
      csv.Number(value);
    }
    if (row.delta_ci.has_value()) {
      csv.Number(row.delta_ci->first).Number(row.delta_ci->second);
    } else {
      csv.Text("").Text("");
    }
    csv.EndRow();
  }
  return csv.Take();
}

std::string TagsCsv(const report::Selection& selection, const std::vector<report::TagKey>& tags) {
  Csv csv({"key", "value", "unit", "flat"});
  for (const report::TagKey& tag : tags) {
    for (const report::TagValue& value : tag.values) {
      csv.Text(tag.key);
      if (value.numeric) {
        csv.Number(value.number).Text(tag.unit);
      } else {
        csv.Text(value.text).Text("");
      }
      csv.Value(selection.options(), value.flat, static_cast<double>(value.flat)).EndRow();
    }
  }
  return csv.Take();
}

std::string ListCsv(const report::Selection& selection, const report::SourceListing& listing,
                    report::SourceReader& reader) {
  const report::Options& options = selection.options();
  Csv csv({"function", "file", "line", "source", "flat", "cum"});
  ForEachListedRow(listing, reader, [&](const ListedRow& row) {
    csv.Text(row.function)
        .Text(row.file)
        .NumberOrEmpty(row.line)
        .Text(row.source)
        .Value(options, row.flat, static_cast<double>(row.flat))
        .Value(options, row.cum, static_cast<double>(row.cum))
        .EndRow();
  });
  return csv.Take();
}

absl::StatusOr<std::string> ProfileCsv(const Profile& profile, const report::Options& options) {
  const auto selected = report::ResolveSampleIndex(profile, options.sample_index);
  if (!selected.ok()) return selected.status();
  report::Options one = options;
  one.node_count = 0;
  one.node_fraction = 0;
  if (one.granularity == report::Granularity::kFunctions) {
    one.granularity = report::Granularity::kFileFunctions;
  }
  Csv csv({"sample_type", "unit", "function", "file", "line", "address", "flat", "cum"});
  for (size_t t = 0; t < profile.sample_types().size(); ++t) {
    if (!options.sample_index.empty() && static_cast<int>(t) != *selected) continue;
    one.sample_index = absl::StrCat(t);
    const auto top = report::Top(profile, one);
    if (!top.ok()) return top.status();
    for (const report::TopRow& row : top->rows) {
      csv.Text(top->sample_type)
          .Text(top->unit)
          .Text(row.function)
          .Text(row.file)
          .NumberOrEmpty(row.line)
          .Text(HexOrEmpty(row.address))
          .Value(one, row.flat, row.flat_mean)
          .Value(one, row.cum, row.cum_mean)
          .EndRow();
    }
  }
  return csv.Take();
}

}  // namespace tidemark::cli
