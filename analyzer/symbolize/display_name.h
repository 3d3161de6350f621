// Demangled names, shortened for people. The profile keeps the whole name; what is shown is
// made of it last, after everything that looks into names (the container kinds do).
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DISPLAY_NAME_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DISPLAY_NAME_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/model/profile.h"

namespace tidemark::symbolize {

// The first five words are pprof's for -symbolize=demangle=WORD.
enum class NameStyle {
  kAsIs,       // what the profile has
  kNone,       // the symbol table's name: _ZNSt6vectorIiSaIiEE9push_backEOi
  kFull,       // std::vector<int, std::allocator<int> >::push_back(int&&)
  kTemplates,  // no parameters: std::vector<int, std::allocator<int> >::push_back
  kDefault,    // nor template arguments: std::vector::push_back
  kShort,      // no default template arguments: std::vector<int>::push_back(int&&)
};

// A demangled C++ or Rust name in that style. Text that does not look like one is returned as it
// is, and so is what is too deeply nested.
std::string DisplayName(absl::string_view name, NameStyle style);

// The profile with its functions' names in that style. Names that were not mangled stay.
absl::StatusOr<std::shared_ptr<const Profile>> WithDisplayNames(
    const std::shared_ptr<const Profile>& profile, NameStyle style);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DISPLAY_NAME_H_
