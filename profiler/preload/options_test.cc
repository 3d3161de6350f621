#include "profiler/preload/options.h"

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tidemark::preload {
namespace {

std::vector<std::string>* g_complaints;

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() { g_complaints = &complaints_; }

  Options Parse(std::vector<std::string> environment) {
    environment_ = std::move(environment);
    std::vector<char*> entries;
    for (std::string& entry : environment_) entries.push_back(entry.data());
    entries.push_back(nullptr);
    return ParseOptions(entries.data(),
                        [](const char* name, const char* value, const char*, const char* used) {
                          g_complaints->push_back(std::string(name) + " " + value + " " + used);
                        });
  }

  std::vector<std::string> complaints_;
  std::vector<std::string> environment_;
};

TEST_F(OptionsTest, HasDefaults) {
  for (const Options& o : {Parse({}), Parse({"PATH=/bin", "TIDEMARK=1", "TIDEMARK_RATES=5"}),
                           ParseOptions(nullptr, nullptr)}) {
    EXPECT_EQ(o.rate_bytes, 524288u);
    EXPECT_EQ(o.output, nullptr);
    EXPECT_EQ(o.state, nullptr);
    EXPECT_EQ(o.children, Children::kAll);
    EXPECT_FALSE(o.is_child);
    EXPECT_FALSE(o.excluded);
    EXPECT_TRUE(o.active);
    EXPECT_FALSE(o.log);
    EXPECT_FALSE(o.threads);
  }
  EXPECT_TRUE(complaints_.empty());
}

TEST_F(OptionsTest, ReadsEveryVariable) {
  const Options o =
      Parse({"TIDEMARK_RATE=64K", "TIDEMARK_OUT=/o", "TIDEMARK_STATE=/s", "TIDEMARK_CHILDREN=none",
             "TIDEMARK_ACTIVE=0", "TIDEMARK_LOG=1", "TIDEMARK_THREADS=1", "TIDEMARK_MMAP=1"});
  EXPECT_EQ(o.rate_bytes, 65536u);
  EXPECT_STREQ(o.output, "/o");
  EXPECT_STREQ(o.state, "/s");
  EXPECT_EQ(o.children, Children::kNone);
  EXPECT_FALSE(o.is_child);
  EXPECT_FALSE(o.excluded);
  EXPECT_FALSE(o.active);
  EXPECT_TRUE(o.log);
  EXPECT_TRUE(o.threads);
  EXPECT_TRUE(o.mmap);
  EXPECT_TRUE(complaints_.empty());
}

TEST_F(OptionsTest, EmptyPathsAreNotGiven) {
  const Options o = Parse({"TIDEMARK_OUT=", "TIDEMARK_STATE="});
  EXPECT_EQ(o.output, nullptr);
  EXPECT_EQ(o.state, nullptr);
}

TEST_F(OptionsTest, TheFirstEntryCountsAsForGetenv) {
  EXPECT_EQ(Parse({"TIDEMARK_RATE=1", "TIDEMARK_RATE=2"}).rate_bytes, 1u);
}

TEST_F(OptionsTest, ComplainsOncePerBadValueAndKeepsTheDefault) {
  const Options o = Parse({"TIDEMARK_RATE=exact!", "TIDEMARK_CHILDREN=", "TIDEMARK_ACTIVE=2",
                           "TIDEMARK_LOG=yes", "TIDEMARK_MMAP=on"});
  EXPECT_EQ(o.rate_bytes, 524288u);
  EXPECT_EQ(o.children, Children::kAll);
  EXPECT_TRUE(o.active);
  EXPECT_FALSE(o.log);
  EXPECT_EQ(complaints_, (std::vector<std::string>{"TIDEMARK_RATE exact! 524288",
                                                   "TIDEMARK_CHILDREN  all", "TIDEMARK_ACTIVE 2 1",
                                                   "TIDEMARK_MMAP on 0", "TIDEMARK_LOG yes 0"}));
}

TEST_F(OptionsTest, SkipExcludesTheProgramItself) {
  const Options o = Parse({"TIDEMARK_CHILDREN=skip"});
  EXPECT_TRUE(o.excluded);
  EXPECT_EQ(o.children, Children::kNone);
  EXPECT_TRUE(complaints_.empty());
}

TEST_F(OptionsTest, ChildrenMayBeChosenByAPattern) {
  const Options o = Parse({"TIDEMARK_CHILDREN=redis-*"});
  EXPECT_EQ(o.children, Children::kMatching);
  EXPECT_STREQ(o.pattern, "redis-*");
  EXPECT_FALSE(o.is_child);
  EXPECT_TRUE(complaints_.empty());
  EXPECT_EQ(Parse({"TIDEMARK_CHILDREN=/bin/true"}).children, Children::kAll);
  EXPECT_EQ(complaints_, (std::vector<std::string>{"TIDEMARK_CHILDREN /bin/true all"}));
}

TEST_F(OptionsTest, AMarkedEnvironmentTellsChildren) {
  const auto mark = [&](std::vector<std::string> environment) {
    std::vector<char*> entries;
    for (std::string& entry : environment) entries.push_back(entry.data());
    entries.push_back(nullptr);
    MarkChildren(entries.data());
    return environment;
  };
  const std::vector<std::string> marked = mark({"A=1", "TIDEMARK_CHILDREN=no*"});
  EXPECT_EQ(marked, (std::vector<std::string>{"A=1", "TIDEMARK_CHILD_OF=no*"}));
  const Options o = Parse(marked);
  EXPECT_TRUE(o.is_child);
  EXPECT_EQ(o.children, Children::kMatching);
  EXPECT_STREQ(o.pattern, "no*");
  // A recording inside a recording: its own wish counts.
  const std::vector<std::string> both = {"TIDEMARK_CHILD_OF=none", "TIDEMARK_CHILDREN=x"};
  EXPECT_FALSE(Parse(both).is_child);
  EXPECT_STREQ(Parse(mark(both)).pattern, "x");
  EXPECT_EQ(mark({"TIDEMARK_CHILD_OF=none"})[0], "TIDEMARK_CHILD_OF=none");
}

TEST(MatchesPattern, AgreesWithFnmatch) {
  const char* const kPatterns[] = {
      "",        "*",      "?",     "a",      "abc",   "a*c",   "*a*b*", "a?c",  "[abc]", "[a-c]*",
      "[!a-c]*", "[^a]bc", "**",    "*?",     "[]a]b", "[a-]c", "[!]]",  "a[b",  "[",     "[]",
      "*.so",    "a*a*a",  "[z-a]", "*[b-d]", "?*c",   "[!-]c", "a[]b",  "x*y*z"};
  const char* const kNames[] = {"",   "a",  "b",    "c",     "abc",     "aabbcc", "axc", "]b",
                                "-c", "ac", "a[b",  "[",     "lib.so",  "aaa",    "aa",  "xyz",
                                "]",  "d",  "xyyz", "abcbd", "xaybzcc", "[]",     "a]b", "zz"};
  for (const char* pattern : kPatterns) {
    for (const char* name : kNames) {
      EXPECT_EQ(MatchesPattern(pattern, name), fnmatch(pattern, name, FNM_NOESCAPE) == 0)
          << pattern << " " << name;
    }
  }
}

TEST(ParseBytes, TakesNumbersWithASuffix) {
  const struct {
    const char* text;
    uint64_t bytes;
  } kCases[] = {
      {"1", 1},        {"524288", 524288}, {"512K", 512 << 10},   {"512k", 512 << 10},
      {"3M", 3 << 20}, {"2g", 2ull << 30}, {"1024G", 1ull << 40}, {"1099511627776", 1ull << 40},
      {"007", 7}};
  for (const auto& c : kCases) {
    uint64_t bytes = 0;
    EXPECT_TRUE(ParseBytes(c.text, &bytes)) << c.text;
    EXPECT_EQ(bytes, c.bytes) << c.text;
  }
}

TEST(ParseBytes, RefusesEverythingElse) {
  for (const char* text : {"", "0", "0K", "K", "-1", "+1", " 1", "1 ", "1KB", "1.5M", "0x10", "1e6",
                           "exact", "1025G", "1099511627777", "18446744073709551616",
                           "99999999999999999999999999", "18014398509481985K", "1T"}) {
    uint64_t bytes = 42;
    EXPECT_FALSE(ParseBytes(text, &bytes)) << text;
    EXPECT_EQ(bytes, 42u) << text;
  }
}

}  // namespace
}  // namespace tidemark::preload
