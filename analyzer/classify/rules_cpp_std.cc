// The standard library of C++: libstdc++ and libc++.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    // libstdc++ and libc++: sequences.
    {"std::vector", kSlice, "std::vector", kTemplate},
    {"std::_Vector_base", kSlice, "std::vector", kTemplate},
    {"std::_Bvector_base", kSlice, "std::vector<bool>", kPlain},
    {"std::__split_buffer", kSlice, "std::vector", kElement},
    {"std::valarray", kSlice, "std::valarray", kElement},
    {"std::deque", kDeque, "std::deque", kTemplate},
    {"std::_Deque_base", kDeque, "std::deque", kTemplate},
    {"std::list", kList, "std::list", kTemplate},
    {"std::_List_base", kList, "std::list", kTemplate},
    {"std::forward_list", kList, "std::forward_list", kTemplate},
    {"std::_Fwd_list_base", kList, "std::forward_list", kTemplate},
    {"std::queue", kQueue, "std::queue", kElement},
    {"std::stack", kQueue, "std::stack", kElement},
    {"std::priority_queue", kQueue, "std::priority_queue", kElement},
    {"std::basic_string", kString, "std::basic_string", kBasicString},
    {"std::basic_stringbuf", kString, "std::stringstream", kPlain},
    {"std::basic_filebuf", kBuffer, "std::filebuf", kPlain},
    // Trees and hash tables.
    {"std::map", kMap, "std::map", kKeyValue},
    {"std::multimap", kMap, "std::multimap", kKeyValue},
    {"std::set", kSet, "std::set", kTemplate},
    {"std::multiset", kSet, "std::multiset", kTemplate},
    {"std::_Rb_tree", kMap, "std::map", kTree},
    {"std::unordered_map", kMap, "std::unordered_map", kKeyValue},
    {"std::unordered_multimap", kMap, "std::unordered_multimap", kKeyValue},
    {"std::unordered_set", kSet, "std::unordered_set", kTemplate},
    {"std::unordered_multiset", kSet, "std::unordered_multiset", kTemplate},
    {"std::_Hashtable", kMap, "std::unordered_map", kHashtable},
    {"std::__detail::_Insert", kMap, "std::unordered_map", kHashtable},
    {"std::__detail::_Insert_base", kMap, "std::unordered_map", kHashtable},
    {"std::__detail::_Map_base", kMap, "std::unordered_map", kMapBase},
    // Owners of one object.
    {"std::__shared_count", kObject, "std::shared_ptr", kPlain},
    {"std::shared_ptr", kObject, "std::shared_ptr", kElement},
    {"std::__shared_ptr", kObject, "std::shared_ptr", kElement},
    {"std::_Sp_counted_ptr_inplace", kObject, "std::shared_ptr", kElement},
    {"std::_Sp_counted_deleter", kObject, "std::shared_ptr", kPlain},
    {"std::function", kObject, "std::function", kElement},
    {"std::_Function_base::_Base_manager", kObject, "std::function", kPlain},
    {"std::any", kObject, "std::any", kPlain},
    {"std::any::_Manager_external", kObject, "std::any", kPlain},
    // The innermost word, when nothing else is left of the container.
    {"std::__new_allocator", kBuffer, "", kNodeAllocator},
    {"__gnu_cxx::new_allocator", kBuffer, "", kNodeAllocator},
    {"std::allocator", kBuffer, "", kNodeAllocator},
    {"std::allocator_traits", kBuffer, "", kNodeAllocator},
    {"std::__detail::_Hashtable_alloc", kBuffer, "", kNodeAllocator},
};

constexpr FunctionRule kFunctions[] = {
    {"std::make_shared", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::make_shared_for_overwrite", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::allocate_shared", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::make_unique", kObject, "std::unique_ptr", kElement, kCreate},
    {"std::make_unique_for_overwrite", kObject, "std::unique_ptr", kElement, kCreate},
    {"std::getline", kString, "std::string", kPlain, kGrow},
};

constexpr absl::string_view kGlue[] = {
    "operator new",
    "operator new[]",
};

constexpr NamespaceRule kNamespaces[] = {
    {"std::", false},
    {"__gnu_cxx::", false},
    {"__cxxabiv1::", false},
};

}  // namespace

RuleTable CppStandardRules() {
  return {.classes = kClasses, .functions = kFunctions, .glue = kGlue, .namespaces = kNamespaces};
}

}  // namespace tidemark::classify
