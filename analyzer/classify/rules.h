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

// How a container's type and element are read off template arguments A0, A1… Where a value is
// "no value" (void, Rust's "()", DenseSetEmpty…) a map is a set, and its name becomes the set's.
enum class Shape {
  kPlain,          // type = shown as it stands; element unknown
  kOpaque,         // the same, and whatever containers it is made of are its own affair
  kElement,        // shown<A0>; element A0
  kElement1,       // shown<A1>; element A1
  kArray,          // Rust's SmallVec<[T; N]>: shown<T>; element T
  kTemplate,       // shown<A0, A1…> without defaults; element A0
  kKeyValue,       // shown<A0, A1>; element std::pair<const A0, A1>
  kDerived,        // A0 is the class itself, of which A1, A2 are key and value
  kStringKeys,     // shown<A0>; element std::pair<const std::string, A0>
  kKeyValue2,      // the same of A2, A3
  kValue,          // A0 is what is stored: a pair makes shown<K, V>, anything else a set
  kBasicString,    // basic_string<A0…>: its alias; element A0
  kTree,           // libstdc++'s _Rb_tree<Key, Value, KeyOfValue…>: map or set
  kHashtable,      // libstdc++'s _Hashtable<Key, Value, Allocator, ExtractKey… traits>
  kMapBase,        // libstdc++'s _Map_base<Key, std::pair<const Key, T>…>
  kNodeAllocator,  // an allocator of A0: a node tells its container, else a bare array
  kPolicy,         // a table over a policy class, whose arguments are key and value
  kQtArray,        // Qt's array of A0: QList, QString or QByteArray
};

// Patterns are those of pattern_map.h: whole names, prefixes ("g_list_*"), endings ("*_malloc").
// Names are compared without template arguments.

// A class whose member functions are the container.
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

// A function that is a container: factories of C++, members that say more than their class,
// and the containers of C and of run times.
struct FunctionRule {
  absl::string_view function;
  ContainerKind kind;
  absl::string_view shown;  // "" : only the kind is known
  Shape shape;
  Operation operation;
};

// A namespace that is glue whole. `rust_only`: only for functions mangled by rustc, as the
// words are too common; a trait of such a namespace is glue where it is implemented for a type
// of such a namespace, user code where it is for a user's type. `is_crate`: as programs call their
// own crates and modules too, not where the source is known and is not a package's.
struct NamespaceRule {
  absl::string_view prefix;  // with its "::"
  bool rust_only;
  bool is_crate = false;
};

// The rules of one language or library.
struct RuleTable {
  absl::Span<const ClassRule> classes = {};
  absl::Span<const FunctionRule> functions = {};
  absl::Span<const OperationRule> operations = {};
  // Functions through which a program allocates but which nobody calls the site.
  absl::Span<const absl::string_view> glue = {};
  // Functions that are the site, whatever else is said of them.
  absl::Span<const absl::string_view> sites = {};
  // Where stacks begin, and the mark of one that was cut: not even the site where all is glue.
  absl::Span<const absl::string_view> starts = {};
  absl::Span<const NamespaceRule> namespaces = {};
  // Files whose every frame is glue, symbolized or not: prefixes of the file's name.
  absl::Span<const absl::string_view> modules = {};
  // Source files whose functions are glue, for a program wrote them: endings of their names.
  absl::Span<const absl::string_view> sources = {};
  // Where not empty, the rules only hold for profiles with a function or a file whose name begins
  // with one of these: the static functions of an interpreter have names that anybody might use.
  absl::Span<const absl::string_view> only_with = {};
};

// In the files rules_*.cc.
RuleTable CppStandardRules();
RuleTable CppLibraryRules();
RuleTable JsonCppRules();
RuleTable QtLlvmRules();
RuleTable RustRules();
RuleTable CContainerRules();
RuleTable CGlueRules();
RuleTable JanssonRules();
RuleTable JsonCRules();
RuleTable PythonRules();
RuleTable PythonStaticRules();
RuleTable RubyRules();
RuleTable LuaRules();
RuleTable GoRules();
RuleTable V8Rules();
RuleTable RedisRules();
RuleTable PostgresRules();
RuleTable OperationRules();

// All of them. Of tables that hold without condition, no two have the same pattern.
const std::vector<RuleTable>& BuiltInRules();

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_RULES_H_
