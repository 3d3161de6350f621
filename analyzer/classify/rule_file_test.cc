#include "analyzer/classify/rule_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
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
            "a bad rule: \"a<int>\" has template arguments: names are compared without (where: "
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

// A line that is accepted and does nothing would be looked for in vain.
TEST(ParseRules, LinesThatNeverMatchAreNamed) {
  const auto error = [](const std::string& line) {
    std::string text = ErrorOf("glue fine\n" + line + "\n");
    const std::string where = " (where: my.rules, line 2)";
    EXPECT_TRUE(absl::EndsWith(text, where)) << text;
    return text.substr(0, text.size() - std::min(text.size(), where.size()));
  };
  const char* const within =
      "a bad rule: \"a*b\" has a \"*\" within: it stands for anything only at one end";
  for (const char* line :
       {"glue a*b", "site a*b", "class a*b map A plain", "function a*b map A create"}) {
    EXPECT_EQ(error(line), within);
  }
  EXPECT_EQ(error("glue *a::b"),
            "a bad rule: \"*a::b\" matches nothing: an ending has no \"::\", or begins with its "
            "only one");
  EXPECT_EQ(error("glue ::f"),
            "a bad rule: \"::f\" matches nothing: names do not begin with \"::\"");
  EXPECT_EQ(error("glue ours::"),
            "a bad rule: \"ours::\" matches nothing: names do not end with \"::\"");
  EXPECT_EQ(error("glue f(int)"),
            "a bad rule: \"f(int)\" has parameters: names are compared without");
  EXPECT_EQ(error("glue A<int>::f"),
            "a bad rule: \"A<int>::f\" has template arguments: names are compared without");
  EXPECT_EQ(error("class std::__cxx11::list list L element"),
            "a bad rule: \"std::__cxx11::list\" has an inline namespace: it is compared as "
            "\"std::list\"");
  EXPECT_EQ(error("namespace *"),
            "a bad rule: \"*\" has a \"*\": a namespace has what is within it anyway");
  EXPECT_EQ(error("namespace ours::*"),
            "a bad rule: \"ours::*\" has a \"*\": a namespace has what is within it anyway");
  EXPECT_EQ(error("namespace ::"),
            "a bad rule: \"\" matches nothing: it must be a namespace's name");
  EXPECT_EQ(error("namespace A<int>"),
            "a bad rule: \"A<int>\" has template arguments: names are compared without");
  EXPECT_EQ(error("module libours*"),
            "a bad rule: \"libours*\" has a \"*\": a module is the beginning of a file's name as "
            "it is");
  EXPECT_EQ(error("module /usr/lib/libours.so"),
            "a bad rule: \"/usr/lib/libours.so\" has a folder: a module is the beginning of a "
            "file's name");
  EXPECT_EQ(error("source *.gen.cc"),
            "a bad rule: \"*.gen.cc\" has a \"*\": a source is the ending of a file's name as it "
            "is");
  EXPECT_EQ(error("class a map \"\" plain"),
            "a bad rule: SHOWN is empty: \"-\" where only the kind is known");
  EXPECT_EQ(error("function a map \"\" create"),
            "a bad rule: SHOWN is empty: \"-\" where only the kind is known");
  EXPECT_EQ(error("class \"\" map A plain"), "a bad rule: a name is missing");
}

TEST(ParseRules, NamesWithOddLettersMatch) {
  struct Case {
    const char* pattern;
    const char* name;
  };
  const Case cases[] = {
      {"main.(*Pool).Get", "main.(*Pool).Get"},
      {"main.(*Pool).*", "main.(*Pool).Get"},
      {"ours::operator*=", "ours::operator*=(int)"},
      {"ours::Pool::operator()", "ours::Pool::operator()(int)"},
      {"ours::operator<<", "ours::operator<<(int)"},
      {"\"(anonymous namespace)::take\"", "(anonymous namespace)::take(int)"},
      {"*::take", "ours::Pool::take(int)"},
      {"ours::Pool::*", "ours::Pool::take(int)"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Classified(std::string("glue ") + c.pattern, c.name), "glue") << c.pattern;
  }
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
