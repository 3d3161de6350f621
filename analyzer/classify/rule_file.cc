#include "analyzer/classify/rule_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_scope.h"

namespace tidemark::classify {
namespace {

// Nobody writes more by hand.
constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxLineBytes = 4096;

template <class T>
struct Word {
  absl::string_view word;
  T value;
};

constexpr Word<ContainerKind> kKinds[] = {
    {"map", ContainerKind::kMap},       {"set", ContainerKind::kSet},
    {"slice", ContainerKind::kSlice},   {"string", ContainerKind::kString},
    {"deque", ContainerKind::kDeque},   {"list", ContainerKind::kList},
    {"queue", ContainerKind::kQueue},   {"object", ContainerKind::kObject},
    {"buffer", ContainerKind::kBuffer},
};

constexpr Word<Operation> kOperations[] = {
    {"create", Operation::kCreate}, {"grow", Operation::kGrow}, {"rehash", Operation::kRehash},
    {"insert", Operation::kInsert}, {"copy", Operation::kCopy}, {"-", Operation::kUnknown},
};

constexpr Word<Shape> kShapes[] = {
    {"plain", Shape::kPlain},       {"opaque", Shape::kOpaque},     {"element", Shape::kElement},
    {"template", Shape::kTemplate}, {"keyvalue", Shape::kKeyValue}, {"value", Shape::kValue},
};

template <class T, size_t N>
absl::StatusOr<T> Lookup(const Word<T> (&words)[N], absl::string_view what,
                         absl::string_view given) {
  std::string list;
  for (const Word<T>& word : words) {
    if (word.word == given) return word.value;
    absl::StrAppend(&list, list.empty() ? "" : ", ", word.word);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", what, " \"", given, "\": it is none of ", list));
}

absl::Status Bad(absl::string_view name, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" ", why));
}

// "f<int>", but not Rust's "<T as Trait>" and "alloc::slice::<impl [T]>", nor "operator<".
bool HasTemplateArguments(absl::string_view name) {
  const size_t at = name.find('<', 1);
  if (at == absl::string_view::npos || name[0] == '<') return false;
  const absl::string_view before = name.substr(0, at);
  return !absl::EndsWith(before, "::") && !absl::EndsWith(before, "operator");
}

// "f(int)", but not Go's "(*T)", lambdas, "(anonymous namespace)" and "operator()".
bool HasParameters(absl::string_view name) {
  const size_t at = name.rfind('(');
  if (at == absl::string_view::npos || name[0] == '<') return false;
  const absl::string_view rest = name.substr(at);
  return !absl::StartsWith(rest, "(*") && !absl::StartsWith(rest, "(anonymous") &&
         !absl::StrContains(name, '{') && !absl::EndsWith(name.substr(0, at), "operator");
}

// Whether a name, without the "*" of a pattern, is written as the names it is compared with.
absl::Status CheckName(absl::string_view name) {
  if (HasTemplateArguments(name)) {
    return Bad(name, "has template arguments: names are compared without");
  }
  if (HasParameters(name)) return Bad(name, "has parameters: names are compared without");
  if (const std::string plain = WithoutInlineNamespaces(name); plain != name) {
    return Bad(name, absl::StrCat("has an inline namespace: it is compared as \"", plain, "\""));
  }
  return absl::OkStatus();
}

// A "*" that is a letter: of Go's "(*T)" and of C++'s "operator*=".
bool IsLetter(absl::string_view name, size_t star) {
  const absl::string_view before = name.substr(0, star);
  return absl::EndsWith(before, "(") || absl::EndsWith(before, "operator") ||
         absl::EndsWith(before, "operator->");
}

