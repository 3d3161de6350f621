// Protobuf's wire encoding into a caller's buffer: tags, varints, length-delimited
// fields. Enough to write any message whose size the caller can bound.
//
// Malloc-safe, signal-safe, freestanding but for memcpy. Also used inside
// libtidemark.so, where no other library may be.

#ifndef TIDEMARK_PROTO_WIRE_H_
#define TIDEMARK_PROTO_WIRE_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemark::wire {

inline constexpr uint32_t kVarintType = 0;
inline constexpr uint32_t kBytesType = 2;
inline constexpr uint64_t kMaxVarintBytes = 10;

constexpr uint64_t VarintBytes(uint64_t v) {
  uint64_t bytes = 1;
  while (v >= 0x80) {
    v >>= 7;
    ++bytes;
  }
  return bytes;
}

// Writes `v` at `to` and returns the position behind it. REQUIRES: room for VarintBytes(v).
inline uint8_t* PutVarint(uint8_t* to, uint64_t v) {
  while (v >= 0x80) {
    *to++ = static_cast<uint8_t>(v) | 0x80;
    v >>= 7;
  }
  *to++ = static_cast<uint8_t>(v);
  return to;
}

constexpr uint64_t Tag(uint32_t field, uint32_t type) { return uint64_t{field} << 3 | type; }

// One message under construction in [buffer, buffer + capacity). A field that does not fit
// is left out whole and makes overflowed() true: the message is then unusable.
class Message {
 public:
  Message(uint8_t* buffer, uint64_t capacity) : begin_(buffer), end_(buffer + capacity) { Clear(); }

  void Clear() {
    at_ = begin_;
    overflowed_ = false;
  }
  const uint8_t* data() const { return begin_; }
  uint64_t size() const { return static_cast<uint64_t>(at_ - begin_); }
  bool overflowed() const { return overflowed_; }

  // Zero is proto3's default and is not written.
  void Varint(uint32_t field, uint64_t v) {
    if (v == 0) return;
    const uint64_t tag = Tag(field, kVarintType);
    if (!Reserve(VarintBytes(tag) + VarintBytes(v))) return;
    at_ = PutVarint(PutVarint(at_, tag), v);
  }

  // A string, bytes or encoded sub-message. Written even when empty.
  void Bytes(uint32_t field, std::string_view bytes) {
    const uint64_t tag = Tag(field, kBytesType);
    if (!Reserve(VarintBytes(tag) + VarintBytes(bytes.size()) + bytes.size())) return;
    at_ = PutVarint(PutVarint(at_, tag), bytes.size());
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  // A packed repeated integer.
  template <class Integer>
  void Packed(uint32_t field, const Integer* values, uint64_t count) {
    if (count == 0) return;
    uint64_t payload = 0;
    for (uint64_t i = 0; i < count; ++i) payload += VarintBytes(static_cast<uint64_t>(values[i]));
    const uint64_t tag = Tag(field, kBytesType);
    if (!Reserve(VarintBytes(tag) + VarintBytes(payload) + payload)) return;
    at_ = PutVarint(PutVarint(at_, tag), payload);
    for (uint64_t i = 0; i < count; ++i) at_ = PutVarint(at_, static_cast<uint64_t>(values[i]));
  }

 private:
  bool Reserve(uint64_t bytes) {
    if (!overflowed_ && static_cast<uint64_t>(end_ - at_) >= bytes) return true;
    overflowed_ = true;
    return false;
  }

  uint8_t* begin_;
  uint8_t* end_;
  uint8_t* at_;
  bool overflowed_;
};

}  // namespace tidemark::wire

#endif  // TIDEMARK_PROTO_WIRE_H_
