// Folded stacks, Brendan Gregg's format: "root;caller;leaf VALUE", one line per distinct
// stack, for flamegraph.pl, speedscope and inferno.
//
// Thread class: pure functions. May allocate: a few bytes for each stack, never the text.

#ifndef TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_
#define TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Gives `sink` one line after another. Values are those of `sample_type`, summed over equal
// stacks of names; lines are in the order in which their stacks first occur, without those
// whose sum is 0. Frames are function names, inlined ones included, "module+0xoffset" where
// unknown. A ';' or line break within a name becomes ':' or ' '.
// REQUIRES: sample_type < profile.sample_types().size().
void WriteFolded(const Profile& profile, size_t sample_type,
                 absl::FunctionRef<void(absl::string_view)> sink);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_FOLDED_EXPORT_H_
