// Sites and containers in text for people.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SITE_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_SITE_TEXT_H_

#include <optional>
#include <string>

#include "analyzer/model/annotations.h"
#include "analyzer/report/frame.h"

namespace tidemark::cli {

// A frame's function without what only a compiler needs, and its file without folders.
std::string SiteText(report::Frame frame);
// "map<string, Session>, insert  std::map<std::string, shop::Session>"; "slice?, grow, inferred";
// "" for none.
std::string ContainerText(const std::optional<Container>& container);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SITE_TEXT_H_
