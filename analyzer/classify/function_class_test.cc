#include "analyzer/classify/function_class.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

const char kString[] =
    "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";

// "map std::map<int, S> element operation", "glue", "user", "copy".
std::string Classified(const std::string& name, const std::string& system_name = "") {
  static const FunctionClassifier* const classifier =
      new FunctionClassifier(nullptr, [](absl::string_view) { return true; });
  const FunctionClass what = classifier->Classify({.name = name, .system_name = system_name});
  switch (what.role) {
    case Role::kUser:
      return "user";
    case Role::kUserCopy:
      return "copy";
    case Role::kGlue:
      return "glue";
    case Role::kContainer:
      break;
  }
  return std::string(Name(what.container.kind)) + " " + what.container.type + " [" +
         what.container.element + "] " + ShownName(what.container.operation) +
         (what.is_certain ? "" : "?");
}

TEST(FunctionClassifier, Trees) {
  const std::string pair = "std::pair<int const, S>";
  const std::string tree = "std::_Rb_tree<int, " + pair + ", std::_Select1st<" + pair +
                           " >, std::less<int>, std::allocator<" + pair + " > >";
  EXPECT_EQ(Classified("std::_Rb_tree_iterator<" + pair + " > " + tree +
                       "::_M_emplace_hint_unique<int>(int&&)"),
            "map std::map<int, S> [std::pair<const int, S>] insert");
  EXPECT_EQ(Classified(tree + "::_Auto_node::_Auto_node<int>(int&&)"),
            "map std::map<int, S> [std::pair<const int, S>] ");
  EXPECT_EQ(Classified("std::_Rb_tree<int, int, std::_Identity<int>, std::less<int>, "
                       "std::allocator<int> >::_M_insert_<int>(int&&)"),
            "set std::set<int> [int] insert");
  EXPECT_EQ(Classified("std::map<int, S, std::less<int>, std::allocator<" + pair +
                       " > >::operator[](int const&)"),
            "map std::map<int, S> [std::pair<const int, S>] insert");
}

TEST(FunctionClassifier, HashTables) {
  const std::string pair = std::string("std::pair<") + kString + " const, S>";
  const std::string table =
      std::string("std::_Hashtable<") + kString + ", " + pair + ", std::allocator<" + pair +
      " >, std::__detail::_Select1st, std::equal_to<" + kString + " >, std::hash<" + kString +
      " >, std::__detail::_Mod_range_hashing, std::__detail::_Default_ranged_hash, "
      "std::__detail::_Prime_rehash_policy, std::__detail::_Hashtable_traits<true, false, true> >";
  EXPECT_EQ(Classified(table + "::_M_rehash(unsigned long, unsigned long const&)"),
            "map std::unordered_map<std::string, S> [std::pair<const std::string, S>] rehash");
  EXPECT_EQ(Classified(table + "::_Scoped_node::_Scoped_node<int>(int)"),
            "map std::unordered_map<std::string, S> [std::pair<const std::string, S>] ");
  EXPECT_EQ(Classified("std::__detail::_Map_base<int, std::pair<int const, S>, "
                       "std::allocator<int>, x, y>::operator[](int&&)"),
            "map std::unordered_map<int, S> [std::pair<const int, S>] insert");
  EXPECT_EQ(Classified("std::_Hashtable<int, int, std::allocator<int>, std::__detail::_Identity, "
                       "a, b, c>::_M_insert<int>(int&&)"),
            "set std::unordered_set<int> [int] insert");
}

