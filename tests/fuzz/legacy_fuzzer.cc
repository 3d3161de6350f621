// Whatever the bytes, each reader of a legacy format gives an error or a profile that can be
// written and read again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "analyzer/io/formats.h"
#include "analyzer/io/jemalloc_heap.h"
#include "analyzer/io/legacy_contention.h"
#include "analyzer/io/legacy_count.h"
#include "analyzer/io/legacy_cpu.h"
#include "analyzer/io/legacy_heap.h"
#include "analyzer/io/legacy_java.h"
#include "analyzer/io/legacy_threads.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/pprof_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark::io;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)FormatOf(bytes);
  for (const auto read : {ReadLegacyCpu, ReadLegacyHeap, ReadLegacyCount, ReadLegacyThreads,
                          ReadLegacyContention, ReadLegacyJava, ReadJemallocHeap}) {
    const auto profile = read(bytes, "input", nullptr);
    if (!profile.ok()) continue;
    const std::string written = ToPprof(**profile, Compression::kNone);
    if (!ReadPprof(written, "copy", nullptr).ok()) abort();
  }
  return 0;
}
