#include "analyzer/symbolize/demangle.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace tidemark::symbolize {
namespace {

constexpr size_t kMaxLength = 64 * 1024;

// "foo.isra.0.cold" -> "foo".
absl::string_view WithoutCloneSuffixes(absl::string_view symbol) {
  static constexpr absl::string_view kClones[] = {"cold",     "part", "isra", "constprop",
                                                  "lto_priv", "llvm", "clone"};
  for (;;) {
    absl::string_view rest = symbol;
    while (!rest.empty() && absl::ascii_isdigit(static_cast<unsigned char>(rest.back()))) {
      rest.remove_suffix(1);
    }
    if (rest.size() < symbol.size() && !absl::ConsumeSuffix(&rest, ".")) return symbol;
    const bool is_clone =
        std::any_of(std::begin(kClones), std::end(kClones), [&rest](absl::string_view word) {
          return absl::EndsWith(rest, word) && rest.size() > word.size() + 1 &&
                 rest[rest.size() - word.size() - 1] == '.';
        });
    if (!is_clone) return symbol;
    symbol = rest.substr(0, rest.rfind('.'));
  }
}

// Rust's legacy mangling is an Itanium nested name whose last part is a hash of 16 hex
// digits: _ZN4core3ptr17h0123456789abcdefE (rustc, symbol_names/legacy.rs).
bool IsRustLegacy(absl::string_view symbol) {
  if (!absl::StartsWith(symbol, "_ZN") || !absl::ConsumeSuffix(&symbol, "E")) return false;
  if (symbol.size() < 19) return false;
  const absl::string_view hash = symbol.substr(symbol.size() - 16);
  if (symbol.substr(symbol.size() - 19, 3) != "17h") return false;
  return std::all_of(hash.begin(), hash.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
  });
}

// The character of "$LT$"-like escapes; 0: none of them.
char RustEscape(absl::string_view name) {
  static constexpr struct {
    absl::string_view name;
    char c;
  } kEscapes[] = {{"SP", '@'}, {"BP", '*'}, {"RF", '&'}, {"LT", '<'},
                  {"GT", '>'}, {"LP", '('}, {"RP", ')'}, {"C", ','}};
  for (const auto& escape : kEscapes) {
    if (name == escape.name) return escape.c;
  }
  unsigned code = 0;
  if (absl::ConsumePrefix(&name, "u") && absl::SimpleHexAtoi(name, &code) && code >= 0x20 &&
      code < 0x7f) {
    return static_cast<char>(code);
  }
  return 0;
}

std::string UnescapeRustPart(absl::string_view part) {
  std::string out;
  if (absl::StartsWith(part, "_$")) part.remove_prefix(1);
  while (!part.empty()) {
    if (absl::ConsumePrefix(&part, "..")) {
      out += "::";
      continue;
    }
    const size_t end = part[0] == '$' ? part.find('$', 1) : absl::string_view::npos;
    if (end != absl::string_view::npos) {
      if (const char c = RustEscape(part.substr(1, end - 1)); c != 0) {
        out += c;
        part.remove_prefix(end + 1);
        continue;
      }
    }
    out += part[0];
    part.remove_prefix(1);
  }
  return out;
}

// "" when the parts do not add up.
std::string DemangleRustLegacy(absl::string_view symbol) {
  absl::ConsumePrefix(&symbol, "_ZN");
  absl::ConsumeSuffix(&symbol, "E");
  symbol.remove_suffix(19);  // 17h and the hash
  std::string out;
  while (!symbol.empty()) {
    size_t length = 0;
    while (!symbol.empty() && absl::ascii_isdigit(static_cast<unsigned char>(symbol[0])) &&
           length <= kMaxLength) {
      length = length * 10 + static_cast<size_t>(symbol[0] - '0');
      symbol.remove_prefix(1);
    }
    if (length == 0 || length > symbol.size()) return "";
    if (!out.empty()) out += "::";
    out += UnescapeRustPart(symbol.substr(0, length));
    symbol.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string Demangle(absl::string_view symbol) {
  if (symbol.size() > kMaxLength) return std::string(symbol);
  const absl::string_view base = WithoutCloneSuffixes(symbol.substr(0, symbol.find('@')));
  if (!absl::StartsWith(base, "_Z")) return std::string(base.empty() ? symbol : base);
  if (IsRustLegacy(base)) {
    std::string name = DemangleRustLegacy(base);
    if (!name.empty()) return name;
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(std::string(base).c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 && name ? std::string(name.get()) : std::string(base);
}

}  // namespace tidemark::symbolize
