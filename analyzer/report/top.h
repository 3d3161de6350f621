// Flat and cumulative values per function, file, line or address: pprof's -top.

#ifndef TIDEMARK_ANALYZER_REPORT_TOP_H_
#define TIDEMARK_ANALYZER_REPORT_TOP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

// Only the columns of the granularity are filled.
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
  int64_t total = 0;  // pprof's total: the sum of the values' magnitudes
  std::vector<TopRow> rows;  // by |flat| then |cum|, then name: pprof's order
};

absl::StatusOr<TopReport> Top(const Profile& profile, const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TOP_H_
