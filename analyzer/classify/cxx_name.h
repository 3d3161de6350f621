// Takes apart the names that demanglers print: C++ (templates, operators, lambdas,
// anonymous namespaces, function-local scopes), Rust (paths, <T as Trait>) and whatever
// else a symbol table holds. Never fails: a name that makes no sense comes back whole, as
// `base`.
//
// Thread class: pure functions; views point into the argument. Allocation class: may
// allocate. Time is linear in the length of the name, whatever it holds.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_CXX_NAME_H_
#define TIDEMARK_ANALYZER_CLASSIFY_CXX_NAME_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tidemark::classify {

// "void std::vector<int>::_M_realloc_insert<int const&>(int*, int const&) [clone .cold]":
struct FunctionName {
  absl::string_view scope;       // "std::vector<int>"; "" for a global function
  absl::string_view base;        // "_M_realloc_insert"; "operator<<"; "{lambda(int)#1}"
  absl::string_view arguments;   // "int const&": of the base, without the brackets
  absl::string_view parameters;  // "int*, int const&", without the brackets
};
FunctionName SplitFunctionName(absl::string_view name);

// "std::map<int, Session>" is {"std::map", {"int", "Session"}}. Only the arguments of the
// last component count: "std::map<int, int>::iterator" has none.
struct TemplateName {
  absl::string_view name;
  std::vector<absl::string_view> arguments;
};
TemplateName SplitTemplate(absl::string_view type);

// "a, b<c, d>" is {"a", "b<c, d>"}.
std::vector<absl::string_view> SplitArguments(absl::string_view list);

// As a person writes it: "std::vector<std::__cxx11::basic_string<char, …> const, …>" is
// "std::vector<const std::string>": aliases used, default allocators, comparators and
// hashes dropped, const in front.
std::string ShortTypeName(absl::string_view type);

// The same for a function, without its return type, parameters and template arguments of
// its own: "std::vector<int>::push_back". What is no C++ name comes back as it is.
std::string ShortFunctionName(absl::string_view name);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_CXX_NAME_H_
