// An annotated source listing as rows: what its JSON and CSV forms have in common.
//
// Thread class: one thread. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_CLI_LISTED_ROWS_H_
#define TIDEMARK_ANALYZER_CLI_LISTED_ROWS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "analyzer/report/source_listing.h"
#include "analyzer/report/source_reader.h"

namespace tidemark::cli {

struct ListedRow {
  absl::string_view function;
  absl::string_view file;    // empty: unknown
  int64_t line = 0;          // 0: unknown
  bool has_source = false;   // otherwise the file could not be read, or is shorter
  absl::string_view source;  // without its line end
  int64_t flat = 0;
  int64_t cum = 0;
};

// One row for each line that pprof's text shows; without the source, for each line with a
// value. Lines beyond the end of a file, which pprof drops, have rows too, so that the values
// of a function add up.
void ForEachListedRow(const report::SourceListing& listing, report::SourceReader& reader,
                      absl::FunctionRef<void(const ListedRow&)> visit);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_LISTED_ROWS_H_
