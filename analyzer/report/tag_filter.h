// pprof's tagfocus and tagignore: which label sets an expression matches.
//
//   key=regex,regex    a value of the key matches one of them
//   regex,regex        each matches some "key:value"
//   [key=]32kb         a numeric value (of any key) is 32 kB; also ":64kb" (at most), "4mb:"
//                      (at least), "4kb:64kb" (within)
//
// What reads as a range is one, even where a regex was meant: pprof's rule.
//
// Thread class: immutable after Make. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TAG_FILTER_H_
#define TIDEMARK_ANALYZER_REPORT_TAG_FILTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"

namespace re2 {
class RE2;
}

namespace tidemark::report {

// The unit of each key's numeric values, indexed by the key: the first that a sample has with
// it; else "bytes" for "alignment" and "request", else the key itself.
std::vector<absl::string_view> LabelUnits(const Profile& profile);

class TagFilter {
 public:
  // `option` is named in errors. `profile` must remain live. kInvalidArgument for a regex that
  // does not compile or a number beyond 64 bits.
  static absl::StatusOr<TagFilter> Make(absl::string_view option, absl::string_view expression,
                                        const Profile& profile);

  bool Matches(absl::Span<const Label> labels) const;

 private:
  struct Range {
    std::string unit;
    std::optional<double> low, high;  // in `unit`
  };
  static absl::StatusOr<std::optional<Range>> ParseRange(absl::string_view option,
                                                         absl::string_view text);
  bool MatchesRange(absl::Span<const Label> labels) const;
  bool MatchesKeyed(absl::Span<const Label> labels) const;
  bool MatchesAnyKey(absl::Span<const Label> labels) const;

  const Profile* profile_ = nullptr;
  std::optional<std::string> key_;
  std::optional<Range> range_;
  std::vector<absl::string_view> units_;  // LabelUnits; only for a range
  std::vector<std::shared_ptr<const re2::RE2>> regexes_;
};

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TAG_FILTER_H_
