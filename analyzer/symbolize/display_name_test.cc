#include "analyzer/symbolize/display_name.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::symbolize {
namespace {

struct Case {
  const char* name;
  const char* templates;
  const char* simple;
};

TEST(DisplayName, WithoutParametersAndTemplateArguments) {
  static constexpr Case kCases[] = {
      {"std::vector<int, std::allocator<int> >::push_back(int&&)",
       "std::vector<int, std::allocator<int> >::push_back", "std::vector::push_back"},
      {"void shop::Sort<int, (Order)1>(std::vector<int>&) const", "shop::Sort<int, (Order)1>",
       "shop::Sort"},
      {"std::map<int, char>::iterator std::next<int>(int)", "std::next<int>", "std::next"},
      {"shop::(anonymous namespace)::Sort(int)", "shop::(anonymous namespace)::Sort",
       "shop::(anonymous namespace)::Sort"},
      {"Foo::operator()(int) const", "Foo::operator()", "Foo::operator()"},
      {"bool operator< <int>(A<int> const&, A<int> const&)", "operator< <int>", "operator<"},
      {"A& A::operator<<<int>(int)", "A::operator<<<int>", "A::operator<<"},
      {"A::operator->() const", "A::operator->", "A::operator->"},
      {"operator new(unsigned long)", "operator new", "operator new"},
      {"operator delete[](void*)", "operator delete[]", "operator delete[]"},
      {"A<int>::operator unsigned long() const", "A<int>::operator unsigned long",
       "A::operator unsigned long"},
      {"f(int)::{lambda(int, char)#1}::operator()(int, char) const",
       "f::{lambda(int, char)#1}::operator()", "f::{lambda(int, char)#1}::operator()"},
      {"A<(1 > 2)>::f()", "A<(1 > 2)>::f", "A::f"},
      {"f[abi:cxx11](int)", "f[abi:cxx11]", "f[abi:cxx11]"},
      {"non-virtual thunk to A<int>::f()", "non-virtual thunk to A<int>::f",
       "non-virtual thunk to A::f"},
      {"<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop",
       "<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop",
       "<alloc::vec::Vec as core::ops::drop::Drop>::drop"},
      {"core::ptr::drop_in_place::<alloc::vec::Vec<u8>>",
       "core::ptr::drop_in_place::<alloc::vec::Vec<u8>>", "core::ptr::drop_in_place"},
      {"app::main::{closure#0}", "app::main::{closure#0}", "app::main::{closure#0}"},
      {"malloc", "malloc", "malloc"},
      {"", "", ""},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(DisplayName(c.name, NameStyle::kTemplates), c.templates);
    EXPECT_EQ(DisplayName(c.name, NameStyle::kDefault), c.simple);
    EXPECT_EQ(DisplayName(c.name, NameStyle::kFull), c.name);
    EXPECT_EQ(DisplayName(c.name, NameStyle::kAsIs), c.name);
  }
}

TEST(DisplayName, WithoutDefaultTemplateArguments) {
  static constexpr const char* kCases[][2] = {
      {"std::vector<int, std::allocator<int> >::push_back(int&&)",
       "std::vector<int>::push_back(int&&)"},
      {"f(std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&)",
       "f(std::string const&)"},
      {"std::map<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
       "int, std::less<std::__cxx11::basic_string<char, std::char_traits<char>, "
       "std::allocator<char> > >, std::allocator<std::pair<std::__cxx11::basic_string<char, "
       "std::char_traits<char>, std::allocator<char> > const, int> > >::operator[](int)",
       "std::map<std::string, int>::operator[](int)"},
      {"std::unordered_map<int, A, std::hash<int>, std::equal_to<int>, "
       "std::allocator<std::pair<int const, A> > >::clear()",
       "std::unordered_map<int, A>::clear()"},
      {"std::map<int, A, std::greater<int>, std::allocator<int> >::clear()",
       "std::map<int, A, std::greater<int>>::clear()"},
      {"std::unique_ptr<A, std::default_delete<A> >::reset(A*)", "std::unique_ptr<A>::reset(A*)"},
      {"mine::Map<int, std::allocator<int> >::f()", "mine::Map<int, std::allocator<int>>::f()"},
      {"std::basic_string_view<char, std::char_traits<char> >::find(char)",
       "std::string_view::find(char)"},
      {"std::__cxx11::list<int, std::allocator<int> >::sort()", "std::list<int>::sort()"},
      {"bool operator< <int>(A<int> const&)", "bool operator< <int>(A<int> const&)"},
      {"alloc::vec::Vec<u8, alloc::alloc::Global>::push", "alloc::vec::Vec<u8>::push"},
  };
  for (const auto& [name, shown] : kCases) EXPECT_EQ(DisplayName(name, NameStyle::kShort), shown);
}

TEST(DisplayName, ShortIsNeverLonger) {
  EXPECT_EQ(DisplayName("a<b,c,d>", NameStyle::kShort), "a<b,c,d>");
  const std::string many = "a<" + std::string(100, ',') + ">";
  EXPECT_EQ(DisplayName(many, NameStyle::kShort), many);
}

TEST(DisplayName, WhatDoesNotMatchUpStaysAsItIs) {
  for (const std::string& name :
       {std::string("f(int"), std::string("f)int("), std::string("a]b"), std::string("(((((("),
        std::string(300, '('), std::string(300, '<') + std::string(300, '>'),
        std::string(100000, '<')}) {
    for (const NameStyle style : {NameStyle::kTemplates, NameStyle::kDefault, NameStyle::kShort}) {
      EXPECT_EQ(DisplayName(name, style), name);
    }
  }
}

TEST(WithDisplayNames, KeepsTheProfileAndWhatIsNotMangled) {
  ProfileBuilder builder;
  const ValueType type{builder.AddString("inuse_space"), builder.AddString("bytes")};
  builder.SetSampleTypes({&type, 1});
  const auto function = [&builder](const char* name, const char* system_name) {
    return builder.AddFunction(
        {builder.AddString(name), builder.AddString(system_name), StringId{0}, 0});
  };
  const Line lines[] = {{function("A<int>::f(int)", "_ZN1AIiE1fEi"), 1},
                        {function("main.(*T[go.shape.int]).f", ""), 2},
                        {function("malloc", "malloc"), 3},
                        {FunctionId(), 4}};
  const LocationId location = builder.AddLocation(1, MappingId(), false, lines);
  const int64_t value = 7;
  builder.AddSample(builder.AddStack({&location, 1}), builder.AddLabels({}), {&value, 1});
  const std::shared_ptr<const Profile> profile = *builder.Build();
  const auto names = [&](NameStyle style) {
    const auto shown = WithDisplayNames(profile, style);
    EXPECT_TRUE(shown.ok());
    EXPECT_EQ((*shown)->values(0)[0], 7);
    std::string all;
    for (const Line& line : (*shown)->lines(location)) {
      const FunctionId f = line.function;
      absl::StrAppend(&all, f.valid() ? (*shown)->string((*shown)->function(f).name) : "-", ";");
    }
    return all;
  };
  EXPECT_EQ(names(NameStyle::kDefault), "A::f;main.(*T[go.shape.int]).f;malloc;-;");
  EXPECT_EQ(names(NameStyle::kTemplates), "A<int>::f;main.(*T[go.shape.int]).f;malloc;-;");
  EXPECT_EQ(names(NameStyle::kNone), "_ZN1AIiE1fEi;main.(*T[go.shape.int]).f;malloc;-;");
  EXPECT_EQ(WithDisplayNames(profile, NameStyle::kAsIs).value(), profile);
}

}  // namespace
}  // namespace tidemark::symbolize
