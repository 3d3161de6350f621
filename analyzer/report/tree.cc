#include "analyzer/report/tree.h"

#include <re2/re2.h>

#include "absl/strings/str_cat.h"

namespace tidemark::report {

TreeReport Tree(const Selection& selection) {
  TreeReport report;
  report.trimmed = MakeTrimmedGraph(selection, {});
  report.rows = report.trimmed.graph->nodes();
  return report;
}

absl::StatusOr<TreeReport> Peek(const Selection& selection, const std::string& regex) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 re(regex, options);
  if (!re.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("bad regex \"", regex, "\": ", re.error()));
  }
  TreeReport report = Tree(selection);
  const CallGraph& graph = *report.trimmed.graph;
  std::erase_if(report.rows,
                [&](uint32_t node) { return !RE2::PartialMatch(graph.name(node), re); });
  if (report.rows.empty()) {
    return absl::NotFoundError(absl::StrCat("no function matches \"", regex, "\""));
  }
  return report;
}

}  // namespace tidemark::report
