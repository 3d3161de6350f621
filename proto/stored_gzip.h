// gzip without compression: a header, stored deflate blocks, CRC-32 and length. Lets the
// preload library write files that every pprof reader opens, without a compressor in the
// target; a reader of the file compresses it again at leisure.
//
// RFC 1952 (gzip), RFC 1951 section 3.2.4 (stored blocks).
// Malloc-safe, signal-safe, freestanding.

#ifndef TIDEMARK_PROTO_STORED_GZIP_H_
#define TIDEMARK_PROTO_STORED_GZIP_H_

#include <cstdint>

#include "proto/sink.h"

namespace tidemark {

namespace internal {

struct Crc32Table {
  uint32_t entries[256];
  constexpr Crc32Table() : entries() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
      entries[i] = c;
    }
  }
};
inline constexpr Crc32Table kCrc32Table;

}  // namespace internal

// Continues `crc` (0 at the start) over `bytes` more bytes.
inline uint32_t Crc32(uint32_t crc, const void* data, uint64_t bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (uint64_t i = 0; i < bytes; ++i) {
    crc = internal::kCrc32Table.entries[(crc ^ p[i]) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

// Passes what is written to it on to `out`, as gzip. Every call makes blocks of its own
// (5 bytes each), so write big pieces.
class StoredGzip {
 public:
  explicit StoredGzip(Sink out) : out_(out) {}

  bool Write(const void* data, uint64_t bytes) {
    if (!started_) {
      // Deflate, no flags, no time, no extra flags, unknown operating system.
      static constexpr uint8_t kHeader[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
      started_ = true;
      ok_ = out_.Write(kHeader, sizeof(kHeader));
    }
    const uint8_t* p = static_cast<const uint8_t*>(data);
    crc_ = Crc32(crc_, p, bytes);
    length_ += static_cast<uint32_t>(bytes);
    while (bytes != 0 && ok_) {
      const uint32_t piece = bytes < 0xffff ? static_cast<uint32_t>(bytes) : 0xffff;
      ok_ = WriteBlockHeader(0, piece) && out_.Write(p, piece);
      p += piece;
      bytes -= piece;
    }
    return ok_;
  }

  // Call once, last. False when any write failed.
  bool Finish() {
    if (!Write(nullptr, 0) || !WriteBlockHeader(1, 0)) return false;
    uint8_t trailer[8];
    for (int i = 0; i < 4; ++i) {
      trailer[i] = static_cast<uint8_t>(crc_ >> (8 * i));
      trailer[4 + i] = static_cast<uint8_t>(length_ >> (8 * i));
    }
    return out_.Write(trailer, sizeof(trailer));
  }

  // The sink that writes here. Lives as long as this object.
  Sink AsSink() {
    return {[](void* self, const void* data, uint64_t bytes) {
              return static_cast<StoredGzip*>(self)->Write(data, bytes);
            },
            this};
  }

 private:
  bool WriteBlockHeader(uint8_t last, uint32_t length) {
    const uint8_t header[5] = {last, static_cast<uint8_t>(length),
                               static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(~length),
                               static_cast<uint8_t>(~length >> 8)};
    return out_.Write(header, sizeof(header));
  }

  Sink out_;
  uint32_t crc_ = 0;
  uint32_t length_ = 0;  // modulo 2^32
  bool started_ = false;
  bool ok_ = true;
};

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_STORED_GZIP_H_
