// Sites and their containers, as `leaks` and `escape` show them.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SITE_OUTPUT_H_
#define TIDEMARK_ANALYZER_CLI_SITE_OUTPUT_H_

#include <optional>
#include <string>

#include "analyzer/cli/json_writer.h"
#include "analyzer/model/annotations.h"
#include "analyzer/report/frame.h"

namespace tidemark::cli {

// {function, file, line, module, address}
Json SiteJson(const report::Frame& frame);
// {kind, badge, type, element, operation, evidence}; null without a container.
Json ContainerJson(const std::optional<Container>& container);

// A frame's function without what only a compiler needs, and its file without folders.
std::string SiteText(report::Frame frame);
// "map<string, Session>, insert  std::map<std::string, shop::Session>"; "slice?, grow, inferred".
std::string ContainerText(const std::optional<Container>& container);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SITE_OUTPUT_H_
