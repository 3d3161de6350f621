#include "analyzer/symbolize/demangle.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "analyzer/symbolize/demangle_rust.h"

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

}  // namespace

std::string Demangle(absl::string_view symbol) {
  if (symbol.size() > kMaxLength) return std::string(symbol);
  const absl::string_view base = WithoutCloneSuffixes(symbol.substr(0, symbol.find('@')));
  if (auto rust = DemangleRustV0(base)) return *std::move(rust);
  if (!absl::StartsWith(base, "_Z")) return std::string(base.empty() ? symbol : base);
  if (auto rust = DemangleRustLegacy(base)) return *std::move(rust);
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(std::string(base).c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 && name ? std::string(name.get()) : std::string(base);
}

}  // namespace tidemark::symbolize
