// Rust's two manglings. The v0 scheme ("_R…") is RFC 2603, "Rust Symbol Name Mangling v0", as
// amended by the rustc book; the legacy one is an Itanium nested name with escapes.
//
// Names come from files that may be anybody's: nesting, work and output are bounded.
//
// Thread class: free functions; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_RUST_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_RUST_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::symbolize {

// Of a legacy symbol, without its hash; nullopt when it is not one.
std::optional<std::string> DemangleRustLegacy(absl::string_view symbol);

// Of a v0 symbol, without the hashes of crates and without types of constants, as
// "<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop"; nullopt when it is not one, or
// would be longer than 64 KiB.
std::optional<std::string> DemangleRustV0(absl::string_view symbol);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DEMANGLE_RUST_H_
