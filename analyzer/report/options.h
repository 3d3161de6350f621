// What a report shows of a profile: the value column, the filters, the granularity.

#ifndef TIDEMARK_ANALYZER_REPORT_OPTIONS_H_
#define TIDEMARK_ANALYZER_REPORT_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/model/profile.h"

namespace tidemark::report {

enum class Granularity { kFunctions, kFileFunctions, kFiles, kLines, kAddresses };

// pprof's options of the same names, with its meanings (case: as pprof's). Empty regex: no
// filter. A regex that does not compile is kInvalidArgument.
struct Options {
  std::string sample_index;  // "", a number, or a name; "inuse_" may be left out
  bool mean = false;         // values are averages: divided by the first sample type's
  double divide_by = 1;      // of every value that is shown; not 0
  std::string unit = "minimum";

  Granularity granularity = Granularity::kFunctions;
  bool no_inlines = false;
  bool show_columns = false;
  bool sort_by_cum = false;  // rows by |cum| instead of |flat|

  std::string focus, ignore, hide, show, show_from, prune_from;
  // "key=regex,regex", "regex,regex", or a range "key=32kb:64kb".
  std::string tag_focus, tag_ignore;
  std::string tag_show, tag_hide;  // regexes over label keys
  // Label keys, comma separated, whose values become frames at the root or the leaf.
  std::string tag_root, tag_leaf;
  bool relative_percentages = false;  // of what the filters left, not of everything

  // Colon-separated directories: what is cut from the front of source paths, and where
  // sources are looked for (whose names also say what to cut).
  std::string trim_path, source_path;

  // Trimming. Nothing is trimmed by default; commands set pprof's own defaults.
  int64_t node_count = 0;    // at most this many nodes; 0: all
  double node_fraction = 0;  // drop nodes with |cum| below this part of the total
  double edge_fraction = 0;
  bool call_tree = false;      // graphs: a node for each path that leads to it
  bool drop_negative = false;  // no nodes with a negative value

  // Whether they ask for other stacks, labels or values than the profile's own, whatever is
  // then shown of them.
  bool AsksForChange() const;
};

// pprof's rule for --sample-index; "" gives the default type.
absl::StatusOr<int> ResolveSampleIndex(const Profile& profile, absl::string_view sample_index);

// The index in `base` of what `sample_type` is in `profile`. kInvalidArgument when the
// base lacks the type or has it in another unit.
absl::StatusOr<int> MatchingSampleType(const Profile& base, const Profile& profile,
                                       int sample_type);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_OPTIONS_H_
