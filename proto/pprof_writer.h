// pprof messages (proto/profile.proto), streamed to a sink as they are made.
//
// Protobuf allows the elements of repeated fields to come in any order relative to other
// fields, so strings, locations and samples are written as they come up and nothing is
// held back: memory is two fixed buffers.
//
// Malloc-safe, signal-safe, freestanding.

#ifndef TIDEMARK_PROTO_PPROF_WRITER_H_
#define TIDEMARK_PROTO_PPROF_WRITER_H_

#include <cstdint>
#include <cstring>
#include <string_view>

#include "proto/sink.h"
#include "proto/wire.h"

namespace tidemark {

// Caller's memory for one PprofWriter; need not be initialised.
struct PprofBuffers {
  uint8_t message[8192];  // one Sample of state::kMaxFrames frames fits
  uint8_t out[60 * 1024];
};

// Strings are referred to by the index that String() returned; 0 is "".
class PprofWriter {
 public:
  struct Label {
    uint64_t key;
    uint64_t str;  // 0: the label is numeric
    int64_t num;
    uint64_t num_unit;
  };
  struct Mapping {
    uint64_t id;  // from 1
    uint64_t start;
    uint64_t limit;
    uint64_t file_offset;
    uint64_t filename;
    uint64_t build_id;
  };

  // Both must outlive the writer.
  PprofWriter(Sink sink, PprofBuffers* buffers)
      : sink_(sink), buffers_(buffers), message_(buffers->message, sizeof(buffers->message)) {
    String("");
  }
  PprofWriter(const PprofWriter&) = delete;
  PprofWriter& operator=(const PprofWriter&) = delete;

  // Appends to the string table; equal strings given twice are written twice. Bytes that
  // are not UTF-8 become '?': protobuf's own readers refuse a file that has any.
  uint64_t String(std::string_view s) {
    PutTag(kStringTable, s.size());
    while (!s.empty()) {
      const uint64_t valid = Utf8Prefix(s);
      Put(s.data(), valid);
      s.remove_prefix(valid);
      if (s.empty()) break;
      Put("?", 1);
      s.remove_prefix(1);
    }
    return string_count_++;
  }

  void SampleType(uint64_t type, uint64_t unit) { ValueType(kSampleType, type, unit); }
  void PeriodType(uint64_t type, uint64_t unit) { ValueType(kPeriodType, type, unit); }
  void Period(int64_t period) { Scalar(kPeriod, static_cast<uint64_t>(period)); }
  void TimeNanos(int64_t ns) { Scalar(kTimeNanos, static_cast<uint64_t>(ns)); }
  void DurationNanos(int64_t ns) { Scalar(kDurationNanos, static_cast<uint64_t>(ns)); }
  void DefaultSampleType(uint64_t name) { Scalar(kDefaultSampleType, name); }
  void Comment(std::string_view text) { Scalar(kComment, String(text)); }

  void WriteMapping(const Mapping& m) {
    message_.Clear();
    message_.Varint(1, m.id);
    message_.Varint(2, m.start);
    message_.Varint(3, m.limit);
    message_.Varint(4, m.file_offset);
    message_.Varint(5, m.filename);
    message_.Varint(6, m.build_id);
    PutMessage(kMapping);
  }

  // `mapping` 0: unknown. `function` 0: not symbolized, else the id of a Function.
  void WriteLocation(uint64_t id, uint64_t mapping, uint64_t address, uint64_t function) {
    message_.Clear();
    message_.Varint(1, id);
    message_.Varint(2, mapping);
    message_.Varint(3, address);
    if (function != 0) {
      uint8_t line[1 + wire::kMaxVarintBytes];
      line[0] = static_cast<uint8_t>(wire::Tag(1, wire::kVarintType));
      const uint8_t* end = wire::PutVarint(line + 1, function);
      message_.Bytes(4, {reinterpret_cast<const char*>(line), static_cast<size_t>(end - line)});
    }
    PutMessage(kLocation);
  }

  void WriteFunction(uint64_t id, uint64_t name) {
    message_.Clear();
    message_.Varint(1, id);
    message_.Varint(2, name);
    message_.Varint(3, name);
    PutMessage(kFunction);
  }