TEST(FunctionClassifier, Sequences) {
  EXPECT_EQ(Classified("void std::vector<S, std::allocator<S> >::_M_realloc_insert<S const&>(int)"),
            "slice std::vector<S> [S] grow");
  EXPECT_EQ(Classified("std::vector<S, std::allocator<S> >::vector(std::vector<S, "
                       "std::allocator<S> > const&)"),
            "slice std::vector<S> [S] copy");
  EXPECT_EQ(Classified("std::vector<S, std::allocator<S> >::vector(unsigned long)"),
            "slice std::vector<S> [S] create");
  EXPECT_EQ(Classified("std::_Deque_base<S, std::allocator<S> >::_M_allocate_node()"),
            "deque std::deque<S> [S] ");
  EXPECT_EQ(Classified("void std::__cxx11::list<S, std::allocator<S> >::_M_insert<S const&>(int)"),
            "list std::list<S> [S] insert");
  EXPECT_EQ(Classified("std::queue<S, std::deque<S, std::allocator<S> > >::push(S&&)"),
            "queue std::queue<S> [S] insert");
  EXPECT_EQ(Classified(std::string(kString) + "::_M_append(char const*, unsigned long)"),
            "string std::string [char] grow");
}

TEST(FunctionClassifier, Objects) {
  EXPECT_EQ(Classified("std::shared_ptr<S> std::make_shared<S, int>(int&&)"),
            "object std::shared_ptr<S> [S] create");
  EXPECT_EQ(Classified("std::function<void ()>::function<f()::{lambda()#1}, void>(int)"),
            "object std::function<void ()> [void ()] create");
}

TEST(FunctionClassifier, LibrariesOfCpp) {
  EXPECT_EQ(Classified("boost::json::object::reserve(unsigned long)"),
            "map boost::json::object [] rehash");
  EXPECT_EQ(Classified("boost::json::array::push_back(boost::json::value&&)"),
            "slice boost::json::array [] grow");
  EXPECT_EQ(Classified("boost::json::detail::string_impl::append(char const*, unsigned long)"),
            "string boost::json::string [] grow");
  EXPECT_EQ(Classified("boost::lockfree::stack<int>::push(int const&)"),
            "queue boost::lockfree::stack<int> [int] insert");
  EXPECT_EQ(Classified("boost::unordered::concurrent_node_map<int, S, a, b>::emplace<int>(int)"),
            "map boost::concurrent_node_map<int, S> [std::pair<const int, S>] insert");
  EXPECT_EQ(Classified("tbb::detail::d2::concurrent_hash_map<int, S, h, a>::insert(int)"),
            "map tbb::concurrent_hash_map<int, S> [std::pair<const int, S>] insert");
  EXPECT_EQ(Classified("tbb::detail::d1::concurrent_vector<S, a>::push_back(S const&)"),
            "slice tbb::concurrent_vector<S> [S] grow");
  EXPECT_EQ(Classified("tbb::detail::d1::tbb_allocator<S>::allocate(unsigned long)"), "glue");
  EXPECT_EQ(Classified("Json::Value::operator[](char const*)"), "map Json::Value [] insert");
  EXPECT_EQ(Classified("Json::Value::append(Json::Value&&)"), "slice Json::Value [] grow");
  EXPECT_EQ(Classified("pugi::xml_document::load_file(char const*)"),
            "object pugi::xml_document [] ");
  EXPECT_EQ(Classified("g_object_new"), "object GObject [] create");
  EXPECT_EQ(Classified("g_type_create_instance"), "object GObject [] create");
  EXPECT_EQ(Classified("__cxa_allocate_exception"), "glue");
}

TEST(FunctionClassifier, AllocatorsGuess) {
  EXPECT_EQ(Classified("__gnu_cxx::new_allocator<std::_Rb_tree_node<std::pair<int const, S> > >::"
                       "allocate(unsigned long, void const*)"),
            "map std::map<int, S> [std::pair<const int, S>] ?");
  EXPECT_EQ(Classified("std::__new_allocator<std::__detail::_Hash_node<int, false> >::allocate()"),
            "set std::unordered_set<int> [int] ?");
  EXPECT_EQ(Classified("std::__new_allocator<S>::allocate(unsigned long, void const*)"),
            "buffer S[] [S] ?");
}

