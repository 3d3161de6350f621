#include "analyzer/classify/rust_path.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace tidemark::classify {
namespace {

constexpr absl::string_view kAs = " as ";
constexpr absl::string_view kFor = " for ";
constexpr absl::string_view kImpl = "<impl ";

// Of `word` outside of brackets, npos when it is not there.
size_t FindWord(absl::string_view text, absl::string_view word) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (depth == 0 && absl::StartsWith(text.substr(i), word)) return i;
    if (c == '<' || c == '(' || c == '[' || c == '{') ++depth;
    const bool is_arrow = c == '>' && i > 0 && text[i - 1] == '-';
    if ((c == '>' && !is_arrow) || c == ')' || c == ']' || c == '}') --depth;
  }
  return absl::string_view::npos;
}

}  // namespace

bool IsRustSymbol(absl::string_view system_name) {
  if (absl::StartsWith(system_name, "_R")) return true;
  if (!absl::StartsWith(system_name, "_ZN")) return false;
  const size_t hash = system_name.rfind("17h");
  return hash != absl::string_view::npos && system_name.size() >= hash + 20 &&
         system_name[hash + 19] == 'E';
}

bool IsRustHash(absl::string_view component) {
  return component.size() == 17 && component[0] == 'h' &&
         std::all_of(component.begin() + 1, component.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

RustScope SplitRustScope(absl::string_view scope) {
  // A closure within a method: "<SELF as TRAIT>::method".
  const size_t block = absl::StartsWith(scope, "<") ? 0 : FindWord(scope, kImpl);
  if (block != absl::string_view::npos) {
    const size_t behind = FindWord(scope.substr(block), "::");
    if (behind != absl::string_view::npos) scope = scope.substr(0, block + behind);
  }
  if (!absl::EndsWith(scope, ">")) return {scope, {}};
  if (const size_t impl = FindWord(scope, kImpl); impl != absl::string_view::npos) {
    const absl::string_view inside =
        scope.substr(impl + kImpl.size(), scope.size() - impl - kImpl.size() - 1);
    const size_t at = FindWord(inside, kFor);
    if (at == absl::string_view::npos) return {scope, {}};
    return {inside.substr(at + kFor.size()), inside.substr(0, at)};
  }
  if (!absl::StartsWith(scope, "<")) return {scope, {}};
  scope = scope.substr(1, scope.size() - 2);
  const size_t at = FindWord(scope, kAs);
  if (at == absl::string_view::npos) return {scope, {}};
  return {scope.substr(0, at), scope.substr(at + kAs.size())};
}

absl::string_view WithoutReferences(absl::string_view type) {
  for (bool again = true; again;) {
    again = absl::ConsumePrefix(&type, "&") || absl::ConsumePrefix(&type, "mut ") ||
            absl::ConsumePrefix(&type, "*const ") || absl::ConsumePrefix(&type, "*mut ");
  }
  return type;
}

bool IsGenericParameter(absl::string_view argument) {
  return argument == "_" ||
         (!argument.empty() && absl::ascii_isupper(static_cast<unsigned char>(argument[0])) &&
          std::all_of(argument.begin(), argument.end(),
                      [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }));
}

}  // namespace tidemark::classify
