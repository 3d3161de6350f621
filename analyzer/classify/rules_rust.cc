// Rust's standard library.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    // Rust.
    {"alloc::vec::Vec", kSlice, "Vec", kElement},
    {"alloc::raw_vec::RawVec", kSlice, "Vec", kElement},
    {"alloc::raw_vec::RawVecInner", kSlice, "Vec", kPlain},
    {"alloc::string::String", kString, "String", kPlain},
    {"alloc::collections::vec_deque::VecDeque", kDeque, "VecDeque", kElement},
    {"alloc::collections::linked_list::LinkedList", kList, "LinkedList", kElement},
    {"alloc::collections::btree::map::BTreeMap", kMap, "BTreeMap", kKeyValue},
    {"alloc::collections::btree::set::BTreeSet", kSet, "BTreeSet", kElement},
    {"alloc::collections::binary_heap::BinaryHeap", kQueue, "BinaryHeap", kElement},
    {"std::collections::hash::map::HashMap", kMap, "HashMap", kKeyValue},
    {"std::collections::hash::set::HashSet", kSet, "HashSet", kElement},
    {"hashbrown::map::HashMap", kMap, "HashMap", kKeyValue},
    {"hashbrown::set::HashSet", kSet, "HashSet", kElement},
    {"hashbrown::raw::RawTable", kMap, "HashMap", kPlain},
    {"hashbrown::raw::RawTableInner", kMap, "HashMap", kPlain},
    {"alloc::boxed::Box", kObject, "Box", kElement},
    {"alloc::rc::Rc", kObject, "Rc", kElement},
    {"alloc::sync::Arc", kObject, "Arc", kElement},
};

constexpr absl::string_view kGlue[] = {
    "__rust_alloc*", "__rust_realloc", "__rdl_alloc*",
    "__rdl_realloc", "__rg_alloc*",    "__rg_realloc",
};

constexpr NamespaceRule kNamespaces[] = {
    {"alloc::", true}, {"core::", true}, {"hashbrown::", true},  {"<alloc::", true},
    {"<core::", true}, {"<std::", true}, {"<hashbrown::", true},
};

}  // namespace

RuleTable RustRules() { return {.classes = kClasses, .glue = kGlue, .namespaces = kNamespaces}; }

}  // namespace tidemark::classify
