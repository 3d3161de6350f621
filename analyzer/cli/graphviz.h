// Pictures of graphs: runs Graphviz's `dot`, where it is installed.
//
// Thread class: one call at a time per thread; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_GRAPHVIZ_H_
#define TIDEMARK_ANALYZER_CLI_GRAPHVIZ_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tidemark::cli {

// The picture of a dot program, as SVG. Waits until it is drawn. kUnavailable when there is
// no `dot` in PATH or when it fails.
absl::StatusOr<std::string> DotToSvg(absl::string_view dot);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_GRAPHVIZ_H_
