// What a report shows of a profile: the value column, the filters, the granularity.

#ifndef TIDEMARK_ANALYZER_REPORT_OPTIONS_H_
#define TIDEMARK_ANALYZER_REPORT_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/model/profile.h"

namespace tidemark::report {

enum class Granularity { kFunctions, kFileFunctions, kFiles, kLines, kAddresses };

// pprof's meanings (case: as pprof's). Empty regex: no filter. A regex that does not
// compile is kInvalidArgument.
struct Options {
  std::string sample_index;  // "", a number, or a name; "inuse_" may be left out
  Granularity granularity = Granularity::kFunctions;
  bool no_inlines = false;
  bool sort_by_cum = false;  // tables only: rows by |cum| instead of |flat|
  std::string focus, ignore, hide, show;
};

// pprof's rule for --sample-index; "" gives the default type.
absl::StatusOr<int> ResolveSampleIndex(const Profile& profile, absl::string_view sample_index);

// The index in `base` of what `sample_type` is in `profile`. kInvalidArgument when the
// base lacks the type or has it in another unit.
absl::StatusOr<int> MatchingSampleType(const Profile& base, const Profile& profile,
                                       int sample_type);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_OPTIONS_H_
