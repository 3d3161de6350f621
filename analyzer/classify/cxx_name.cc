#include "analyzer/classify/cxx_name.h"

#include <array>
#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_scope.h"

namespace tidemark::classify {
namespace {

constexpr absl::string_view kAnonymousNamespace = "(anonymous namespace)";
// Types deeper or longer than these are shown as they are: nobody reads them.
constexpr int kMaxDepth = 24;
constexpr size_t kMaxTypeBytes = 16384;

bool IsIdentifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

bool At(absl::string_view s, size_t i, absl::string_view what) {
  return i <= s.size() && absl::StartsWith(s.substr(i), what);
}

bool IsWordAt(absl::string_view s, size_t i, absl::string_view word) {
  return At(s, i, word) && (i == 0 || !IsIdentifier(s[i - 1])) &&
         (i + word.size() >= s.size() || !IsIdentifier(s[i + word.size()]));
}

// Behind "operator" and its symbol, when the word stands at i and is an operator's name;
// else i. A conversion operator's type is not consumed.
size_t SkipOperator(absl::string_view s, size_t i) {
  constexpr absl::string_view kWord = "operator";
  if (!IsWordAt(s, i, kWord)) return i;
  // Longest first.
  constexpr std::array<absl::string_view, 28> kSymbols = {
      " new[]", " delete[]", " new", " delete", " co_await", "\"\"", "()", "[]", "->*", "<=>",
      "<<=",    ">>=",       "->",   "<<",      ">>",        "<=",   ">=", "==", "!=",  "&&",
      "||",     "++",        "--",   "<",       ">",         "=",    ",",  "!"};
  const size_t after = i + kWord.size();
  for (absl::string_view symbol : kSymbols) {
    if (At(s, after, symbol)) return after + symbol.size();
  }
  size_t end = after;
  while (end < s.size() &&
         absl::string_view("+-*/%^&|~=").find(s[end]) != absl::string_view::npos) {
    ++end;
  }
  return end;
}

// s[i] opens a bracket: the index behind the one that closes it, s.size() when none does.
// '>' closes only what '<' opened, so that "->" and comparisons inside parentheses do not
// count; ')' also closes a '<' left open within ("(a < b)").
size_t SkipBrackets(absl::string_view s, size_t i) {
  absl::InlinedVector<char, 32> open;
  while (i < s.size()) {
    const char c = s[i];
    if (c == 'o') {
      const size_t behind = SkipOperator(s, i);
      if (behind != i) {
        i = behind;
        continue;
      }
    }
    if (c == '<' || c == '(' || c == '[' || c == '{') {
      open.push_back(c);
    } else if (c == '>') {
      if (!open.empty() && open.back() == '<' && s[i - 1] != '-') open.pop_back();
    } else if (c == ')' || c == ']' || c == '}') {
      const char opener = c == ')' ? '(' : c == ']' ? '[' : '{';
      while (!open.empty() && open.back() != opener && open.back() == '<') open.pop_back();
      if (!open.empty() && open.back() == opener) open.pop_back();
    }
    ++i;
    if (open.empty()) return i;
  }
  return s.size();
}

// Behind what may stand between a parameter list and "::" of a function-local name.
size_t SkipQualifiers(absl::string_view s, size_t i) {
  constexpr std::array<absl::string_view, 6> kQualifiers = {" const", " volatile", " &&",
                                                            " &",     " noexcept", " mutable"};
  for (bool again = true; again;) {
    again = false;
    for (absl::string_view qualifier : kQualifiers) {
      if (At(s, i, qualifier)) {
        i += qualifier.size();
        again = true;
      }
    }
    if (At(s, i, "[abi:")) {
      i = SkipBrackets(s, i);
      again = true;
    }
  }
  return i;
}

// One pass over a function's name, from left to right, at bracket depth 0.
class FunctionNameParser {
 public:
  explicit FunctionNameParser(absl::string_view name) : s_(name) {}

  FunctionName Parse() {
    while (i_ < s_.size() && !done_) Step();
    const size_t end = base_end_ != kUnset ? base_end_ : i_;
    FunctionName result;
    result.base = s_.substr(segment_, end - segment_);
    if (segment_ >= 2 && segment_ > start_) {
      result.scope = s_.substr(start_, segment_ - 2 - start_);
    }
    result.arguments = arguments_;
    result.parameters = parameters_;
    if (result.base.empty()) return {.scope = {}, .base = s_, .arguments = {}, .parameters = {}};
    return result;
  }

