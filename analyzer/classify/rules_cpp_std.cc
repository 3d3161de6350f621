// The standard library of C++: libstdc++ and libc++, whose own classes begin with two
// underscores.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    // Sequences.
    {"std::vector", kSlice, "std::vector", kTemplate},
    {"std::_Vector_base", kSlice, "std::vector", kTemplate},
    {"std::_Bvector_base", kSlice, "std::vector<bool>", kPlain},
    {"std::__vector_base", kSlice, "std::vector", kTemplate},
    {"std::__split_buffer", kSlice, "std::vector", kElement},
    {"std::valarray", kSlice, "std::valarray", kElement},
    {"std::deque", kDeque, "std::deque", kTemplate},
    {"std::_Deque_base", kDeque, "std::deque", kTemplate},
    {"std::__deque_base", kDeque, "std::deque", kTemplate},
    {"std::list", kList, "std::list", kTemplate},
    {"std::_List_base", kList, "std::list", kTemplate},
    {"std::__list_imp", kList, "std::list", kTemplate},
    {"std::forward_list", kList, "std::forward_list", kTemplate},
    {"std::_Fwd_list_base", kList, "std::forward_list", kTemplate},
    {"std::__forward_list_base", kList, "std::forward_list", kTemplate},
    {"std::queue", kQueue, "std::queue", kElement},
    {"std::stack", kQueue, "std::stack", kElement},
    {"std::priority_queue", kQueue, "std::priority_queue", kElement},
    // Texts.
    {"std::basic_string", kString, "std::basic_string", kBasicString},
    {"std::basic_stringbuf", kString, "std::stringstream", kPlain},
    {"std::basic_stringstream", kString, "std::stringstream", kPlain},
    {"std::basic_ostringstream", kString, "std::stringstream", kPlain},
    {"std::basic_istringstream", kString, "std::stringstream", kPlain},
    {"std::filesystem::path", kString, "std::filesystem::path", kPlain},
    {"std::filesystem::path::_List", kString, "std::filesystem::path", kPlain},
    {"std::basic_filebuf", kBuffer, "std::filebuf", kPlain},
    {"std::basic_ifstream", kBuffer, "std::filebuf", kPlain},
    {"std::basic_ofstream", kBuffer, "std::filebuf", kPlain},
    {"std::basic_fstream", kBuffer, "std::filebuf", kPlain},
    // Trees and hash tables.
    {"std::map", kMap, "std::map", kKeyValue},
    {"std::multimap", kMap, "std::multimap", kKeyValue},
    {"std::set", kSet, "std::set", kTemplate},
    {"std::multiset", kSet, "std::multiset", kTemplate},
    {"std::_Rb_tree", kMap, "std::map", kTree},
    {"std::__tree", kMap, "std::map", kValue},
    {"std::flat_map", kMap, "std::flat_map", kKeyValue},
    {"std::flat_set", kSet, "std::flat_set", kElement},
    {"std::unordered_map", kMap, "std::unordered_map", kKeyValue},
    {"std::unordered_multimap", kMap, "std::unordered_multimap", kKeyValue},
    {"std::unordered_set", kSet, "std::unordered_set", kTemplate},
    {"std::unordered_multiset", kSet, "std::unordered_multiset", kTemplate},
    {"std::_Hashtable", kMap, "std::unordered_map", kHashtable},
    {"std::__hash_table", kMap, "std::unordered_map", kValue},
    {"std::__detail::_Insert", kMap, "std::unordered_map", kHashtable},
    {"std::__detail::_Insert_base", kMap, "std::unordered_map", kHashtable},
    {"std::__detail::_Map_base", kMap, "std::unordered_map", kMapBase},
    // Owners of one object.
    {"std::__shared_count", kObject, "std::shared_ptr", kPlain},
    {"std::shared_ptr", kObject, "std::shared_ptr", kElement},
    {"std::__shared_ptr", kObject, "std::shared_ptr", kElement},
    {"std::_Sp_counted_ptr_inplace", kObject, "std::shared_ptr", kElement},
    {"std::_Sp_counted_ptr", kObject, "std::shared_ptr", kPlain},
    {"std::_Sp_counted_deleter", kObject, "std::shared_ptr", kPlain},
    {"std::__shared_ptr_emplace", kObject, "std::shared_ptr", kElement},
    {"std::__shared_ptr_pointer", kObject, "std::shared_ptr", kPlain},
    {"std::function", kObject, "std::function", kElement},
    {"std::move_only_function", kObject, "std::move_only_function", kElement},
    {"std::_Function_base::_Base_manager", kObject, "std::function", kPlain},
    {"std::__function::__value_func", kObject, "std::function", kElement},
    {"std::__function::__func", kObject, "std::function", kPlain},
    {"std::any", kObject, "std::any", kPlain},
    {"std::any::_Manager_external", kObject, "std::any", kPlain},
    {"std::__any_imp::_LargeHandler", kObject, "std::any", kPlain},
    {"std::optional", kObject, "std::optional", kElement},
    {"std::variant", kObject, "std::variant", kPlain},
    // Library objects with containers within.
    {"std::basic_regex", kObject, "std::regex", kOpaque},
    {"std::__detail::_Compiler", kObject, "std::regex", kOpaque},
    {"std::__detail::_Executor", kObject, "std::regex", kOpaque},
    {"std::promise", kObject, "std::promise", kOpaque},
    {"std::packaged_task", kObject, "std::packaged_task", kOpaque},
    {"std::thread", kObject, "std::thread", kOpaque},
    {"std::jthread", kObject, "std::thread", kOpaque},
    {"std::locale", kObject, "std::locale", kOpaque},
    {"std::filesystem::directory_iterator", kObject, "std::filesystem::directory_iterator",
     kOpaque},
    // Memory resources.
    {"std::pmr::monotonic_buffer_resource", kBuffer, "std::pmr::monotonic_buffer_resource", kPlain},
    {"std::pmr::unsynchronized_pool_resource", kBuffer, "std::pmr::pool_resource", kPlain},
    {"std::pmr::synchronized_pool_resource", kBuffer, "std::pmr::pool_resource", kPlain},
    {"std::pmr::__pool_resource", kBuffer, "std::pmr::pool_resource", kPlain},
    // The innermost word, when nothing else is left of the container.
    {"std::__new_allocator", kBuffer, "", kNodeAllocator},
    {"__gnu_cxx::new_allocator", kBuffer, "", kNodeAllocator},
    {"std::allocator", kBuffer, "", kNodeAllocator},
    {"std::allocator_traits", kBuffer, "", kNodeAllocator},
    {"std::pmr::polymorphic_allocator", kBuffer, "", kNodeAllocator},
    {"std::__detail::_Hashtable_alloc", kBuffer, "", kNodeAllocator},
    {"std::__allocation_guard", kBuffer, "", kNodeAllocator},
};

