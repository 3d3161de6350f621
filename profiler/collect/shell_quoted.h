// Commands that are printed to be typed.
//
// Thread class: pure function. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_SHELL_QUOTED_H_
#define TIDEMARK_PROFILER_COLLECT_SHELL_QUOTED_H_

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace tidemark::collect {

// `s` as one argument of a shell command, quoted only where it has to be.
inline std::string ShellQuoted(const std::string& s) {
  constexpr std::string_view kPlain = "_-./+=:@%,";
  const bool plain = !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           kPlain.find(c) != std::string_view::npos;
  });
  return plain ? s : absl::StrCat("'", absl::StrReplaceAll(s, {{"'", "'\\''"}}), "'");
}

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_SHELL_QUOTED_H_