  // Locations leaf first; one value per sample type. A sample that does not fit the
  // message buffer makes Finish() false.
  void WriteSample(const uint32_t* locations, uint64_t location_count, const int64_t* values,
                   uint64_t value_count, const Label* labels, uint64_t label_count) {
    message_.Clear();
    message_.Packed(1, locations, location_count);
    message_.Packed(2, values, value_count);
    for (uint64_t i = 0; i < label_count; ++i) {
      uint8_t buffer[4 * (1 + wire::kMaxVarintBytes)];
      wire::Message label(buffer, sizeof(buffer));
      label.Varint(1, labels[i].key);
      label.Varint(2, labels[i].str);
      label.Varint(3, static_cast<uint64_t>(labels[i].num));
      label.Varint(4, labels[i].num_unit);
      message_.Bytes(3, {reinterpret_cast<const char*>(label.data()), label.size()});
    }
    PutMessage(kSample);
  }

  bool ok() const { return ok_; }
  // Hands the rest to the sink. False when anything went wrong.
  bool Finish() {
    Flush();
    return ok_;
  }

 private:
  enum Field : uint32_t {
    kSampleType = 1,
    kSample = 2,
    kMapping = 3,
    kLocation = 4,
    kFunction = 5,
    kStringTable = 6,
    kTimeNanos = 9,
    kDurationNanos = 10,
    kPeriodType = 11,
    kPeriod = 12,
    kComment = 13,
    kDefaultSampleType = 14,
  };

  // Length of the longest prefix of `s` that is UTF-8 (RFC 3629: shortest forms only, no
  // surrogates, at most U+10FFFF).
  static uint64_t Utf8Prefix(std::string_view s) {
    uint64_t i = 0;
    while (i < s.size()) {
      const uint8_t c = static_cast<uint8_t>(s[i]);
      const uint64_t more = c < 0x80                ? 0
                            : c >= 0xc2 && c < 0xe0 ? 1
                            : c >= 0xe0 && c < 0xf0 ? 2
                            : c >= 0xf0 && c < 0xf5 ? 3
                                                    : 4;
      if (more == 4 || s.size() - i <= more) return i;
      for (uint64_t k = 1; k <= more; ++k) {
        if ((static_cast<uint8_t>(s[i + k]) & 0xc0) != 0x80) return i;
      }
      const uint8_t d = more == 0 ? 0 : static_cast<uint8_t>(s[i + 1]);
      if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
          (c == 0xf4 && d > 0x8f)) {
        return i;
      }
      i += 1 + more;
    }
    return i;
  }

  void ValueType(Field field, uint64_t type, uint64_t unit) {
    message_.Clear();
    message_.Varint(1, type);
    message_.Varint(2, unit);
    PutMessage(field);
  }

  void Scalar(Field field, uint64_t v) {
    uint8_t bytes[2 * wire::kMaxVarintBytes];
    const uint8_t* end =
        wire::PutVarint(wire::PutVarint(bytes, wire::Tag(field, wire::kVarintType)), v);
    Put(bytes, static_cast<uint64_t>(end - bytes));
  }

  void PutMessage(Field field) {
    if (message_.overflowed()) ok_ = false;
    PutTag(field, message_.size());
    Put(message_.data(), message_.size());
  }

  void PutTag(Field field, uint64_t payload_bytes) {
    uint8_t bytes[2 * wire::kMaxVarintBytes];
    const uint8_t* end =
        wire::PutVarint(wire::PutVarint(bytes, wire::Tag(field, wire::kBytesType)), payload_bytes);
    Put(bytes, static_cast<uint64_t>(end - bytes));
  }

  void Put(const void* data, uint64_t bytes) {
    const uint8_t* p = static_cast<const uint8_t*>(data);
    while (bytes != 0 && ok_) {
      if (used_ == sizeof(buffers_->out)) Flush();
      const uint64_t room = sizeof(buffers_->out) - used_;
      const uint64_t piece = bytes < room ? bytes : room;
      std::memcpy(buffers_->out + used_, p, piece);
      used_ += piece;
      p += piece;
      bytes -= piece;
    }
  }

  void Flush() {
    if (ok_ && used_ != 0) ok_ = sink_.Write(buffers_->out, used_);
    used_ = 0;
  }

  Sink sink_;
  PprofBuffers* buffers_;
  wire::Message message_;
  uint64_t used_ = 0;
  uint64_t string_count_ = 0;
  bool ok_ = true;
};

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_PPROF_WRITER_H_
