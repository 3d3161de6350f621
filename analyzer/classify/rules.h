// The rules of classification as data: which functions and modules are glue, which are
// containers, of what kind, and where in the name the element type stands.
//
// Names are matched demangled, without inline namespaces (std::__cxx11, absl::lts_…).
// Thread class: constant data.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_RULES_H_
#define TIDEMARK_ANALYZER_CLASSIFY_RULES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/model/annotations.h"

namespace tidemark::classify {

// How a container's type and element are read off template arguments A0, A1…
enum class Shape {
  kPlain,          // type = shown as it stands; element unknown
  kElement,        // shown<A0>; element A0
  kTemplate,       // shown<A0, A1…> without defaults; element A0
  kKeyValue,       // shown<A0, A1>; element std::pair<const A0, A1>
  kBasicString,    // basic_string<A0…>: its alias; element A0
  kTree,           // libstdc++'s _Rb_tree<Key, Value, KeyOfValue…>: map or set
  kHashtable,      // libstdc++'s _Hashtable<Key, Value, Allocator, ExtractKey… traits>
  kMapBase,        // libstdc++'s _Map_base<Key, std::pair<const Key, T>…>
  kNodeAllocator,  // an allocator of A0: a node tells its container, else a bare array
  kPolicy,         // absl's raw_hash_set<Policy…>: the policy tells map or set
};

// A class whose member functions are the container. `name` is compared whole, without
// template arguments.
struct ClassRule {
  absl::string_view name;
  ContainerKind kind;
  absl::string_view shown;
  Shape shape;
};
absl::Span<const ClassRule> ClassRules();

// What a container's member function does to it. A name that ends in '*' is a prefix;
// the first match counts. kUnknown: says nothing, ask the next frame out.
struct OperationRule {
  absl::string_view function;
  Operation operation;
};
absl::Span<const OperationRule> OperationRules();

// Free functions (with their namespace) that are containers: factories of C++, and the
// containers of C, Go and Python run times. '*' at the end makes a prefix.
struct FunctionRule {
  absl::string_view function;
  ContainerKind kind;
  absl::string_view shown;  // "" : only the kind is known
  Shape shape;
  Operation operation;
};
absl::Span<const FunctionRule> FunctionRules();

// Glue: functions through which a program allocates but which nobody calls the site.
// '*' at the end makes a prefix.
absl::Span<const absl::string_view> GlueFunctions();

// Namespaces that are glue whole. `rust_only`: only for functions mangled by rustc, as
// the words are too common.
struct NamespaceRule {
  absl::string_view prefix;  // with its "::"
  bool rust_only;
};
absl::Span<const NamespaceRule> GlueNamespaces();

// Files whose every frame is glue, symbolized or not: prefixes of the file's name.
absl::Span<const absl::string_view> GlueModules();

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_RULES_H_
