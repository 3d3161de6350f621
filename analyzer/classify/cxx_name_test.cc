#include "analyzer/classify/cxx_name.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

using testing::ElementsAre;

std::string Parts(absl::string_view name) {
  const FunctionName f = SplitFunctionName(name);
  return std::string(f.scope) + " | " + std::string(f.base) + " | " + std::string(f.arguments) +
         " | " + std::string(f.parameters);
}

TEST(SplitFunctionName, Plain) {
  EXPECT_EQ(Parts("main"), " | main |  | ");
  EXPECT_EQ(Parts("foo(int, char)"), " | foo |  | int, char");
  EXPECT_EQ(Parts("a::b::foo() const"), "a::b | foo |  | ");
  EXPECT_EQ(Parts("::foo"), " | foo |  | ");
  EXPECT_EQ(Parts(""), " |  |  | ");
  EXPECT_EQ(Parts("foo(int) [clone .constprop.0]"), " | foo |  | int");
  EXPECT_EQ(Parts("foo.part.0"), " | foo |  | ");
  EXPECT_EQ(Parts("main [clone .cold]"), " | main |  | ");
  EXPECT_EQ(Parts("foo[abi:cxx11](int)"), " | foo |  | int");
}

TEST(SplitFunctionName, Templates) {
  EXPECT_EQ(Parts("void std::vector<int, std::allocator<int> >::_M_realloc_insert<int const&>("
                  "__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > >, "
                  "int const&)"),
            "std::vector<int, std::allocator<int> > | _M_realloc_insert | int const& | "
            "__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > >, "
            "int const&");
  EXPECT_EQ(Parts("std::enable_if<(1 > 2), int>::type a::f<(K)0>(int)"), "a | f | (K)0 | int");
  EXPECT_EQ(Parts("unsigned long a::f<std::function<void (int)> >()"),
            "a | f | std::function<void (int)>  | ");
}

TEST(SplitFunctionName, Operators) {
  EXPECT_EQ(Parts("std::map<int, int>::operator[](int const&)"),
            "std::map<int, int> | operator[] |  | int const&");
  EXPECT_EQ(Parts("bool a::operator< <int>(X<int> const&)"), "a | operator< | int | X<int> const&");
  EXPECT_EQ(Parts("a::operator<<(std::ostream&)"), "a | operator<< |  | std::ostream&");
  EXPECT_EQ(Parts("X::operator->() const"), "X | operator-> |  | ");
  EXPECT_EQ(Parts("X::operator()(int) const"), "X | operator() |  | int");
  EXPECT_EQ(Parts("operator new(unsigned long)"), " | operator new |  | unsigned long");
  EXPECT_EQ(Parts("operator new[](unsigned long)"), " | operator new[] |  | unsigned long");
  EXPECT_EQ(Parts("X::operator std::string() const"), "X | operator std::string |  | ");
  EXPECT_EQ(Parts("X::operator bool() const"), "X | operator bool |  | ");
  EXPECT_EQ(Parts("std::literals::operator\"\" s(char const*)"),
            "std::literals | operator\"\" s |  | char const*");
  EXPECT_EQ(Parts("myoperator(int)"), " | myoperator |  | int");
  EXPECT_EQ(Parts("X<&Y::operator> >::f()"), "X<&Y::operator> > | f |  | ");
}

TEST(SplitFunctionName, LocalScopes) {
  EXPECT_EQ(Parts("main::{lambda(int)#1}::operator()(int) const"),
            "main::{lambda(int)#1} | operator() |  | int");
  EXPECT_EQ(Parts("a::f(int, char)::{lambda()#2}::operator()() const"),
            "a::f(int, char)::{lambda()#2} | operator() |  | ");
  EXPECT_EQ(Parts("a::f(int) const::Local::g()"), "a::f(int) const::Local | g |  | ");
  EXPECT_EQ(Parts("a::f()::'lambda'(int)::operator()(int) const"),
            "a::f()::'lambda'(int) | operator() |  | int");
  EXPECT_EQ(Parts("(anonymous namespace)::X::f(int)"), "(anonymous namespace)::X | f |  | int");
  EXPECT_EQ(Parts("void (anonymous namespace)::f<int>(int)"),
            "(anonymous namespace) | f | int | int");
  EXPECT_EQ(Parts("decltype (x.begin()) a::begin<X>(X&)"), "a | begin | X | X&");
}

TEST(SplitFunctionName, RustAndGo) {
  EXPECT_EQ(Parts("alloc::vec::Vec<T,A>::push"), "alloc::vec::Vec<T,A> | push |  | ");
  EXPECT_EQ(Parts("<alloc::vec::Vec<T> as core::iter::Extend<T>>::extend"),
            "<alloc::vec::Vec<T> as core::iter::Extend<T>> | extend |  | ");
  EXPECT_EQ(Parts("core::ops::FnOnce::call_once{{vtable.shim}}"),
            "core::ops::FnOnce | call_once{{vtable.shim}} |  | ");
  EXPECT_EQ(Parts("<fn(u8) -> u16 as X>::f"), "<fn(u8) -> u16 as X> | f |  | ");
  EXPECT_EQ(Parts("main.(*Server).handle"), " | main.(*Server).handle |  | ");
  EXPECT_EQ(Parts("github.com/a/b.F[...]"), " | github.com/a/b.F[...] |  | ");
}

