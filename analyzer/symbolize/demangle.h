// Symbol names as people write them.
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::symbolize {

// The demangled name of a C++ (Itanium) or Rust (v0 or legacy) symbol with its
// arguments and template arguments; any other name, or one that does not demangle, as it
// is. Symbol versions ("@@GLIBC_2.2.5") and the suffixes of compiler-made copies (".cold",
// ".isra.0", ".part.1", ...) are left out: they are the same function to a person. Names
// of more than 64 KiB are returned as they are.
std::string Demangle(absl::string_view symbol);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_H_
