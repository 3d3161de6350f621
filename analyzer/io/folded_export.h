// Folded stacks, Brendan Gregg's format: "root;caller;leaf VALUE", one line per distinct
// stack, for flamegraph.pl, speedscope and inferno.

#ifndef TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_
#define TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_

#include <string>

#include "analyzer/model/profile.h"

namespace tidemark::io {

// Values are those of `sample_type`, summed over equal stacks of names; lines are in the
// order in which their stacks first occur, without those whose sum is 0. Frames are
// function names, inlined ones included, "module+0xoffset" where unknown. A ';' or line
// break within a name becomes ':' or ' '.
// REQUIRES: sample_type < profile.sample_types().size().
std::string ToFolded(const Profile& profile, size_t sample_type);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_
