// Text as Go's fmt package lays it out, where pprof's output must be matched byte by byte.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_GO_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_GO_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::cli {

// Code points; a byte that is no UTF-8 counts as one.
size_t RuneCount(absl::string_view text);
// fmt's %10s: `text` after as many spaces as it takes to `width` code points.
std::string PadLeft(absl::string_view text, size_t width);
// time.Duration's String: "1m30.5s", "250ms", "0s".
std::string GoDuration(int64_t nanoseconds);
// The first `count` code points.
absl::string_view FirstRunes(absl::string_view text, size_t count);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_GO_TEXT_H_