TEST(FunctionClassifier, Glue) {
  for (const char* name : {"operator new(unsigned long)", "malloc", "zmalloc_usable", "zmalloc",
                           "sqlite3MemMalloc", "PyMem_RawMalloc", "xmalloc", "g_malloc0",
                           "CRYPTO_malloc", "pool::operator new(unsigned long)", "my_malloc",
                           "[truncated]", "std::this_thread::yield()", "_IO_doallocbuf"}) {
    EXPECT_EQ(Classified(name), "glue") << name;
  }
  for (const char* name : {"main", "zoo::malloc_all()", "my::vector<int>::push_back(int)",
                           "main::{lambda()#1}::operator()() const", "stdx::f()", "g_main",
                           "core::Engine::run()", "mystd::vector<int>::f()", "S::S(int)"}) {
    EXPECT_EQ(Classified(name), "user") << name;
  }
  EXPECT_EQ(Classified("S::S(S const&)"), "copy");
  EXPECT_EQ(Classified("a::S<int>::S(a::S<int>&&)"), "copy");
  EXPECT_EQ(Classified("S::operator=(S const&)"), "copy");
  EXPECT_EQ(Classified("google::libc_allocator_with_realloc<std::pair<long const, S> >::allocate("
                       "unsigned long, std::pair<long const, S> const*)"),
            "glue");
  EXPECT_EQ(Classified("google::InitGoogleLogging(char const*)"), "user");
}

// A program's function that is called like a library's is a site, and never glue.
TEST(FunctionClassifier, FunctionsNamedLikeALibrarysAreUsers) {
  for (const char* name : {"fopen_config",
                           "hcreate_index",
                           "g_string_table_load",
                           "xmlListDocuments",
                           "realpath_cache_add",
                           "qsort_pool_new",
                           "safe_malloc_report",
                           "talloc_demo",
                           "scandir_all",
                           "zmalloc_report",
                           "mi_news_add",
                           "tc_new_client",
                           "g_list_models",
                           "g_malloc_stats_read",
                           "cJSON_AddRoute",
                           "xmlBufferedReaderNew",
                           "evbuffer_pool_make",
                           "av_dict_set_all_of_ours",
                           "apr_table_from_file",
                           "OPENSSL_sk_of_ours",
                           "raxis_new",
                           "sdsl_load",
                           "palloc_init",
                           "ar_open",
                           "array_list_of_users",
                           "json_object_new_request",
                           "g_variant_from_config",
                           "set_add_all",
                           "dict_update_from_file"}) {
    EXPECT_EQ(Classified(name), "user") << name;
  }
  EXPECT_EQ(Classified("fopen64"), "buffer FILE [] create");
  EXPECT_EQ(Classified("g_string_append_len"), "string GString [] grow");
  EXPECT_EQ(Classified("xmlListPushBack"), "list xmlList [] insert");
  EXPECT_EQ(Classified("sdscatlen"), "string sds [] grow");
  for (const char* name : {"realpath", "qsort_r", "mi_new_nothrow", "g_malloc0_n", "my_malloc"}) {
    EXPECT_EQ(Classified(name), "glue") << name;
  }
  // A trait of a Rust program's own, for a type of the standard library.
  EXPECT_EQ(Classified("<alloc::vec::Vec<alloc::string::String> as shop::Push>::push_both"
                       "::h0123456789abcdef"),
            "user");
  // A crate or module of a program's own.
  const FunctionClassifier classifier(nullptr, [](absl::string_view) { return true; });
  const auto role_in = [&](const std::string& source) {
    return classifier
        .Classify({.name = "tower::keep::h0123456789abcdef", .system_name = "", .source = source})
        .role;
  };
  EXPECT_EQ(role_in("/src/game/tower.rs"), Role::kUser);
  EXPECT_EQ(role_in("src/tower.rs"), Role::kUser);
  EXPECT_EQ(role_in("/cargo/registry/src/index-1/tower-0.4.13/src/lib.rs"), Role::kGlue);
  EXPECT_EQ(role_in(""), Role::kGlue);
}

