// Two profiles side by side, with the error of each difference.
//
// Thread class: a free function over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_DIFF_H_
#define TIDEMARK_ANALYZER_REPORT_DIFF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

// Rows of the two profiles are one row when the granularity's columns agree. Addresses
// are compared within their module, so that address space randomization does not matter;
// `address` is the newer profile's when it has the module.
struct DiffRow {
  std::string name;  // of the row in text, as pprof's: NodeTable::PrintableName
  std::string function;
  std::string file;
  int64_t line = 0;
  uint64_t address = 0;
  int64_t base_flat = 0;
  int64_t flat = 0;
  int64_t delta_flat = 0;
  int64_t base_cum = 0;
  int64_t cum = 0;
  int64_t delta_cum = 0;
  // 95 % interval of delta_flat; absent where the inputs carry no sampling information
  // (see sampling_error.h).
  std::optional<std::pair<int64_t, int64_t>> delta_ci;
};

struct DiffReport {
  std::string sample_type;
  std::string unit;
  int64_t base_total = 0;
  int64_t total = 0;
  // By |delta_flat|, then name, then |delta_cum|: the order of pprof -diff_base, whose
  // flat and cum are delta_flat and delta_cum; with sort_by_cum by |delta_cum| first. Rows
  // that did not change are kept, last.
  std::vector<DiffRow> rows;
};

// The filters apply to both; mean and divide_by are not looked at. kInvalidArgument also when
// `base` lacks the sample type or has it in another unit.
absl::StatusOr<DiffReport> Diff(const Profile& base, const Profile& profile,
                                const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_DIFF_H_
