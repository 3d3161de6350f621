// The one sentence that says why a site got its verdict, with its numbers.
//
// Thread class: pure function. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_REASON_H_
#define TIDEMARK_ANALYZER_LEAKS_REASON_H_

#include <string>

#include "analyzer/leaks/judge.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

// REQUIRES: `judgement` is of `site`, and `site` of `series`.
std::string Reason(const Series& series, const SiteSeries& site, const Judgement& judgement);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_REASON_H_
