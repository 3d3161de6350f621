// `leaks` for people.
//
// Thread class: pure function. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_LEAKS_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_LEAKS_TEXT_H_

#include <cstddef>
#include <string>

#include "analyzer/leaks/ranking.h"

namespace tidemark::cli {

// `total_findings`: how many there are, of which `ranking` may hold the first.
std::string LeaksText(const leaks::Ranking& ranking, size_t total_findings);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_LEAKS_TEXT_H_
