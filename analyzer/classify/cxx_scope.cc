#include "analyzer/classify/cxx_scope.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_name.h"

namespace tidemark::classify {
namespace {

// Scopes with more components are nobody's container.
constexpr int kMaxComponents = 32;

bool IsIdentifier(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// "v9", "v4_1_0", "20220623": digits and underscores behind `prefix`.
bool IsVersion(absl::string_view component, absl::string_view prefix) {
  if (!absl::ConsumePrefix(&component, prefix) || component.empty()) return false;
  return std::all_of(component.begin(), component.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_';
  });
}

// Whether a component that stands behind `outer` ("absl", "" at the start) is an inline
// namespace.
bool IsInline(absl::string_view outer, absl::string_view component) {
  constexpr absl::string_view kAlways[] = {"__cxx11",   "__1", "__2",    "__debug",
                                           "__cxx1998", "_V2", "__ndk1", "__fs"};
  if (component.empty()) return false;
  if (component[0] == '_') {
    return std::find(std::begin(kAlways), std::end(kAlways), component) != std::end(kAlways);
  }
  if (outer == "absl") return IsVersion(component, "lts_") || IsVersion(component, "debian");
  if (outer == "fmt" || outer == "unordered_dense") return IsVersion(component, "v");
  return outer == "nlohmann" && absl::StartsWith(component, "json_abi");
}

}  // namespace

std::string WithoutInlineNamespaces(absl::string_view name) {
  std::string result;
  result.reserve(name.size());
  absl::string_view outer;
  size_t i = 0;
  while (i < name.size()) {
    size_t end = i;
    while (end < name.size() && IsIdentifier(name[end])) ++end;
    if (end == i) {
      if (name[i] != ':') outer = {};
      result += name[i++];
      continue;
    }
    const absl::string_view component = name.substr(i, end - i);
    if (absl::StartsWith(name.substr(end), "::") && IsInline(outer, component)) {
      i = end + 2;
      continue;
    }
    result.append(component.data(), component.size());
    outer = component;
    i = end;
  }
  return result;
}

std::string WithoutTemplateArguments(absl::string_view scope) {
  if (!absl::StrContains(scope, '<')) return std::string(scope);
  std::string result;
  absl::string_view rest = scope;
  for (int i = 0; !rest.empty(); ++i) {
    if (i == kMaxComponents) return std::string(scope);
    const FunctionName parts = SplitFunctionName(rest);
    result = result.empty() ? std::string(parts.base)
                            : std::string(parts.base).append("::").append(result);
    rest = parts.scope;
  }
  return result;
}

}  // namespace tidemark::classify
