// Which language a function was written in, by the conventions of names: what kind of
// advice a person can use, and how it is worded.
//
// Thread class: pure functions.

#ifndef TIDEMARK_ANALYZER_REPORT_LANGUAGE_H_
#define TIDEMARK_ANALYZER_REPORT_LANGUAGE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace tidemark::report {

enum class Language : uint8_t { kUnknown, kC, kCxx, kRust, kGo, kPython };

// From a function's name and its file, either of which may be empty. The file's suffix
// decides where it belongs to one language; ".h" does not.
Language LanguageOf(absl::string_view function, absl::string_view file);

// From a container's type as the classifier shows it: "std::map<int, S>", "map[string]int",
// "Vec<u8>", "dict".
Language LanguageOfType(absl::string_view type);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_LANGUAGE_H_
