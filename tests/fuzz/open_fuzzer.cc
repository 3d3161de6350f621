// Whatever the bytes of a file, opening it (which packing, which format, which reader) gives an
// error or a profile that can be written and read back. Each input is also tried as what a gzip
// and a zstd file hold, which mutations seldom get to; the streams that inflate must give what
// inflating at once gives.

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/io/byte_source.h"
#include "analyzer/io/inflate.h"
#include "analyzer/io/open.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/pprof_reader.h"

namespace {

using namespace tidemark::io;

void Open(absl::string_view bytes) {
  const auto profile = OpenBytes(bytes, "input");
  if (!profile.ok()) return;
  const std::string written = ToPprof(**profile, Compression::kNone);
  if (!ReadPprof(written, "copy", nullptr).ok()) abort();
}

// Both ways of inflating agree. (On what is wrong too, but zlib checks more of a gzip header.)
void Inflate(absl::string_view bytes) {
  constexpr size_t kLimit = 4 << 20, kChunk = 4096;
  const Packing packing = PackingOf(bytes);
  if (packing == Packing::kNone) return;
  const auto whole = packing == Packing::kGzip ? Gunzip(bytes, kLimit) : Unzstd(bytes, kLimit);
  const auto stream = InflatingSource(packing, MemorySource(bytes));
  std::string text, chunk(kChunk, '\0');
  while (text.size() <= kLimit) {
    const auto n = stream->Read(chunk.data(), chunk.size());
    if (!n.ok()) {
      if (whole.ok() && packing == Packing::kZstd) abort();
      return;
    }
    if (*n == 0) break;
    text.append(chunk, 0, *n);
  }
  if (text.size() <= kLimit && whole.ok() && whole->view() != text) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  Open(bytes);
  Inflate(bytes);
  Open(Gzip(bytes));
  std::string packed(ZSTD_compressBound(size), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), data, size, 1));
  Open(packed);
  return 0;
}
