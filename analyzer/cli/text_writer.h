// Reports as text for people, in pprof's layout.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_
#define TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_

#include <cstddef>
#include <string>

#include "analyzer/model/profile.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/options.h"
#include "analyzer/report/top.h"

namespace tidemark::cli {

// `limit`: rows shown, 0 all.
std::string TopText(const Profile& profile, const report::TopReport& top, size_t limit);
std::string DiffText(const Profile& base, const Profile& profile, const report::DiffReport& diff,
                     size_t limit);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_TEXT_WRITER_H_
