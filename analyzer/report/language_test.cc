#include "analyzer/report/language.h"

#include "gtest/gtest.h"

namespace tidemark::report {
namespace {

TEST(Language, OfFiles) {
  EXPECT_EQ(LanguageOf("f", "/src/a.go"), Language::kGo);
  EXPECT_EQ(LanguageOf("f", "src/main.rs"), Language::kRust);
  EXPECT_EQ(LanguageOf("f", "a.c"), Language::kC);
  EXPECT_EQ(LanguageOf("f", "a.cc"), Language::kCxx);
  EXPECT_EQ(LanguageOf("f", "a.h"), Language::kUnknown);
}

TEST(Language, OfFunctions) {
  EXPECT_EQ(LanguageOf("main.(*Store).Put", ""), Language::kGo);
  EXPECT_EQ(LanguageOf("example.com/shop/store.New", ""), Language::kGo);
  EXPECT_EQ(LanguageOf("shop::Store::put(int)", ""), Language::kCxx);
  EXPECT_EQ(LanguageOf("<shop::Store as core::Default>::default", ""), Language::kRust);
  EXPECT_EQ(LanguageOf("put.constprop.0", ""), Language::kUnknown);
  EXPECT_EQ(LanguageOf("", ""), Language::kUnknown);
}

TEST(Language, OfTypes) {
  EXPECT_EQ(LanguageOfType("std::map<int, S>"), Language::kCxx);
  EXPECT_EQ(LanguageOfType("map[string]int"), Language::kGo);
  EXPECT_EQ(LanguageOfType("[]byte"), Language::kGo);
  EXPECT_EQ(LanguageOfType("Vec<u8>"), Language::kRust);
  EXPECT_EQ(LanguageOfType("dict"), Language::kPython);
  EXPECT_EQ(LanguageOfType("GHashTable"), Language::kC);
  EXPECT_EQ(LanguageOfType("Session"), Language::kUnknown);
  EXPECT_EQ(LanguageOfType(""), Language::kUnknown);
}

}  // namespace
}  // namespace tidemark::report
