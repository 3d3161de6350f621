#include "analyzer/symbolize/demangle.h"

#include <gtest/gtest.h>

namespace tidemark::symbolize {
namespace {

TEST(Demangle, Cpp) {
  EXPECT_EQ(Demangle("_Znwm"), "operator new(unsigned long)");
  EXPECT_EQ(Demangle("_ZN5Cache6InsertERKSsi"), "Cache::Insert(std::string const&, int)");
  EXPECT_EQ(Demangle("_ZNSt6vectorIiSaIiEE9push_backEOi"),
            "std::vector<int, std::allocator<int> >::push_back(int&&)");
  EXPECT_EQ(Demangle("_ZN3FooC4Ev"), "Foo::Foo()");  // debug information's unified constructor
}

TEST(Demangle, CompilerMadeCopiesAreTheSameFunction) {
  EXPECT_EQ(Demangle("_Z3foov.cold"), "foo()");
  EXPECT_EQ(Demangle("_Z3foov.isra.0.cold"), "foo()");
  EXPECT_EQ(Demangle("foo.constprop.12"), "foo");
  EXPECT_EQ(Demangle("foo.part.3.lto_priv.1"), "foo");
  EXPECT_EQ(Demangle("memcpy@@GLIBC_2.14"), "memcpy");
}

TEST(Demangle, NamesThatOnlyLookLikeCopies) {
  EXPECT_EQ(Demangle("runtime.cold"), "runtime");
  EXPECT_EQ(Demangle("main.main"), "main.main");
  EXPECT_EQ(Demangle("foo.7"), "foo.7");
  EXPECT_EQ(Demangle(".cold"), ".cold");
  EXPECT_EQ(Demangle("cold"), "cold");
  EXPECT_EQ(Demangle("hot.isra"), "hot");
}

TEST(Demangle, Rust) {
  EXPECT_EQ(Demangle("_ZN4core3ptr18real_drop_in_place17h0123456789abcdefE"),
            "core::ptr::real_drop_in_place");
  EXPECT_EQ(Demangle("_RNvC1a1b.llvm.1234"), "a::b");
}

TEST(Demangle, WhatDoesNotDemangleStaysAsItIs) {
  EXPECT_EQ(Demangle(""), "");
  EXPECT_EQ(Demangle("malloc"), "malloc");
  EXPECT_EQ(Demangle("_Z"), "_Z");
  EXPECT_EQ(Demangle("_ZN99x17h0123456789abcdefE"), "_ZN99x17h0123456789abcdefE");
  EXPECT_EQ(Demangle("_ZN0117h0123456789abcdefE"), "_ZN0117h0123456789abcdefE");
  const std::string huge = "_Z" + std::string(100000, 'P');
  EXPECT_EQ(Demangle(huge), huge);
}

}  // namespace
}  // namespace tidemark::symbolize
