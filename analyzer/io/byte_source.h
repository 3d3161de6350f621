// Bytes that are read once, from the front: files and pipes, and what they inflate to. For
// inputs that are too large to hold.
//
// Thread class: a source is used by one thread. Allocation class: may allocate, a few
// hundred KiB each, whatever flows through.

#ifndef TIDEMARK_ANALYZER_IO_BYTE_SOURCE_H_
#define TIDEMARK_ANALYZER_IO_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/io/inflate.h"

namespace tidemark::io {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Up to `capacity` bytes; 0 at the end, and only there. Errors are without the file's name.
  // REQUIRES: capacity > 0.
  virtual absl::StatusOr<size_t> Read(char* out, size_t capacity) = 0;

  // Bytes taken so far from where they come from in the end: compressed ones, if they are.
  virtual uint64_t consumed() const = 0;
};

// `bytes` must outlive the source.
std::unique_ptr<ByteSource> MemorySource(absl::string_view bytes);

// First `head`, which it does not own, then what `fd` still has. Does not close it.
std::unique_ptr<ByteSource> DescriptorSource(absl::string_view head, int fd);

// What `source` inflates to, one gzip member or zstd frame after the other; `source` itself
// for Packing::kNone. kDataLoss for corrupt or truncated input, kResourceExhausted for more
// output than anything honest of that size has.
std::unique_ptr<ByteSource> InflatingSource(Packing packing, std::unique_ptr<ByteSource> source);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_BYTE_SOURCE_H_
