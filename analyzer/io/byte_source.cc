#include "analyzer/io/byte_source.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

class Memory : public ByteSource {
 public:
  explicit Memory(absl::string_view bytes) : bytes_(bytes) {}
  absl::StatusOr<size_t> Read(char* out, size_t capacity) override {
    const size_t n = std::min(capacity, bytes_.size() - offset_);
    if (n > 0) std::memcpy(out, bytes_.data() + offset_, n);
    offset_ += n;
    return n;
  }
  uint64_t consumed() const override { return offset_; }

 private:
  const absl::string_view bytes_;
  size_t offset_ = 0;
};

class Descriptor : public ByteSource {
 public:
  Descriptor(absl::string_view head, int fd) : head_(head), fd_(fd) {}
  absl::StatusOr<size_t> Read(char* out, size_t capacity) override {
    const absl::StatusOr<size_t> from_head = head_.Read(out, capacity);
    if (*from_head > 0) return from_head;
    while (true) {
      const ssize_t n = read(fd_, out, capacity);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::Status(absl::ErrnoToStatusCode(errno), strerror(errno));
      read_ += static_cast<uint64_t>(n);
      return static_cast<size_t>(n);
    }
  }
  uint64_t consumed() const override { return head_.consumed() + read_; }

 private:
  Memory head_;
  const int fd_;
  uint64_t read_ = 0;
};

// What inflating sources share: a buffer of compressed bytes, and the limit.
class Inflating : public ByteSource {
 public:
  explicit Inflating(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)), buffer_(new char[kChunkBytes]) {}
  uint64_t consumed() const override { return source_->consumed(); }

 protected:
  // Refills an empty buffer; false at the end of the compressed bytes.
  absl::StatusOr<bool> Refill() {
    const absl::StatusOr<size_t> n = source_->Read(buffer_.get(), kChunkBytes);
    if (!n.ok()) return n.status();
    size_ = *n;
    return size_ > 0;
  }
  // Books output. A recording of one loop compresses thousandfold; a bomb does more, and
  // never ends.
  absl::StatusOr<size_t> Produced(size_t bytes) {
    constexpr uint64_t kAlways = uint64_t{16} << 30, kRatio = 4096;
    produced_ += bytes;
    if (produced_ > kAlways && produced_ / kRatio > consumed()) {
      return absl::ResourceExhaustedError(
          absl::StrCat(consumed(), " compressed bytes inflate to more than ", produced_, " bytes"));
    }
    return bytes;
  }
  absl::Status Truncated(absl::string_view what) const {
    return absl::DataLossError(
        absl::StrCat(what, " data is truncated at byte offset ", consumed()));
  }
  absl::Status Corrupt(absl::string_view what, const char* why) const {
    return absl::DataLossError(absl::StrCat(what, " data is corrupt before byte offset ",
                                            consumed(), why == nullptr ? "" : ": ",
                                            why == nullptr ? "" : why));
  }
  char* buffer() const { return buffer_.get(); }
  size_t size() const { return size_; }

 private:
  const std::unique_ptr<ByteSource> source_;
  const std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;
  uint64_t produced_ = 0;
};

class Gzipped : public Inflating {
 public:
  explicit Gzipped(std::unique_ptr<ByteSource> source) : Inflating(std::move(source)) {
    constexpr int kLargestWindow = 15, kGzipHeader = 16;
    ok_ = inflateInit2(&stream_, kLargestWindow + kGzipHeader) == Z_OK;
  }
  ~Gzipped() override { inflateEnd(&stream_); }
  Gzipped(const Gzipped&) = delete;
  Gzipped& operator=(const Gzipped&) = delete;

  absl::StatusOr<size_t> Read(char* out, size_t capacity) override {
    if (!ok_) return absl::ResourceExhaustedError("out of memory");
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min(capacity, kChunkBytes));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) {
        const absl::StatusOr<bool> more = Refill();
        if (!more.ok()) return more.status();
        if (!*more) {
          if (member_is_open_) return Truncated("gzip");
          return 0;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(buffer());
        stream_.avail_in = static_cast<uInt>(size());
      }
      if (!member_is_open_ && inflateReset(&stream_) != Z_OK) return Corrupt("gzip", stream_.msg);
      member_is_open_ = true;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        member_is_open_ = false;
      } else if (result != Z_OK) {
        return Corrupt("gzip", stream_.msg);
      }
    }
    return Produced(room - stream_.avail_out);
  }

 private:
  z_stream stream_ = {};
  bool ok_ = false;
  bool member_is_open_ = true;  // an empty input is a truncated one
};

class Zstandard : public Inflating {
 public:
  explicit Zstandard(std::unique_ptr<ByteSource> source)
      : Inflating(std::move(source)), stream_(ZSTD_createDStream()) {}

  absl::StatusOr<size_t> Read(char* out, size_t capacity) override {
    if (stream_ == nullptr) return absl::ResourceExhaustedError("out of memory");
    ZSTD_outBuffer next = {out, capacity, 0};
    while (next.pos == 0) {
      // What the decoder holds back comes first: it asks for input only when it has none.
      if (in_.pos == in_.size && !more_inside_) {
        const absl::StatusOr<bool> more = Refill();
        if (!more.ok()) return more.status();
        if (!*more) {
          if (frame_is_open_) return Truncated("zstd");
          return 0;
        }
        in_ = {buffer(), size(), 0};
      }
      const size_t result = ZSTD_decompressStream(stream_.get(), &next, &in_);
      if (ZSTD_isError(result) != 0) return Corrupt("zstd", ZSTD_getErrorName(result));
      frame_is_open_ = result != 0;
      more_inside_ = frame_is_open_ && next.pos == next.size;
    }
    return Produced(next.pos);
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* d) const { ZSTD_freeDStream(d); }
  };
  const std::unique_ptr<ZSTD_DStream, Free> stream_;
  ZSTD_inBuffer in_ = {nullptr, 0, 0};
  bool frame_is_open_ = true;  // an empty input is a truncated one
  bool more_inside_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> MemorySource(absl::string_view bytes) {
  return std::make_unique<Memory>(bytes);
}

std::unique_ptr<ByteSource> DescriptorSource(absl::string_view head, int fd) {
  return std::make_unique<Descriptor>(head, fd);
}

std::unique_ptr<ByteSource> InflatingSource(Packing packing, std::unique_ptr<ByteSource> source) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<Gzipped>(std::move(source));
    case Packing::kZstd:
      return std::make_unique<Zstandard>(std::move(source));
    case Packing::kNone:
      break;
  }
  return source;
}

}  // namespace tidemark::io
