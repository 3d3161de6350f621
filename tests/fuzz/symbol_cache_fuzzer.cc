// Whatever a cache file holds, reading it gives nothing or answers that can be walked and
// written again. So that the fuzzer gets past the checksum, it is set right here.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "analyzer/symbolize/symbol_cache.h"

namespace {

using tidemark::symbolize::Answers;
using tidemark::symbolize::SymbolCache;

constexpr absl::string_view kIdentity = "id";

void Walk(absl::string_view bytes) {
  const auto answers = SymbolCache::Decode(bytes, kIdentity);
  if (!answers) return;
  for (const Answers::Entry& entry : answers->entries()) {
    if (answers->Find(entry.address) == nullptr) abort();
    for (const auto& line : answers->lines(entry)) {
      if (line.function >= answers->functions().size()) abort();
    }
  }
  const auto again = SymbolCache::Decode(SymbolCache::Encode(kIdentity, *answers), kIdentity);
  if (!again || again->entries().size() != answers->entries().size()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  Walk(bytes);
  Walk(SymbolCache::Seal(bytes));
  return 0;
}
