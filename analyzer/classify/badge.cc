#include "analyzer/classify/badge.h"

#include <cstddef>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_name.h"

namespace tidemark::classify {
namespace {

constexpr size_t kMaxBadgeBytes = 100;
// Types nested deeper are shown as they are: they are cut anyway.
constexpr int kMaxDepth = 8;

std::string DropNamespaces(absl::string_view type, int depth) {
  const FunctionName parts = SplitFunctionName(type);
  if (depth > kMaxDepth || parts.base.empty()) return std::string(type);
  const char* const name = parts.scope.empty() ? parts.base.data() : parts.scope.data();
  const absl::string_view before = type.substr(0, static_cast<size_t>(name - type.data()));
  std::string result = absl::StrCat(before, parts.base);
  const char* end = parts.base.data() + parts.base.size();
  if (!parts.arguments.empty()) {
    std::vector<std::string> arguments;
    for (absl::string_view argument : SplitArguments(parts.arguments)) {
      arguments.push_back(DropNamespaces(argument, depth + 1));
    }
    absl::StrAppend(&result, "<", absl::StrJoin(arguments, ", "), ">");
    end = parts.arguments.data() + parts.arguments.size();
  }
  absl::string_view rest = type.substr(static_cast<size_t>(end - type.data()));
  if (!parts.arguments.empty()) absl::ConsumePrefix(&rest, ">");
  return absl::StrCat(result, rest);
}

// Behind the bracket that closes text[0], 0 when none does. Go's types have no other trouble.
size_t BehindBrackets(absl::string_view text) {
  size_t open = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++open;
    if (text[i] == ']' && --open == 0) return i + 1;
  }
  return 0;
}

// Of a Go type: "map[K]V", "[]T", "chan T".
std::vector<std::string> GoElements(absl::string_view type) {
  if (absl::ConsumePrefix(&type, "map")) {
    const size_t behind = BehindBrackets(type);
    if (behind <= 2 || behind == type.size()) return {};
    return {std::string(type.substr(1, behind - 2)), std::string(type.substr(behind))};
  }
  if (absl::ConsumePrefix(&type, "[]") || absl::ConsumePrefix(&type, "chan ")) {
    return {std::string(type)};
  }
  return {};
}

bool IsGo(absl::string_view type) {
  return absl::StartsWith(type, "map[") || absl::StartsWith(type, "[]") ||
         absl::StartsWith(type, "chan ");
}

// A text is made of characters and a buffer of bytes: nobody needs to be told.
bool IsByte(absl::string_view type) {
  return type == "char" || type == "unsigned char" || type == "std::byte" || type == "u8" ||
         type == "byte" || type == "uint8";
}

std::vector<std::string> Elements(const Container& container) {
  if (container.kind == ContainerKind::kString) return {};
  if (IsGo(container.type)) return GoElements(container.type);
  if (container.element.empty()) return {};
  if (container.kind == ContainerKind::kBuffer && IsByte(container.element)) return {};
  if (container.kind == ContainerKind::kMap) {
    const TemplateName pair = SplitTemplate(container.element);
    if (pair.name == "std::pair" && pair.arguments.size() == 2) {
      absl::string_view key = pair.arguments[0];
      absl::ConsumePrefix(&key, "const ");
      return {WithoutNamespaces(key), WithoutNamespaces(pair.arguments[1])};
    }
  }
  return {WithoutNamespaces(container.element)};
}

}  // namespace

std::string WithoutNamespaces(absl::string_view type) { return DropNamespaces(type, 0); }

std::string BadgeOf(const Container& container) {
  std::string badge = Name(container.kind);
  const std::vector<std::string> elements = Elements(container);
  if (!elements.empty()) absl::StrAppend(&badge, "<", absl::StrJoin(elements, ", "), ">");
  if (badge.size() > kMaxBadgeBytes) {
    size_t end = kMaxBadgeBytes;
    // Not within a character.
    while (end > 0 && (static_cast<unsigned char>(badge[end]) & 0xc0) == 0x80) --end;
    badge.resize(end);
    badge += "…";
  }
  if (container.evidence == Evidence::kInferred) badge += "?";
  return badge;
}

}  // namespace tidemark::classify
