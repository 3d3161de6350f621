// Flat and cumulative values per function, file, line or address: pprof's -top.
//
// Thread class: a free function over a const Profile; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TOP_H_
#define TIDEMARK_ANALYZER_REPORT_TOP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

// Only the columns of the granularity are filled. Frames of which nothing is known are
// one row per module whose function is "[libfoo.so]" or "<unknown>", as in pprof (at
// granularity files, whose file is that).
struct TopRow {
  std::string function;
  std::string file;
  int64_t line = 0;
  uint64_t address = 0;
  int64_t flat = 0;
  int64_t cum = 0;
};

struct TopReport {
  std::string sample_type;
  std::string unit;
  int64_t total = 0;  // pprof's total: the sum of the values' magnitudes, before filters
  // By |flat|, then pprof's name of the row ("address function file:line"), then |cum|;
  // with sort_by_cum flat and cum change places. Rows with flat = cum = 0 are left out.
  std::vector<TopRow> rows;
};

absl::StatusOr<TopReport> Top(const Profile& profile, const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TOP_H_
