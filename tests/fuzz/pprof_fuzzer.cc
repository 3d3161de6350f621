// Whatever the bytes, reading them gives an error or a profile that can be walked,
// merged, and written and read back unchanged.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "absl/strings/string_view.h"
#include "analyzer/io/folded_export.h"
#include "analyzer/io/json_export.h"
#include "analyzer/io/open.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/pprof_reader.h"
#include "analyzer/model/merge.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto opened = tidemark::io::OpenBytes(bytes, "input");
  const auto profile = tidemark::io::ReadPprof(bytes, "input", nullptr);
  const auto& usable = profile.ok() ? profile : opened;
  if (!usable.ok()) return 0;
  const tidemark::Profile& p = **usable;
  const std::string written = tidemark::io::ToPprof(p, tidemark::io::Compression::kNone);
  const auto again = tidemark::io::ReadPprof(written, "copy", nullptr);
  if (!again.ok() || tidemark::io::ToJson(**again) != tidemark::io::ToJson(p)) abort();
  if (!p.sample_types().empty()) tidemark::io::WriteFolded(p, 0, [](absl::string_view) {});
  (void)tidemark::Merge({*usable, *again});
  return 0;
}
