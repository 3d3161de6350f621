// Reports as text for people, in pprof's layout.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_
#define TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_

#include <string>

#include "analyzer/model/profile.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/options.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/top.h"

namespace tidemark::cli {

std::string TopText(const report::Selection& selection, const report::TopReport& top);
// options.node_count limits the rows; options.unit is that of all values.
std::string DiffText(const Profile& base, const Profile& profile, const report::DiffReport& diff,
                     const report::Options& options);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_
