// Two profiles side by side, with the error of each difference.

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

struct DiffRow {
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
  // 95 % interval of delta_flat; absent where the inputs carry no sampling information.
  std::optional<std::pair<int64_t, int64_t>> delta_ci;
};

struct DiffReport {
  std::string sample_type;
  std::string unit;
  int64_t base_total = 0;
  int64_t total = 0;
  std::vector<DiffRow> rows;  // by |delta_flat| then |delta_cum|, then name
};

absl::StatusOr<DiffReport> Diff(const Profile& base, const Profile& profile,
                                const Options& options);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_DIFF_H_
