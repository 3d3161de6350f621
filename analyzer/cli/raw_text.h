// raw and comments: what a profile holds, as pprof prints it (profile.Profile's String).
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_RAW_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_RAW_TEXT_H_

#include "analyzer/cli/output.h"
#include "analyzer/model/profile.h"

namespace tidemark::cli {

// Locations and mappings are numbered from 1 in the profile's order. Times are local.
void WriteRawText(const Profile& profile, Output& out);
// One line each.
void WriteComments(const Profile& profile, Output& out);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_RAW_TEXT_H_