// Unbalanced and absurd names come back as something; nothing is read out of bounds (the
// sanitizers watch) and the time stays linear.
TEST(SplitFunctionName, HostileNames) {
  for (const char* name : {"<",
                           ">",
                           "(",
                           ")",
                           "a<",
                           "a<b",
                           "a(",
                           "a(b",
                           "a::",
                           "::",
                           ":",
                           "a:::b",
                           "operator",
                           "operator<",
                           "operator<<",
                           "a<operator",
                           "'",
                           "a'",
                           "{",
                           "a{b",
                           "[",
                           "a::operator ",
                           " ",
                           "  ",
                           "a ",
                           "(anonymous namespace)",
                           "a>b<c(",
                           "decltype (",
                           "operator\"\"",
                           "a<>()",
                           "a<>",
                           "()",
                           "a()b()",
                           "\xff\xfe<"}) {
    const FunctionName parts = SplitFunctionName(name);
    EXPECT_LE(parts.base.size(), std::string(name).size());
    ShortTypeName(name);
    SplitTemplate(name);
    SplitArguments(name);
  }
  for (const char* unit :
       {"a<", "(", "a::", "operator<", "a<b>(c)::", "<", "{", "a ", "a,", "~["}) {
    std::string name;
    while (name.size() < 400000) name += unit;
    SplitFunctionName(name);
    ShortTypeName(name);
    ShortTypeName(name.substr(0, 16000));
  }
  std::mt19937 random(7);
  const std::string alphabet = "a:<>(){}[]' ,&*-operatorconst\"";
  for (int i = 0; i < 20000; ++i) {
    std::string name(random() % 40, ' ');
    for (char& c : name) c = alphabet[random() % alphabet.size()];
    SplitFunctionName(name);
    SplitTemplate(name);
    ShortTypeName(name);
  }
}

TEST(SplitTemplate, LastComponentCounts) {
  const TemplateName map = SplitTemplate("std::map<int, std::pair<a, b>, std::less<int> >");
  EXPECT_EQ(map.name, "std::map");
  EXPECT_THAT(map.arguments, ElementsAre("int", "std::pair<a, b>", "std::less<int>"));
  const TemplateName iterator = SplitTemplate("std::map<int, int>::iterator");
  EXPECT_EQ(iterator.name, "std::map<int, int>::iterator");
  EXPECT_THAT(iterator.arguments, ElementsAre());
}

TEST(SplitArguments, Nesting) {
  EXPECT_THAT(SplitArguments("a, b<c, d>, void (e, f), &X::operator,, 1"),
              ElementsAre("a", "b<c, d>", "void (e, f)", "&X::operator,", "1"));
  EXPECT_THAT(SplitArguments(" "), ElementsAre());
}

TEST(ShortTypeName, ForPeople) {
  const std::string string =
      "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  EXPECT_EQ(ShortTypeName(string), "std::string");
  EXPECT_EQ(
      ShortTypeName("std::vector<" + string + " const, std::allocator<" + string + " const> >"),
      "std::vector<const std::string>");
  EXPECT_EQ(ShortTypeName("std::map<int, S, std::less<int>, std::allocator<std::pair<int const, "
                          "S> > >"),
            "std::map<int, S>");
  EXPECT_EQ(ShortTypeName("std::map<int, S, ByName, std::allocator<int> >"),
            "std::map<int, S, ByName>");
  EXPECT_EQ(ShortTypeName("std::pair<int const, char const*>"),
            "std::pair<const int, const char*>");
  EXPECT_EQ(ShortTypeName("unsigned long const"), "const unsigned long");
  EXPECT_EQ(ShortTypeName("std::function<void (" + string + " const&, int)>"),
            "std::function<void (const std::string&, int)>");
  EXPECT_EQ(ShortTypeName("std::unique_ptr<S, std::default_delete<S> >"), "std::unique_ptr<S>");
  EXPECT_EQ(ShortTypeName("(anonymous namespace)::S*"), "(anonymous namespace)::S*");
  EXPECT_EQ(ShortTypeName("absl::lts_20220623::flat_hash_map<int, S>"),
            "absl::flat_hash_map<int, S>");
  EXPECT_EQ(ShortTypeName("std::array<int, 4ul>"), "std::array<int, 4ul>");
  EXPECT_EQ(ShortTypeName("std::basic_string<char, my::Traits>"),
            "std::basic_string<char, my::Traits>");
  EXPECT_EQ(ShortTypeName(""), "");
}

TEST(ShortFunctionName, ForPeople) {
  EXPECT_EQ(ShortFunctionName("int a::f<int>(std::__cxx11::basic_string<char, "
                              "std::char_traits<char>, std::allocator<char> > const&)"),
            "a::f");
  EXPECT_EQ(ShortFunctionName("shop::Render[abi:cxx11](shop::Request const&)"), "shop::Render");
  EXPECT_EQ(ShortFunctionName("std::vector<int, std::allocator<int> >::push_back(int&&)"),
            "std::vector<int>::push_back");
  EXPECT_EQ(ShortFunctionName("main::{lambda(int)#1}::operator()(int) const"),
            "main::{lambda(int)#1}::operator()");
  EXPECT_EQ(ShortFunctionName("main.(*T).F"), "main.(*T).F");
  EXPECT_EQ(ShortFunctionName("malloc"), "malloc");
}

}  // namespace
}  // namespace tidemark::classify