 private:
  static constexpr size_t kUnset = absl::string_view::npos;

  void Step() {
    const size_t behind_operator = SkipOperator(s_, i_);
    if (behind_operator != i_) {
      OnOperator(behind_operator);
      return;
    }
    switch (s_[i_]) {
      case ':':
        if (At(s_, i_, "::")) {
          NewSegment(i_ + 2);
        } else {
          ++i_;
        }
        return;
      case '<':
        OnAngle();
        return;
      case '(':
        OnParenthesis();
        return;
      case '[':
        if (base_end_ == kUnset && At(s_, i_, "[abi:")) base_end_ = i_;
        i_ = SkipBrackets(s_, i_);
        return;
      case '{':
        i_ = SkipBrackets(s_, i_);
        return;
      case '\'': {  // LLVM's 'lambda'(int)
        const size_t close = s_.find('\'', i_ + 1);
        i_ = close == kUnset ? s_.size() : close + 1;
        return;
      }
      case ' ':
        OnSpace();
        return;
      case '.':
        // GCC's ".constprop.0", ".isra.0", ".part.0", ".cold"; in Go a dot is part of a name.
        if (base_end_ == kUnset && i_ > segment_ &&
            (At(s_, i_, ".constprop") || At(s_, i_, ".isra") || At(s_, i_, ".part.") ||
             At(s_, i_, ".cold") || At(s_, i_, ".llvm."))) {
          base_end_ = i_;
        }
        ++i_;
        return;
      default:
        ++i_;
    }
  }

  void NewSegment(size_t begin) {
    segment_ = begin;
    i_ = begin;
    base_end_ = kUnset;
    arguments_ = {};
    parameters_ = {};
  }

  void OnOperator(size_t behind) {
    if (s_[behind - 1] == 'r') {  // no symbol: a conversion, whose type belongs to the name
      i_ = FindAtDepth0(behind, '(');
      base_end_ = i_;
      return;
    }
    if (s_[behind - 1] == '"') {  // operator"" _s
      if (At(s_, behind, " ")) ++behind;
      while (behind < s_.size() && IsIdentifier(s_[behind])) ++behind;
    }
    base_end_ = behind;
    i_ = At(s_, behind, " <") ? behind + 1 : behind;  // "operator< <int>"
  }

  size_t FindAtDepth0(size_t i, char wanted) const {
    while (i < s_.size() && s_[i] != wanted) {
      i = s_[i] == '<' || s_[i] == '[' || s_[i] == '{' ? SkipBrackets(s_, i) : i + 1;
    }
    return i;
  }

  void OnAngle() {
    const size_t behind = SkipBrackets(s_, i_);
    // At the start of a component this is Rust's "<T as Trait>", part of the component.
    if (i_ != segment_) {
      if (base_end_ == kUnset) base_end_ = i_;
      const bool closed = s_[behind - 1] == '>' && behind > i_ + 1;
      arguments_ = s_.substr(i_ + 1, behind - i_ - (closed ? 2 : 1));
    }
    i_ = behind;
  }

  void OnParenthesis() {
    const size_t behind = SkipBrackets(s_, i_);
    const bool is_part_of_name = At(s_, i_, kAnonymousNamespace) || i_ == segment_ ||
                                 s_[i_ - 1] == '.';  // Go's "main.(*T).Method"
    if (is_part_of_name || absl::EndsWith(s_.substr(start_, i_ - start_), "decltype ")) {
      i_ = behind;
      return;
    }
    const size_t qualified = SkipQualifiers(s_, behind);
    if (At(s_, qualified, "::")) {
      NewSegment(qualified + 2);
      return;
    }
    if (base_end_ == kUnset) base_end_ = i_;
    const bool closed = s_[behind - 1] == ')';
    parameters_ = s_.substr(i_ + 1, behind - i_ - (closed ? 2 : 1));
    done_ = true;
  }

