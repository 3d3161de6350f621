// What every view calls a container: one short text for people.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_BADGE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_BADGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/model/annotations.h"

namespace tidemark::classify {

// The kind and what it holds: "map<string, Session>", "slice<int>", "string", "slice" where
// the element is not known; a question mark at the end says that it is inferred. At most
// some 100 bytes.
std::string BadgeOf(const Container& container);

// A type without the namespaces of it and its arguments: "std::vector<shop::Session*>" is
// "vector<Session*>". What is no C++ or Rust type comes back as it is.
std::string WithoutNamespaces(absl::string_view type);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_BADGE_H_
