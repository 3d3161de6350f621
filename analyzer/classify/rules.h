// The rules of classification as data: which functions and modules are glue, which are
// containers, of what kind, and where in the name the element type stands.
//
// Names are matched demangled, without inline namespaces (std::__cxx11, absl::lts_…).
// Thread class: constant data.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_RULES_H_
#define TIDEMARK_ANALYZER_CLASSIFY_RULES_H_

#include <vector>

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

// In every table a pattern is a whole name, or a prefix when it ends in '*'. A whole name wins
// over a prefix, a longer prefix over a shorter one.

// A class whose member functions are the container. `name` is compared without template
// arguments.
struct ClassRule {
  absl::string_view name;
  ContainerKind kind;
  absl::string_view shown;
  Shape shape;
};

// What a container's member function does to it. kUnknown: says nothing, ask the next frame
// out. What makes a map or set grow is a rehash.
struct OperationRule {
  absl::string_view function;
  Operation operation;
};

// Free functions (with their namespace) that are containers: factories of C++, and the
// containers of C and of run times.
struct FunctionRule {
  absl::string_view function;
  ContainerKind kind;
  absl::string_view shown;  // "" : only the kind is known
  Shape shape;
  Operation operation;
};

// A namespace that is glue whole. `rust_only`: only for functions mangled by rustc, as the
// words are too common.
struct NamespaceRule {
  absl::string_view prefix;  // with its "::"
  bool rust_only;
};

// The rules of one language or library.
struct RuleTable {
  absl::Span<const ClassRule> classes = {};
  absl::Span<const FunctionRule> functions = {};
  absl::Span<const OperationRule> operations = {};
  // Functions through which a program allocates but which nobody calls the site.
  absl::Span<const absl::string_view> glue = {};
  absl::Span<const NamespaceRule> namespaces = {};
  // Files whose every frame is glue, symbolized or not: prefixes of the file's name.
  absl::Span<const absl::string_view> modules = {};
};

// One for each file rules_*.cc.
RuleTable CppStandardRules();
RuleTable CppLibraryRules();
RuleTable RustRules();
RuleTable CRules();
RuleTable RuntimeRules();
RuleTable OperationRules();

// All of them. No pattern of one kind is in two.
const std::vector<RuleTable>& BuiltInRules();

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_RULES_H_
