// Whatever a symbol or a name is made of, demangling and shortening it ends, in a bounded text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/demangle_rust.h"
#include "analyzer/symbolize/display_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tidemark::symbolize::NameStyle;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string name = tidemark::symbolize::Demangle(text);
  for (const std::string& symbol : {std::string(text), absl::StrCat("_R", text)}) {
    const auto rust = tidemark::symbolize::DemangleRustV0(symbol);
    if (rust && rust->size() > 64 * 1024) abort();
  }
  (void)tidemark::symbolize::DemangleRustLegacy(absl::StrCat("_ZN", text, "17h0123456789abcdefE"));
  for (const NameStyle style : {NameStyle::kTemplates, NameStyle::kDefault, NameStyle::kShort}) {
    for (const absl::string_view whole : {text, absl::string_view(name)}) {
      if (tidemark::symbolize::DisplayName(whole, style).size() > whole.size() + 64) abort();
    }
  }
  return 0;
}
