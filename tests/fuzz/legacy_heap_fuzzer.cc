// Whatever the text, reading it gives an error or a profile that can be written.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "analyzer/io/legacy_heap.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/pprof_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto profile = tidemark::io::ReadLegacyHeap(text, "input", nullptr);
  if (!profile.ok()) return 0;
  const std::string written = tidemark::io::ToPprof(**profile, tidemark::io::Compression::kNone);
  if (!tidemark::io::ReadPprof(written, "copy", nullptr).ok()) abort();
  return 0;
}