// Whether a pattern can match anything, and not everything.
absl::Status CheckPattern(absl::string_view pattern) {
  absl::string_view name = pattern;
  const bool is_prefix = absl::ConsumeSuffix(&name, "*");
  const bool is_ending = !is_prefix && absl::ConsumePrefix(&name, "*");
  if (name.empty()) {
    return absl::InvalidArgumentError(is_prefix ? "a name is missing before \"*\""
                                                : "a name is missing");
  }
  if (is_prefix && name[0] == '*') {
    return Bad(pattern, "has two \"*\": one at its end or its beginning");
  }
  for (size_t i = name.find('*'); i != absl::string_view::npos; i = name.find('*', i + 1)) {
    if (!IsLetter(name, i)) {
      return Bad(pattern, "has a \"*\" within: it stands for anything only at one end");
    }
  }
  if (is_ending && name.rfind("::") != absl::string_view::npos && name.rfind("::") != 0) {
    return Bad(pattern, "matches nothing: an ending has no \"::\", or begins with its only one");
  }
  if (!is_ending && absl::StartsWith(name, "::")) {
    return Bad(pattern, "matches nothing: names do not begin with \"::\"");
  }
  if (!is_prefix && absl::EndsWith(name, "::")) {
    return Bad(pattern, "matches nothing: names do not end with \"::\"");
  }
  return CheckName(name);
}

absl::Status CheckNamespace(absl::string_view name) {
  absl::ConsumeSuffix(&name, "::");
  if (absl::StrContains(name, '*')) {
    return Bad(name, "has a \"*\": a namespace has what is within it anyway");
  }
  if (name.empty() || absl::StartsWith(name, "::") || absl::EndsWith(name, "::")) {
    return Bad(name, "matches nothing: it must be a namespace's name");
  }
  return CheckName(name);
}

// Of `module` and `source`, which are the beginning and the ending of files' names.
absl::Status CheckFile(absl::string_view rule, absl::string_view name) {
  if (absl::StrContains(name, '*')) {
    return Bad(name, absl::StrCat("has a \"*\": a ", rule, " is the ",
                                  rule == "module" ? "beginning" : "ending",
                                  " of a file's name as it is"));
  }
  if (rule == "module" && absl::StrContains(name, '/')) {
    return Bad(name, "has a folder: a module is the beginning of a file's name");
  }
  return absl::OkStatus();
}

// What people are to read.
absl::Status CheckShown(absl::string_view shown) {
  if (!shown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("SHOWN is empty: \"-\" where only the kind is known");
}

// "-" stands for nothing.
absl::string_view ShownOf(absl::string_view word) {
  return word == "-" ? absl::string_view() : word;
}

// The words of a line; those in double quotes may have blanks. kInvalidArgument.
absl::StatusOr<std::vector<std::string>> SplitLine(absl::string_view line) {
  std::vector<std::string> words;
  while (true) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') return words;
    size_t end = 0;
    if (absl::ConsumePrefix(&line, "\"")) {
      end = line.find('"');
      if (end == absl::string_view::npos) {
        return absl::InvalidArgumentError("a double quote is not closed");
      }
      words.emplace_back(line.substr(0, end));
      line.remove_prefix(end + 1);
      continue;
    }
    while (end < line.size() && !absl::ascii_isspace(static_cast<unsigned char>(line[end]))) ++end;
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

absl::Status AddLine(absl::string_view line, RuleSet& rules) {
  if (line.size() > kMaxLineBytes) {
    return absl::InvalidArgumentError(absl::StrCat("longer than ", kMaxLineBytes, " bytes"));
  }
  for (const char c : line) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t' && c != '\r') {
      return absl::InvalidArgumentError("it has a control character: is this a text file?");
    }
  }
  const auto words = SplitLine(line);
  if (!words.ok()) return words.status();
  return words->empty() ? absl::OkStatus() : rules.Add(*words);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("reading the rules: ", std::strerror(errno), " (where: ", path, ")"));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  const size_t read = std::fread(text.data(), 1, text.size(), file);
  const bool failed = std::ferror(file) != 0;
  const int error = errno;
  std::fclose(file);
  if (failed) {
    return absl::NotFoundError(
        absl::StrCat("reading the rules: ", std::strerror(error), " (where: ", path, ")"));
  }
  if (read > kMaxFileBytes) {
    return absl::DataLossError(
        absl::StrCat("reading the rules: more than ", kMaxFileBytes, " bytes (where: ", path, ")"));
  }
  text.resize(read);
  return text;
}

// The user's standing rules, if there are any.
std::optional<std::string> ConfiguredFile() {
  std::string path;
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  const char* const home = std::getenv("HOME");
  // A relative one is to be ignored, says XDG.
  if (config != nullptr && config[0] == '/') {
    path = absl::StrCat(config, "/tidemark/rules");
  } else if (home != nullptr && home[0] == '/') {
    path = absl::StrCat(home, "/.config/tidemark/rules");
  }
  struct stat info;
  if (path.empty() || stat(path.c_str(), &info) != 0) return std::nullopt;
  return path;
}

}  // namespace