// Names that anybody might use are a library's only where the library is.
TEST(FunctionClassifier, RulesThatNeedTheirLibrary) {
  const auto role = [](const std::string& name, const std::vector<std::string>& program) {
    const FunctionClassifier classifier(nullptr, [&program](absl::string_view prefix) {
      for (const std::string& function : program) {
        if (absl::StartsWith(function, prefix)) return true;
      }
      return false;
    });
    return classifier.Classify({.name = name, .system_name = name}).role;
  };
  // A client of Redis with strings of its own making.
  const std::vector<std::string> client = {"zmalloc", "zcalloc", "sdsnewlen", "raxis",
                                           "createObject"};
  EXPECT_EQ(role("createObject", client), Role::kUser);
  EXPECT_EQ(role("listCreate", client), Role::kUser);
  EXPECT_EQ(role("createObject", {"aeMain"}), Role::kContainer);
  const std::vector<std::string> pools = {"palloc", "bms_load", "MemoryContext::grow()"};
  EXPECT_EQ(role("bms_load", pools), Role::kUser);
  EXPECT_EQ(role("palloc", pools), Role::kUser);
  EXPECT_EQ(role("palloc", {"AllocSetAlloc"}), Role::kGlue);
  const std::vector<std::string> extension = {"PyObject_Vectorcall", "_PyEval_EvalFrameDefault"};
  EXPECT_EQ(role("list_append", extension), Role::kUser);
  EXPECT_EQ(role("new_arena", extension), Role::kUser);
  EXPECT_EQ(role("PyList_Append", extension), Role::kContainer);
  EXPECT_EQ(role("list_append", {"pymain_run_python"}), Role::kContainer);
  EXPECT_EQ(role("luaH_new", {"lua_setup_routes"}), Role::kUser);
  EXPECT_EQ(role("luaH_new", {"lua_pcallk"}), Role::kContainer);
}

TEST(FunctionClassifier, OtherLanguages) {
  EXPECT_EQ(Classified("alloc::vec::Vec<T,A>::push", "_ZN5alloc3vec16Vec4push17h0123456789abcdefE"),
            "slice Vec [] grow");
  EXPECT_EQ(Classified("<alloc::vec::Vec<u8> as core::clone::Clone>::clone", "_RNv"),
            "slice Vec<u8> [u8] copy");
  EXPECT_EQ(Classified("core::ops::function::FnOnce::call_once", "_RNv"), "glue");
  EXPECT_EQ(Classified("alloc::alloc::exchange_malloc::h0123456789abcdef"), "glue");
  EXPECT_EQ(Classified("runtime.mapassign_faststr"), "map  [] insert");
  EXPECT_EQ(Classified("runtime.mallocgc"), "glue");
  EXPECT_EQ(Classified("internal/runtime/maps.(*table).grow"), "map  [] rehash");
  EXPECT_EQ(Classified("main.(*Server).handle"), "user");
  EXPECT_EQ(Classified("g_hash_table_insert"), "map GHashTable [] insert");
}

