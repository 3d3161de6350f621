// The forms that paths of Rust's functions take: "alloc::vec::Vec<T,A>::push",
// "<alloc::vec::Vec<u8>>::push", "<T as core::clone::Clone>::clone".
//
// Thread class: pure functions; views point into the argument. Allocates nothing.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_RUST_PATH_H_
#define TIDEMARK_ANALYZER_CLASSIFY_RUST_PATH_H_

#include "absl/strings/string_view.h"

namespace tidemark::classify {

// Whether rustc mangled it: v0 "_R…", or "_ZN…17h<16 hex digits>E".
bool IsRustSymbol(absl::string_view system_name);

// "h0123456789abcdef", the hash that ends a name of rustc's old mangling.
bool IsRustHash(absl::string_view component);

// "<SELF as TRAIT>" and "module::<impl TRAIT for SELF>" taken apart; `trait` is empty for
// "<SELF>" and for any other scope, which is `self` whole. What stands behind these ("::method",
// where the function is a closure in it) does not count.
struct RustScope {
  absl::string_view self;
  absl::string_view trait;
};
RustScope SplitRustScope(absl::string_view scope);

// A type without references and pointers: "&mut T" is "T".
absl::string_view WithoutReferences(absl::string_view type);

// "T", "K", "A": a parameter's name, which the old mangling keeps instead of the type.
bool IsGenericParameter(absl::string_view argument);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_RUST_PATH_H_
