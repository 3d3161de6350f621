// What the commands that report on one profile share: their options, the profile with its
// base taken away, and the lines above a report.
//
// Thread class: one thread (stderr). May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_REPORT_SOURCE_H_
#define TIDEMARK_ANALYZER_CLI_REPORT_SOURCE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/options.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/selection.h"

namespace tidemark::cli {

// A profile and what a report shows of it.
struct ReportSource {
  std::shared_ptr<const Profile> profile;  // merged, the base subtracted, symbolized
  // Of `profile`. Never empty; optional only because a Selection cannot be made from nothing.
  std::optional<report::Selection> selection;
};

// Opens `files` (and the bases that `flags` name), and warns on stderr of filters that match
// nothing. A report that shows one sample type's values alone has no use for the names of
// locations without any: they are only looked for if it shows kAllValues.
// `compared`: to be shown beside another profile.
enum class Shown { kAllValues, kOneValue };
absl::StatusOr<ReportSource> OpenReport(const std::vector<std::string>& files,
                                        const ReportFlags& flags, Shown shown = Shown::kAllValues,
                                        bool compared = false);

// The format of a report's values: one unit for all of them. `values`: each row's flat value,
// or its cumulative one where flat is 0.
ValueFormat FormatFor(const report::Selection& selection, absl::Span<const int64_t> values);

// pprof's lines above a report, each without its end: "File: redis-server", "Type: …", "Time: …",
// "Duration: …", and the recorder's comments that are meant for people.
std::vector<std::string> ProfileLabels(const report::Selection& selection,
                                       const ValueFormat& format);

// What a trimmed report left out.
struct Trimmed {
  int64_t shown_total = 0;  // sum of the flat values that are shown
  size_t shown_nodes = 0;
  size_t nodes = 0;          // after dropping, before node_count
  size_t dropped_nodes = 0;  // below node_fraction
  size_t dropped_edges = 0;
};
// ProfileLabels, the active filters, "Showing nodes accounting for …", "Dropped …".
std::vector<std::string> ReportLabels(const report::Selection& selection, const ValueFormat& format,
                                      const Trimmed& trimmed);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_REPORT_SOURCE_H_
