// Whatever the text, reading it as a heaptrack recording gives an error or a profile that can
// be written and read back.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "analyzer/io/heaptrack_reader.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/pprof_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto source = tidemark::io::MemorySource(text);
  const auto profile = tidemark::io::ReadHeaptrack(*source, "input", nullptr);
  if (!profile.ok()) return 0;
  const std::string written = tidemark::io::ToPprof(**profile, tidemark::io::Compression::kNone);
  if (!tidemark::io::ReadPprof(written, "copy", nullptr).ok()) abort();
  return 0;
}
