// `leaks --format json`: the document tidemark.leaks/1.
//
// Thread class: pure function. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_LEAKS_JSON_H_
#define TIDEMARK_ANALYZER_CLI_LEAKS_JSON_H_

#include <string>

#include "analyzer/leaks/ranking.h"

namespace tidemark::cli {

std::string LeaksJson(const leaks::Ranking& ranking);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_LEAKS_JSON_H_