TEST(FunctionClassifier, Rust) {
  const auto v0 = [](const std::string& name) { return Classified(name, "_RNv"); };
  EXPECT_EQ(v0("<[u32]>::to_vec"), "slice Vec<u32> [u32] copy");
  EXPECT_EQ(v0("<[u32]>::to_vec_in::<alloc::alloc::Global>"), "slice Vec<u32> [u32] copy");
  EXPECT_EQ(v0("<str as alloc::borrow::ToOwned>::to_owned"), "string String [] copy");
  EXPECT_EQ(v0("<alloc::vec::Vec<shop::Session>>::push"),
            "slice Vec<shop::Session> [shop::Session] grow");
  EXPECT_EQ(v0("alloc::vec::from_elem::<u16>"), "slice Vec<u16> [u16] create");
  EXPECT_EQ(v0("<hashbrown::raw::RawTable<(u32, shop::Session)>>::reserve_rehash::<x>"),
            "map HashMap<u32, shop::Session> [std::pair<const u32, shop::Session>] rehash");
  EXPECT_EQ(v0("<hashbrown::map::HashMap<u64, (), std::hash::random::RandomState>>::insert"),
            "set HashSet<u64> [u64] insert");
  EXPECT_EQ(v0("<alloc::boxed::Box<[u32]> as core::convert::From<&[u32]>>::from"),
            "slice Box<[u32]> [u32] create");
  EXPECT_EQ(v0("<alloc::sync::Arc<str> as core::convert::From<&str>>::from"),
            "string Arc<str> [str] create");
  EXPECT_EQ(v0("<smallvec::SmallVec<[shop::Session; 4]>>::reserve"),
            "slice SmallVec<shop::Session> [shop::Session] grow");
  EXPECT_EQ(v0("<&A as core::alloc::Allocator>::allocate"), "glue");
  EXPECT_EQ(v0("<u32 as <[_]>::to_vec_in::ConvertVec>::to_vec::<alloc::alloc::Global>"), "glue");
  EXPECT_EQ(v0("<&str as <alloc::ffi::c_str::CString>::new::SpecNewImpl>::spec_new_impl"), "glue");
  EXPECT_EQ(v0("__rustc::__rdl_alloc"), "glue");
  EXPECT_EQ(v0("<anyhow::Error>::msg::<&str>"), "object anyhow::Error [] ");
  EXPECT_EQ(v0("<regex::regex::string::Regex>::new"), "object Regex [] create");
  for (const char* name : {"regex_automata::nfa::thompson::compiler::compile", "hyper::proto::f",
                           "<tokio::runtime::Runtime>::block_on", "serde_json::de::from_str"}) {
    EXPECT_EQ(v0(name), "glue") << name;
  }
  EXPECT_EQ(v0("<&mut dyn for<'a> core::ops::function::FnMut<(&'a u8,), Output = bool> as "
               "core::ops::function::FnMut<(&u8,)>>::call_mut"),
            "glue");
  EXPECT_EQ(v0("<dyn shop::Sink as core::fmt::Debug>::fmt"), "user");
  // Closures belong to what they are in; modules are no classes.
  EXPECT_EQ(v0("<&str as http::header::map::Sealed>::try_insert::{closure#0}"), "glue");
  EXPECT_EQ(v0("<shop::Cart as core::ops::Drop>::drop::{closure#0}"), "user");
  EXPECT_EQ(v0("<alloc::vec::Vec<u8>>::retain::{closure#0}"), "slice Vec<u8> [u8] ");
  EXPECT_EQ(v0("<std::thread::local::LocalKey<u8>>::try_with::<x>"), "glue");
  EXPECT_EQ(v0("std::thread::local::LocalKey<T>::try_with"), "glue");
  // A library's trait for a user's type is user code, and so is the other way round.
  EXPECT_EQ(v0("<shop::Session as core::fmt::Display>::fmt"), "user");
  EXPECT_EQ(v0("<shop::Session as core::clone::Clone>::clone"), "copy");
  EXPECT_EQ(v0("<alloc::vec::Vec<u8> as shop::Sink>::put"), "user");
  EXPECT_EQ(v0("<T as shop::Sink>::put"), "user");
  EXPECT_EQ(v0("shop::Session::new"), "user");
  // The old mangling keeps parameters' names, and says where an implementation stands.
  const auto old = [](const std::string& name) {
    return Classified(name, "_ZN17h0123456789abcdefE");
  };
  EXPECT_EQ(old("alloc::collections::btree::map::BTreeMap<K,V,A>::insert"),
            "map BTreeMap [] insert");
  EXPECT_EQ(old("alloc::boxed::convert::<impl core::convert::From<&[T]> for "
                "alloc::boxed::Box<[T]>>::from"),
            "slice Box<[T]> [] create");
  EXPECT_EQ(old("alloc::slice::<impl [T]>::to_vec"), "slice Vec [] copy");
  EXPECT_EQ(old("alloc::slice::<impl [T]>::sort_by::{{closure}}"), "slice Vec [] ");
  EXPECT_EQ(old("anyhow::error::<impl anyhow::Error>::msg"), "object anyhow::Error [] ");
}

