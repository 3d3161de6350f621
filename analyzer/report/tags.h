// What the samples' labels say, added up: pprof's -tags.
//
// Thread class: a free function over a const Selection; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TAGS_H_
#define TIDEMARK_ANALYZER_REPORT_TAGS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

struct TagValue {
  bool numeric = false;
  absl::string_view text;  // of a label that is not numeric
  int64_t number = 0;      // of one that is
  // Sum over the samples with this label, the label's every occurrence in a sample counted;
  // as stored, whatever Options::mean says (pprof's -tags).
  int64_t flat = 0;
};

struct TagKey {
  absl::string_view key;
  // Of the numeric values; empty when there is none. See Selection::label_unit.
  absl::string_view unit;
  int64_t total = 0;             // of the values' flat
  std::vector<TagValue> values;  // largest |flat| first, then numbers, then text
};

// By key. Strings live as long as the selection's profile. Keys that are not shown
// (Options::tag_show, tag_hide) are left out.
std::vector<TagKey> Tags(const Selection& selection);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TAGS_H_
