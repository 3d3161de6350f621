// Values by source line, for functions that a regex names: pprof's -list without the source
// text (source_reader.h).
//
// Thread class: free functions over a const Selection; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_SOURCE_LISTING_H_
#define TIDEMARK_ANALYZER_REPORT_SOURCE_LISTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

struct ListedLine {
  int64_t line = 0;  // 0: unknown
  int64_t flat = 0;
  int64_t cum = 0;
};

struct ListedFile {
  std::string file;  // trimmed and lexically cleaned
  // Sums of the lines' values: a sample in which the function is on two lines counts twice in
  // cum, as in pprof's. Not divided under Options::mean, as pprof's.
  int64_t flat = 0;
  int64_t cum = 0;
  // What is shown of the file, both included: from where the function begins (five lines
  // above the first sample where that is unknown) to five lines below the last one.
  int64_t first_line = 1;
  int64_t last_line = 1;
  std::vector<ListedLine> lines;  // those with samples, ascending
};

struct ListedFunction {
  std::string function;
  int64_t flat = 0;  // of its lines without a file
  int64_t cum = 0;
  std::vector<ListedFile> files;  // by name; empty: no line of it has a file
};

struct SourceListing {
  std::vector<ListedFunction> functions;  // by name
};

// Functions whose name `regex` matches anywhere. The selection's granularity is not looked at.
// kInvalidArgument when the regex does not compile, kNotFound when it matches no function that
// has samples.
absl::StatusOr<SourceListing> ListSources(const Selection& selection, absl::string_view regex);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_SOURCE_LISTING_H_