TEST(FunctionClassifier, InlineNamespacesAndAbiTags) {
  EXPECT_EQ(Classified("absl::debian3::StrCat[abi:cxx11](absl::debian3::AlphaNum const&, "
                       "absl::debian3::AlphaNum const&)"),
            "string std::string [] create");
  EXPECT_EQ(Classified("fmt::v9::vformat[abi:cxx11](fmt::v9::basic_string_view<char>, int)"),
            "string std::string [] create");
  EXPECT_EQ(Classified("absl::lts_20240116::container_internal::raw_hash_set<"
                       "absl::lts_20240116::container_internal::FlatHashSetPolicy<int>, a, b, c>"
                       "::resize(unsigned long)"),
            "set absl::flat_hash_set<int> [int] rehash");
}

TEST(FunctionClassifier, Modules) {
  const FunctionClassifier classifier(nullptr, [](absl::string_view) { return true; });
  EXPECT_TRUE(classifier.IsGlueModule("/lib/x86_64-linux-gnu/libc.so.6"));
  EXPECT_TRUE(classifier.IsGlueModule("/usr/lib/libstdc++.so.6.0.30"));
  EXPECT_FALSE(classifier.IsGlueModule("/usr/bin/libc.so.d/server"));
  EXPECT_FALSE(classifier.IsGlueModule("/usr/lib/libcurl.so.4"));
  EXPECT_FALSE(classifier.IsGlueModule(""));
}

// Of two rules for one pattern, one would be dead data.
TEST(Rules, NoneIsTwice) {
  PatternMap<bool> classes, functions, operations, glue;
  for (const RuleTable& table : BuiltInRules()) {
    if (!table.only_with.empty()) continue;
    for (const ClassRule& rule : table.classes) {
      EXPECT_TRUE(classes.Add(rule.name, true)) << rule.name;
    }
    for (const FunctionRule& rule : table.functions) {
      EXPECT_TRUE(functions.Add(rule.function, true)) << rule.function;
    }
    for (const OperationRule& rule : table.operations) {
      EXPECT_TRUE(operations.Add(rule.function, true)) << rule.function;
    }
    for (absl::string_view function : table.glue) EXPECT_TRUE(glue.Add(function, true)) << function;
  }
}

// A '*' elsewhere than at one end is a letter (of Go's names).
TEST(Rules, PatternsAreWellFormed) {
  const auto check = [](absl::string_view pattern) {
    ASSERT_FALSE(pattern.empty());
    size_t inner = 0;
    for (size_t i = 1; i + 1 < pattern.size(); ++i) {
      inner += pattern[i] == '*' && pattern[i - 1] != '(' ? 1 : 0;
    }
    EXPECT_EQ(inner, 0U) << pattern;
    EXPECT_FALSE(pattern.front() == '*' && pattern.back() == '*') << pattern;
  };
  for (const RuleTable& table : BuiltInRules()) {
    for (const ClassRule& rule : table.classes) check(rule.name);
    for (const FunctionRule& rule : table.functions) check(rule.function);
    for (const OperationRule& rule : table.operations) check(rule.function);
    for (absl::string_view function : table.glue) check(function);
  }
}

TEST(PatternMap, LongestWins) {
  PatternMap<int> map;
  map.Add("json_*", 1);
  map.Add("json_object_*", 2);
  map.Add("json_object", 3);
  EXPECT_EQ(*map.Find("json_array"), 1);
  EXPECT_EQ(*map.Find("json_object_set"), 2);
  EXPECT_EQ(*map.Find("json_object"), 3);
  EXPECT_EQ(map.Find("json"), nullptr);
  EXPECT_EQ(map.Find(""), nullptr);
  EXPECT_FALSE(map.Add("json_*", 4));
  EXPECT_EQ(*map.Find("json_"), 1);
}

}  // namespace
}  // namespace tidemark::classify