  // What was read so far was a return type, unless a clone's suffix follows.
  void OnSpace() {
    if (At(s_, i_, " [clone") || At(s_, i_, " (.")) {
      if (base_end_ == kUnset) base_end_ = i_;
      done_ = true;
      return;
    }
    if (At(s_, i_, " (") && absl::EndsWith(s_.substr(0, i_), "decltype")) {
      i_ = SkipBrackets(s_, i_ + 1);
      return;
    }
    if (i_ + 1 >= s_.size()) {
      if (base_end_ == kUnset) base_end_ = i_;
      done_ = true;
      return;
    }
    start_ = i_ + 1;
    NewSegment(i_ + 1);
  }

  absl::string_view s_;
  size_t i_ = 0;
  size_t start_ = 0;    // of the qualified name, behind the return type
  size_t segment_ = 0;  // start of the last component so far
  size_t base_end_ = kUnset;
  absl::string_view arguments_;
  absl::string_view parameters_;
  bool done_ = false;
};

// "unsigned long" is one name of two words.
bool IsBuiltinWord(absl::string_view word) {
  return word == "unsigned" || word == "signed" || word == "long" || word == "short" ||
         word == "int" || word == "char" || word == "double" || word == "__int128";
}

// Behind the identifier, with its namespaces, that begins at i.
size_t SkipName(absl::string_view s, size_t i) {
  while (i < s.size() && (IsIdentifier(s[i]) || At(s, i, "::"))) i += s[i] == ':' ? 2 : 1;
  return i;
}

absl::string_view Trim(absl::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// Template arguments that nobody wrote.
bool IsDefaultArgument(absl::string_view argument) {
  constexpr std::array<absl::string_view, 16> kDefaults = {
      "std::allocator<",
      "std::less<",
      "std::hash<",
      "std::equal_to<",
      "std::char_traits<",
      "std::default_delete<",
      "alloc::alloc::Global",
      "std::hash::random::RandomState",
      "std::collections::hash::map::RandomState",
      "absl::hash_internal::Hash<",
      "absl::container_internal::StringHash",
      "absl::container_internal::StringEq",
      "boost::hash<",
      "boost::container::new_allocator<",
      "llvm::DenseMapInfo<",
      "llvm::detail::DenseMapPair<"};
  const std::string name = WithoutInlineNamespaces(argument.substr(0, 128));
  for (absl::string_view prefix : kDefaults) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

// What people write for a template over `first_argument`, else "": the standard's alias over
// characters, and those of the JSON libraries, whose arguments nobody wants to read.
absl::string_view AliasOf(absl::string_view name, absl::string_view first_argument) {
  constexpr struct {
    absl::string_view name;
    absl::string_view first_argument;
    absl::string_view alias;
  } kAliases[] = {
      {"std::basic_string", "char", "std::string"},
      {"std::basic_string", "wchar_t", "std::wstring"},
      {"std::basic_string", "char8_t", "std::u8string"},
      {"std::basic_string", "char16_t", "std::u16string"},
      {"std::basic_string", "char32_t", "std::u32string"},
      {"std::basic_string_view", "char", "std::string_view"},
      {"nlohmann::basic_json", "std::map", "nlohmann::json"},
      {"nlohmann::basic_json", "nlohmann::ordered_map", "nlohmann::ordered_json"},
      {"rapidjson::GenericValue", "rapidjson::UTF8<char>", "rapidjson::Value"},
      {"rapidjson::GenericDocument", "rapidjson::UTF8<char>", "rapidjson::Document"},
      {"rapidjson::GenericStringBuffer", "rapidjson::UTF8<char>", "rapidjson::StringBuffer"},
  };
  for (const auto& alias : kAliases) {
    if (name == alias.name && first_argument == alias.first_argument) return alias.alias;
  }
  return {};
}

std::string Shorten(absl::string_view type, int depth);

std::string ShortenList(absl::string_view list, int depth) {
  std::string result;
  for (absl::string_view argument : SplitArguments(list)) {
    absl::StrAppend(&result, result.empty() ? "" : ", ", Shorten(argument, depth + 1));
  }
  return result;
}

std::string ShortenTemplate(const std::string& name, absl::string_view list, int depth) {
  std::vector<absl::string_view> arguments = SplitArguments(list);
  if (!arguments.empty()) {
    const absl::string_view alias = AliasOf(name, WithoutInlineNamespaces(arguments[0]));
    bool is_alias = !alias.empty();
    for (size_t i = 1; i < arguments.size() && absl::StartsWith(name, "std::"); ++i) {
      is_alias = is_alias && IsDefaultArgument(arguments[i]);
    }
    if (is_alias) return std::string(alias);
  }
  while (arguments.size() > 1 && IsDefaultArgument(arguments.back())) arguments.pop_back();
  std::string result = absl::StrCat(name, "<");
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::StrAppend(&result, i == 0 ? "" : ", ", Shorten(arguments[i], depth + 1));
  }
  result += '>';
  return result;
}

// One type: names with their template arguments, and whatever stands around them.
std::string Shorten(absl::string_view type, int depth) {
  type = Trim(type);
  if (depth > kMaxDepth) return std::string(type);
  std::string result;
  size_t i = 0;
  while (i < type.size()) {
    if (At(type, i, kAnonymousNamespace)) {
      absl::StrAppend(&result, kAnonymousNamespace);
      i += kAnonymousNamespace.size();
      continue;
    }
    if (IsIdentifier(type[i])) {
      const size_t begin = i;
      i = SkipName(type, begin);
      while (
          At(type, i, " ") &&
          IsBuiltinWord(
              type.substr(begin, i - begin).substr(type.substr(begin, i - begin).rfind(' ') + 1))) {
        const size_t next = SkipName(type, i + 1);
        if (!IsBuiltinWord(type.substr(i + 1, next - i - 1))) break;
        i = next;
      }
      std::string name = WithoutInlineNamespaces(type.substr(begin, i - begin));
      if (i < type.size() && type[i] == '<') {
        const size_t behind = SkipBrackets(type, i);
        const size_t close = type[behind - 1] == '>' ? behind - 1 : behind;
        name = ShortenTemplate(name, type.substr(i + 1, close - i - 1), depth);
        i = behind;
      }
      if (IsWordAt(type, i + 1, "const") && type[i] == ' ') {
        name = absl::StrCat("const ", name);
        i += 6;
      }
      result += name;
      continue;
    }
    if (type[i] == '(' || type[i] == '<') {
      const char close_char = type[i] == '(' ? ')' : '>';
      const size_t behind = SkipBrackets(type, i);
      const bool closed = type[behind - 1] == close_char && behind > i + 1;
      const size_t close = closed ? behind - 1 : behind;
      absl::StrAppend(&result, type.substr(i, 1),
                      ShortenList(type.substr(i + 1, close - i - 1), depth),
                      closed ? type.substr(close, 1) : "");
      i = behind;
      continue;
    }
    if (type[i] == '{' || type[i] == '[') {
      const size_t behind = SkipBrackets(type, i);
      absl::StrAppend(&result, type.substr(i, behind - i));
      i = behind;
      continue;
    }
    result += type[i];
    ++i;
  }
  return result;
}

}  // namespace

FunctionName SplitFunctionName(absl::string_view name) { return FunctionNameParser(name).Parse(); }

std::vector<absl::string_view> SplitArguments(absl::string_view list) {
  std::vector<absl::string_view> result;
  if (Trim(list).empty()) return result;
  size_t begin = 0;
  size_t i = 0;
  while (i < list.size()) {
    const char c = list[i];
    if (c == '<' || c == '(' || c == '[' || c == '{') {
      i = SkipBrackets(list, i);
    } else if (c == ',') {
      result.push_back(Trim(list.substr(begin, i - begin)));
      begin = ++i;
    } else {
      const size_t behind = SkipOperator(list, i);
      i = behind == i ? i + 1 : behind;
    }
  }
  result.push_back(Trim(list.substr(begin)));
  return result;
}

TemplateName SplitTemplate(absl::string_view type) {
  type = Trim(type);
  const FunctionName parts = SplitFunctionName(type);
  TemplateName result;
  result.name =
      type.substr(0, static_cast<size_t>(parts.base.data() - type.data()) + parts.base.size());
  result.arguments = SplitArguments(parts.arguments);
  return result;
}

std::string ShortTypeName(absl::string_view type) {
  if (type.size() > kMaxTypeBytes) return absl::StrCat(type.substr(0, kMaxTypeBytes), "…");
  return Shorten(type, 0);
}

std::string ShortFunctionName(absl::string_view name) {
  const FunctionName parts = SplitFunctionName(name);
  if (parts.scope.empty()) return std::string(parts.base);
  return absl::StrCat(ShortTypeName(parts.scope), "::", parts.base);
}

}  // namespace tidemark::classify
