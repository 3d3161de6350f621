// gzip and zstd into memory, within bounds: hostile input may claim to hold terabytes.
//
// Thread class: pure function. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_INFLATE_H_
#define TIDEMARK_ANALYZER_IO_INFLATE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tidemark::io {

// Owned bytes, not initialised before they are written.
struct Buffer {
  std::unique_ptr<char[]> data;
  size_t size = 0;
  absl::string_view view() const { return absl::string_view(data.get(), size); }
};

// Largest output for `compressed_bytes` of input that is taken for an honest file.
// Deflate reaches 1032 : 1 on zeros; profiles stay below 40 : 1.
size_t InflateLimit(size_t compressed_bytes);

enum class Packing { kNone, kGzip, kZstd };

// What the first bytes say.
Packing PackingOf(absl::string_view bytes);

// Inflates one gzip member after the other, as gunzip does. kDataLoss for corrupt or
// truncated input, kResourceExhausted beyond `limit` bytes of output. Errors are without
// the file's name: "gzip data is corrupt at byte offset 12".
absl::StatusOr<Buffer> Gunzip(absl::string_view bytes, size_t limit);

// The same for zstd frames; skippable ones are skipped.
absl::StatusOr<Buffer> Unzstd(absl::string_view bytes, size_t limit);

// One gzip member.
std::string Gzip(absl::string_view bytes);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_INFLATE_H_
