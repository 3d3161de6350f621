// Whatever a perf map holds, each address gets at most one bounded name, and the last line that
// has it is the one that counts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>

#include "absl/strings/string_view.h"
#include "analyzer/symbolize/perf_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first 32 bytes are addresses: two of any size, and the two after those.
  if (size < 32) return 0;
  uint64_t given[4];
  std::memcpy(given, data, sizeof(given));
  std::set<uint64_t> sorted = {given[0], given[1] & 0xffffff, given[2] & 0xffff, given[3] & 0xff};
  const std::vector<uint64_t> addresses(sorted.begin(), sorted.end());
  const absl::string_view text(reinterpret_cast<const char*>(data + 32), size - 32);
  const auto names = tidemark::symbolize::NamesInPerfMap(text, addresses);
  if (names.size() != addresses.size()) abort();
  for (const std::string& name : names) {
    if (name.size() > 4096 || name.find('\n') != std::string::npos) abort();
    if (!name.empty() && text.find(name) == absl::string_view::npos) abort();
  }
  // One address alone gets the same name as among others.
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (tidemark::symbolize::NamesInPerfMap(text, {&addresses[i], 1})[0] != names[i]) abort();
  }
  return 0;
}