constexpr FunctionRule kFunctions[] = {
    {"std::make_shared", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::make_shared_for_overwrite", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::allocate_shared", kObject, "std::shared_ptr", kElement, kCreate},
    {"std::make_unique", kObject, "std::unique_ptr", kElement, kCreate},
    {"std::make_unique_for_overwrite", kObject, "std::unique_ptr", kElement, kCreate},
    {"std::async", kObject, "std::future", kOpaque, kCreate},
    {"std::getline", kString, "std::string", kPlain, kGrow},
    {"std::to_string", kString, "std::string", kPlain, kCreate},
    {"std::format", kString, "std::string", kPlain, kCreate},
    {"std::vformat", kString, "std::string", kPlain, kCreate},
};

constexpr NamespaceRule kNamespaces[] = {
    {"std::", false},
    {"__gnu_cxx::", false},
    {"__cxxabiv1::", false},
};

// The run time's, where it is linked in.
constexpr absl::string_view kGlue[] = {
    "__cxa_allocate_exception",
    "__cxa_allocate_dependent_exception",
    "__cxa_get_globals",
    "__cxa_thread_atexit",
    "__cxa_vec_new",
    "__cxa_vec_new2",
};

constexpr absl::string_view kModules[] = {"libstdc++.so", "libc++.so", "libc++abi.so"};

}  // namespace

RuleTable CppStandardRules() {
  return {.classes = kClasses,
          .functions = kFunctions,
          .glue = kGlue,
          .namespaces = kNamespaces,
          .modules = kModules};
}

}  // namespace tidemark::classify
