// Flat and cumulative values per function, file, line or address: pprof's -top.
//
// Thread class: free functions over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TOP_H_
#define TIDEMARK_ANALYZER_REPORT_TOP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

// Whether a row's calls were inlined into their callers: none, some, or all of them.
enum class InlineMark : uint8_t { kNone, kPartial, kAll };

// Only the columns of the granularity are filled. Frames of which nothing is known are
// one row per module whose function is "[libfoo.so]" or "<unknown>", as in pprof (at
// granularity files, whose file is that).
struct TopRow {
  std::string name;  // of the row in text, as pprof's: NodeTable::PrintableName
  std::string function;
  std::string file;
  int64_t line = 0;
  int64_t column = 0;
  uint64_t address = 0;
  int64_t flat = 0;  // pprof's integers
  int64_t cum = 0;
  double flat_mean = 0;  // the same without rounding; only under Options::mean
  double cum_mean = 0;
  InlineMark inlined = InlineMark::kNone;
};

struct TopReport {
  std::string sample_type;
  std::string unit;
  int64_t total = 0;  // Selection::total
  // By |flat|, then pprof's name of the row ("address function file:line"), then |cum|;
  // with sort_by_cum flat and cum change places. Rows with flat = cum = 0 are left out.
  std::vector<TopRow> rows;
  size_t dropped_nodes = 0;  // by node_fraction
  size_t nodes = 0;          // the rest, of which node_count may leave out some more
};

TopReport Top(const Selection& selection);
absl::StatusOr<TopReport> Top(const Profile& profile, const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TOP_H_
