// Tables as CSV (RFC 4180: a header row, quotes around what needs them), with raw numbers for
// spreadsheets and scripts. Lines end in LF, which every reader takes and line tools need.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_CSV_WRITER_H_
#define TIDEMARK_ANALYZER_CLI_CSV_WRITER_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/source_listing.h"
#include "analyzer/report/source_reader.h"
#include "analyzer/report/tags.h"
#include "analyzer/report/top.h"

namespace tidemark::cli {

class Csv {
 public:
  explicit Csv(std::initializer_list<absl::string_view> header);

  Csv& Text(absl::string_view text);
  Csv& Number(int64_t number);
  // Empty for 0, which stands for unknown.
  Csv& NumberOrEmpty(int64_t number);
  // An integer, or a real number under --mean and --divide-by, as in JSON.
  Csv& Value(const report::Options& options, int64_t value, double mean);
  // REQUIRES: as many fields since the last row as the header has.
  void EndRow();

  // What was written since the last call.
  std::string Take();

 private:
  void Separate();

  std::string text_;
  bool row_begun_ = false;
};

// function, file, line, address (hex), flat, cum.
std::string TopCsv(const report::Selection& selection, const report::TopReport& top);
// function, file, line, address, base_flat, flat, delta_flat, base_cum, cum, delta_cum,
// delta_low, delta_high. `limit`: rows written, 0 all.
std::string DiffCsv(const report::DiffReport& diff, size_t limit);
// key, value, unit, flat.
std::string TagsCsv(const report::Selection& selection, const std::vector<report::TagKey>& tags);
// function, file, line, source, flat, cum.
std::string ListCsv(const report::Selection& selection, const report::SourceListing& listing,
                    report::SourceReader& reader);
// Every sample type (or only the one that the options name): sample_type, unit, function, file,
// line, address, flat, cum. Functions are told apart by file where `top` would not; nothing is
// trimmed.
absl::StatusOr<std::string> ProfileCsv(const Profile& profile, const report::Options& options);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_CSV_WRITER_H_
