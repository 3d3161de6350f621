#include "analyzer/classify/rule_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "analyzer/classify/function_class.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

std::string ErrorOf(const std::string& text) {
  const auto rules = ParseRules(text, "my.rules");
  if (rules.ok()) return "fine";
  EXPECT_EQ(rules.status().code(), absl::StatusCode::kDataLoss);
  return std::string(rules.status().message());
}

// "map Type [element] operation", "glue" or "user" under the rules of `text`.
std::string Classified(const std::string& text, const std::string& name) {
  const auto rules = ParseRules(text, "my.rules");
  EXPECT_TRUE(rules.ok()) << rules.status();
  if (!rules.ok()) return "";
  const RuleTable table = (*rules)->table();
  const FunctionClassifier classifier(&table, [](absl::string_view) { return true; });
  const FunctionClass what = classifier.Classify({.name = name, .system_name = ""});
  if (what.role == Role::kGlue) return "glue";
  if (what.role != Role::kContainer) return "user";
  return std::string(Name(what.container.kind)) + " " + what.container.type + " [" +
         what.container.element + "] " + ShownName(what.container.operation);
}

TEST(ParseRules, EachKindOfRule) {
  const std::string text =
      "# our own\n"
      "\n"
      "class   ours::Table  map  ours::Table  keyvalue\r\n"
      "class ours::Ring queue Ring element  # with a comment\n"
      "function ours_list_* list - insert\n"
      "function \"ours::Pool::take all\" buffer Pool create\n"
      "glue *_grab\n"
      "namespace ours::detail\n"
      "module libours\n"
      "source .gen.cc";
  EXPECT_EQ(Classified(text, "ours::Table<int, S>::insert(int)"),
            "map ours::Table<int, S> [std::pair<const int, S>] insert");
  EXPECT_EQ(Classified(text, "ours::Ring<S>::push(S)"), "queue Ring<S> [S] insert");
  EXPECT_EQ(Classified(text, "ours_list_add"), "list  [] insert");
  EXPECT_EQ(Classified(text, "mem_grab"), "glue");
  EXPECT_EQ(Classified(text, "ours::detail::f()"), "glue");
  EXPECT_EQ(Classified(text, "ours::f()"), "user");
  const auto rules = ParseRules(text, "");
  const RuleTable table = (*rules)->table();
  const FunctionClassifier classifier(&table, [](absl::string_view) { return true; });
  EXPECT_TRUE(classifier.IsGlueModule("/usr/lib/libours.so.1"));
  EXPECT_TRUE(classifier.IsGlueModule("/usr/lib/libc.so.6"));
  EXPECT_FALSE(classifier.IsGlueModule("/usr/lib/libtheirs.so"));
  EXPECT_EQ(classifier.Classify({.name = "f", .system_name = "", .source = "/a/b.gen.cc"}).role,
            Role::kGlue);
}

TEST(ParseRules, TheUsersWin) {
  EXPECT_EQ(Classified("site xmalloc\n", "xmalloc"), "user");
  EXPECT_EQ(Classified("", "xmalloc"), "glue");
  EXPECT_EQ(Classified("glue main\n", "main"), "glue");
  // Also one that is less exact than what is built in.
  EXPECT_EQ(Classified("function g_hash_* set OurHash insert\n", "g_hash_table_insert"),
            "set OurHash [] insert");
  EXPECT_EQ(Classified("class std::map object Index plain\n", "std::map<int, S>::operator[](int)"),
            "object Index [] insert");
  EXPECT_EQ(Classified("glue std::map::*\n", "std::map<int, S>::operator[](int)"), "glue");
}

TEST(ParseRules, BadLinesAreNamed) {
  EXPECT_EQ(ErrorOf("glue a\nclas a map A plain\n"),
            "a bad rule: unknown rule \"clas\": it is none of class, function, glue, site, "
            "namespace, module, source (where: my.rules, line 2)");
  EXPECT_EQ(ErrorOf("class a mapp A plain"),
            "a bad rule: unknown kind \"mapp\": it is none of map, set, slice, string, deque, "
            "list, queue, object, buffer (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf("\n\nclass a map A\n"),
            "a bad rule: it must be: class NAME KIND SHOWN SHAPE (where: my.rules, line 3)");
  EXPECT_EQ(ErrorOf("class a map A square"),
            "a bad rule: unknown shape \"square\": it is none of plain, opaque, element, "
            "template, keyvalue, value (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf("function a map A eat"),
            "a bad rule: unknown operation \"eat\": it is none of create, grow, rehash, insert, "
            "copy, - (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf("class a<int> map A plain"),
            "a bad rule: \"a<int>\" has template arguments: classes are named without (where: "
            "my.rules, line 1)");
  EXPECT_EQ(ErrorOf("glue *"),
            "a bad rule: a name is missing before \"*\" (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf("glue *a*"),
            "a bad rule: \"*a*\" has two \"*\": one at its end or its beginning (where: my.rules, "
            "line 1)");
  EXPECT_EQ(ErrorOf("glue a b"), "a bad rule: it must be: glue NAME (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf("glue \"a"),
            "a bad rule: a double quote is not closed (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf(std::string("glue a\0b", 8)),
            "a bad rule: it has a control character: is this a text file? (where: my.rules, line "
            "1)");
  EXPECT_EQ(ErrorOf("glue " + std::string(5000, 'a')),
            "a bad rule: longer than 4096 bytes (where: my.rules, line 1)");
  EXPECT_EQ(ErrorOf(""), "fine");
  EXPECT_EQ(ErrorOf("# nothing but this"), "fine");
}

class LoadRulesTest : public testing::Test {
 protected:
  LoadRulesTest() : dir_(testing::TempDir() + "/rules." + std::to_string(getpid())) {
    std::filesystem::create_directories(dir_ + "/config/tidemark");
    unsetenv("TIDEMARK_RULES");
    setenv("XDG_CONFIG_HOME", (dir_ + "/config").c_str(), 1);
  }
  ~LoadRulesTest() override {
    unsetenv("TIDEMARK_RULES");
    unsetenv("XDG_CONFIG_HOME");
    std::filesystem::remove_all(dir_);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // The first glue function of the rules that are found.
  static std::string Glue(const std::string& path) {
    const auto rules = LoadRules(path);
    EXPECT_TRUE(rules.ok()) << rules.status();
    if (!rules.ok() || *rules == nullptr) return "";
    return std::string((*rules)->table().glue[0]);
  }

  std::string dir_;
};

TEST_F(LoadRulesTest, TheFirstThatIsNamedCountsAlone) {
  EXPECT_EQ(Glue(""), "");
  Write("config/tidemark/rules", "glue configured\n");
  EXPECT_EQ(Glue(""), "configured");
  setenv("TIDEMARK_RULES", Write("environment", "glue environment\n").c_str(), 1);
  EXPECT_EQ(Glue(""), "environment");
  EXPECT_EQ(Glue(Write("option", "glue option\n")), "option");
}

TEST_F(LoadRulesTest, WhatIsNamedMustBeThere) {
  const auto missing = LoadRules(dir_ + "/none");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.status().message(),
            "reading the rules: No such file or directory (where: " + dir_ + "/none)");
  EXPECT_EQ(LoadRules(dir_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadRules(Write("big", std::string(1 << 21, '\n'))).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tidemark::classify