RuleTable RuleSet::table() const {
  return {.classes = classes_,
          .functions = functions_,
          .glue = glue_,
          .sites = sites_,
          .namespaces = namespaces_,
          .modules = modules_,
          .sources = sources_};
}

absl::string_view RuleSet::Store(absl::string_view text) { return texts_.emplace_back(text); }

absl::Status RuleSet::AddClass(const std::vector<std::string>& words) {
  if (words.size() != 5)
    return absl::InvalidArgumentError("it must be: class NAME KIND SHOWN SHAPE");
  if (auto status = CheckPattern(words[1]); !status.ok()) return status;
  const auto kind = Lookup(kKinds, "kind", words[2]);
  if (!kind.ok()) return kind.status();
  if (auto status = CheckShown(words[3]); !status.ok()) return status;
  const auto shape = Lookup(kShapes, "shape", words[4]);
  if (!shape.ok()) return shape.status();
  classes_.push_back({Store(words[1]), *kind, Store(ShownOf(words[3])), *shape});
  return absl::OkStatus();
}

absl::Status RuleSet::AddFunction(const std::vector<std::string>& words) {
  if (words.size() != 5) {
    return absl::InvalidArgumentError("it must be: function NAME KIND SHOWN OPERATION");
  }
  if (auto status = CheckPattern(words[1]); !status.ok()) return status;
  const auto kind = Lookup(kKinds, "kind", words[2]);
  if (!kind.ok()) return kind.status();
  if (auto status = CheckShown(words[3]); !status.ok()) return status;
  const auto operation = Lookup(kOperations, "operation", words[4]);
  if (!operation.ok()) return operation.status();
  functions_.push_back(
      {Store(words[1]), *kind, Store(ShownOf(words[3])), Shape::kPlain, *operation});
  return absl::OkStatus();
}

absl::Status RuleSet::Add(const std::vector<std::string>& words) {
  const std::string& rule = words[0];
  if (rule == "class") return AddClass(words);
  if (rule == "function") return AddFunction(words);
  const bool is_pattern = rule == "glue" || rule == "site";
  const bool is_known = is_pattern || rule == "namespace" || rule == "module" || rule == "source";
  if (!is_known) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown rule \"", rule,
                     "\": it is none of class, function, glue, site, namespace, module, source"));
  }
  if (words.size() != 2 || words[1].empty()) {
    return absl::InvalidArgumentError(absl::StrCat("it must be: ", rule, " NAME"));
  }
  if (is_pattern) {
    if (auto status = CheckPattern(words[1]); !status.ok()) return status;
    (rule == "glue" ? glue_ : sites_).push_back(Store(words[1]));
  } else if (rule == "namespace") {
    if (auto status = CheckNamespace(words[1]); !status.ok()) return status;
    const bool is_whole = absl::EndsWith(words[1], "::");
    namespaces_.push_back({Store(is_whole ? words[1] : absl::StrCat(words[1], "::")), false});
  } else {
    if (auto status = CheckFile(rule, words[1]); !status.ok()) return status;
    (rule == "module" ? modules_ : sources_).push_back(Store(words[1]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const RuleSet>> ParseRules(absl::string_view text,
                                                          absl::string_view path) {
  const auto rules = std::make_shared<RuleSet>();
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const absl::Status added = AddLine(text.substr(0, end), *rules);
    if (!added.ok()) {
      return absl::DataLossError(
          absl::StrCat("a bad rule: ", added.message(), " (where: ", path, ", line ", number, ")"));
    }
    text = end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1);
  }
  return rules;
}

absl::StatusOr<std::shared_ptr<const RuleSet>> LoadRules(const std::string& path) {
  std::string file = path;
  if (const char* named = std::getenv("TIDEMARK_RULES"); file.empty() && named != nullptr) {
    file = named;
  }
  if (file.empty()) file = ConfiguredFile().value_or("");
  if (file.empty()) return nullptr;
  const auto text = ReadFile(file);
  if (!text.ok()) return text.status();
  return ParseRules(*text, file);
}

}  // namespace tidemark::classify
