#include "analyzer/cli/listed_rows.h"

namespace tidemark::cli {
namespace {

void VisitFile(const report::ListedFile& file, const report::SourceReader::File& source,
               ListedRow row, absl::FunctionRef<void(const ListedRow&)> visit) {
  row.file = file.file;
  size_t next = 0;
  const auto visit_values_before = [&](int64_t line) {
    for (; next < file.lines.size() && file.lines[next].line < line; ++next) {
      row.line = file.lines[next].line;
      row.has_source = false;
      row.source = "";
      row.flat = file.lines[next].flat;
      row.cum = file.lines[next].cum;
      visit(row);
    }
  };
  absl::string_view text;
  int64_t line = file.first_line;
  for (; line <= file.last_line && source.Line(line, &text); ++line) {
    visit_values_before(line);
    const bool counted = next < file.lines.size() && file.lines[next].line == line;
    row.line = line;
    row.has_source = true;
    row.source = text;
    row.flat = counted ? file.lines[next].flat : 0;
    row.cum = counted ? file.lines[next].cum : 0;
    visit(row);
    if (counted) ++next;
  }
  visit_values_before(INT64_MAX);
}

}  // namespace

void ForEachListedRow(const report::SourceListing& listing, report::SourceReader& reader,
                      absl::FunctionRef<void(const ListedRow&)> visit) {
  for (const report::ListedFunction& function : listing.functions) {
    ListedRow row;
    row.function = function.function;
    if (function.flat != 0 || function.cum != 0) {
      row.flat = function.flat;
      row.cum = function.cum;
      visit(row);
    }
    for (const report::ListedFile& file : function.files) {
      VisitFile(file, reader.Read(file.file), row, visit);
    }
  }
}

}  // namespace tidemark::cli
