// Reports as JSON: the contract of --format json. Unknown is null, values are integers in
// the base unit; reals under --mean and --divide-by.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_JSON_WRITER_H_
#define TIDEMARK_ANALYZER_CLI_JSON_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/model/annotations.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/frame.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/top.h"

namespace tidemark::cli {

using Json = nlohmann::ordered_json;

// Null when empty, or 0.
Json TextOrNull(absl::string_view text);
Json NumberOrNull(int64_t number);
// {function, file, line, module, build_id, address, inlined}
Json FrameJson(const report::Frame& frame);
Json FramesJson(const std::vector<report::Frame>& frames);
// {function, file, line, module, address}: what stands for a site.
Json SiteJson(const report::Frame& frame);
// {kind, badge, type, element, operation, evidence}; null for none.
Json ContainerJson(const std::optional<Container>& container);
// {schema, sample_type, unit, total}: what every document begins with.
Json DocumentHead(absl::string_view schema, absl::string_view sample_type, absl::string_view unit,
                  int64_t total);
// The same for a report on one profile.
Json DocumentHead(absl::string_view schema, const report::Selection& selection);
// A value as `options` want it: `value`, or a real number made of `mean` (the value without
// rounding).
Json ValueJson(const report::Options& options, int64_t value, double mean);
Json ValueJson(const report::Options& options, const report::Weight& weight);
// {function, file, line, address}: the granularity's columns; unknown ones are null.
Json NodeJson(absl::string_view function, absl::string_view file, int64_t line, uint64_t address);
// As text with a final line end; bytes that are not UTF-8 are replaced.
std::string DumpDocument(const Json& document);

std::string TopJson(const report::Selection& selection, const report::TopReport& top);
// `limit`: rows written, 0 all.
std::string DiffJson(const report::DiffReport& diff, size_t limit);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_JSON_WRITER_H_
