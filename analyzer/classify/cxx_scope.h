// Scopes of demangled names made comparable: without inline namespaces that carry versions,
// without template arguments.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_CXX_SCOPE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_CXX_SCOPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::classify {

// "std::__cxx11::list" is "std::list", "absl::lts_20220623::Cord" is "absl::Cord"; also within
// template arguments.
std::string WithoutInlineNamespaces(absl::string_view name);

// "a::B<int>::C<char>" is "a::B::C". Rust's "<T as Trait>" stays, for it is a component.
std::string WithoutTemplateArguments(absl::string_view scope);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_CXX_SCOPE_H_
