#include "analyzer/io/inflate.h"

#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

constexpr size_t kMinGzipBytes = 18;  // header and trailer of an empty member
constexpr int kCompressionLevel = 6;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};
struct FreeZstd {
  void operator()(ZSTD_DStream* d) const { ZSTD_freeDStream(d); }
};
struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};

// Moves `used` bytes into a buffer of `capacity`; false when there is no memory.
bool Grow(Buffer& buffer, size_t used, size_t capacity) {
  std::unique_ptr<char[]> larger(new (std::nothrow) char[capacity]);
  if (larger == nullptr) return false;
  if (used > 0) std::memcpy(larger.get(), buffer.data.get(), used);
  buffer.data = std::move(larger);
  buffer.size = capacity;
  return true;
}

absl::Status NoMemory() { return absl::ResourceExhaustedError("out of memory"); }

absl::Status TooLarge(size_t limit, size_t compressed_bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("inflates to more than ", limit,
                                                   " bytes, which no profile of ", compressed_bytes,
                                                   " compressed bytes does"));
}

// The first try for a member: what its trailer claims (the size modulo 2^32, when it is
// the last one), within what is usual.
size_t FirstGuess(absl::string_view member) {
  constexpr size_t kLeast = 4096, kUsualRatio = 16;
  uint32_t claimed = 0;
  std::memcpy(&claimed, member.data() + member.size() - sizeof(claimed), sizeof(claimed));
  return std::max(kLeast, std::min<size_t>(claimed, member.size() * kUsualRatio));
}

}  // namespace

size_t InflateLimit(size_t compressed_bytes) {
  constexpr size_t kSmall = size_t{256} << 20, kLargest = size_t{16} << 30, kRatio = 200;
  if (compressed_bytes > kLargest / kRatio) return kLargest;
  return std::max(kSmall, compressed_bytes * kRatio);
}

Packing PackingOf(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\x1f\x8b")) return Packing::kGzip;
  if (absl::StartsWith(bytes, "\x28\xb5\x2f\xfd")) return Packing::kZstd;
  return Packing::kNone;
}

absl::StatusOr<Buffer> Gunzip(absl::string_view bytes, size_t limit) {
  const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  if (decompressor == nullptr) return NoMemory();

  Buffer out;
  size_t in_offset = 0, used = 0;
  while (in_offset < bytes.size()) {
    const absl::string_view rest = bytes.substr(in_offset);
    if (rest.size() < kMinGzipBytes) {
      return absl::DataLossError(
          absl::StrCat("gzip data is truncated at byte offset ", bytes.size()));
    }
    if (out.size == used) {
      const size_t wanted = used == 0 ? FirstGuess(rest) : used * 2;
      if (!Grow(out, used, std::min(wanted, limit))) return NoMemory();
    }
    size_t in_used = 0, out_used = 0;
    const libdeflate_result result =
        libdeflate_gzip_decompress_ex(decompressor.get(), rest.data(), rest.size(),
                                      out.data.get() + used, out.size - used, &in_used, &out_used);
    if (result == LIBDEFLATE_SUCCESS) {
      in_offset += in_used;
      used += out_used;
    } else if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (out.size >= limit) {
        return TooLarge(limit, bytes.size());
      }
      const size_t wanted = out.size > limit / 2 ? limit : out.size * 2;
      if (!Grow(out, used, wanted)) return NoMemory();
    } else {
      return absl::DataLossError(absl::StrCat(
          "gzip data is corrupt or truncated in the member at byte offset ", in_offset));
    }
  }
  out.size = used;
  return out;
}

absl::StatusOr<Buffer> Unzstd(absl::string_view bytes, size_t limit) {
  const std::unique_ptr<ZSTD_DStream, FreeZstd> stream(ZSTD_createDStream());
  if (stream == nullptr) return NoMemory();
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  Buffer out;
  size_t used = 0;
  bool frame_is_open = true;
  while (true) {
    if (out.size == used) {
      if (used >= limit) return TooLarge(limit, bytes.size());
      const size_t wanted = used == 0 ? bytes.size() * 4 + 4096 : used * 2;
      if (!Grow(out, used, std::min(wanted, limit))) return NoMemory();
    }
    ZSTD_outBuffer next = {out.data.get() + used, out.size - used, 0};
    const size_t at = in.pos;
    const size_t result = ZSTD_decompressStream(stream.get(), &next, &in);
    if (ZSTD_isError(result) != 0) {
      return absl::DataLossError(absl::StrCat("zstd data is corrupt near byte offset ", at, ": ",
                                              ZSTD_getErrorName(result)));
    }
    used += next.pos;
    frame_is_open = result != 0;
    // All was given, and nothing is left inside: the frame is whole, or there was more room.
    if (in.pos == in.size && (!frame_is_open || next.pos < next.size)) break;
  }
  if (frame_is_open) {
    return absl::DataLossError(
        absl::StrCat("zstd data is truncated at byte offset ", bytes.size()));
  }
  out.size = used;
  return out;
}

std::string Gzip(absl::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kCompressionLevel));
  if (compressor == nullptr) throw std::bad_alloc();
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), out.data(),
                                      out.size()));
  return out;
}

}  // namespace tidemark::io
