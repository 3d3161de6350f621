#include "proto/wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "proto/profile.pb.h"

namespace tidemark::wire {
namespace {

TEST(Wire, VarintsAreProtobufs) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t v : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
      uint8_t ours[kMaxVarintBytes];
      const uint8_t* end = PutVarint(ours, v);
      uint8_t theirs[kMaxVarintBytes];
      const uint8_t* expected_end =
          google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(v, theirs);
      EXPECT_EQ(std::vector<uint8_t>(ours, const_cast<uint8_t*>(end)),
                std::vector<uint8_t>(theirs, const_cast<uint8_t*>(expected_end)))
          << v;
      EXPECT_EQ(VarintBytes(v), static_cast<uint64_t>(end - ours)) << v;
    }
  }
}

TEST(Wire, MessageDecodes) {
  uint8_t buffer[256];
  Message message(buffer, sizeof(buffer));
  const uint64_t locations[] = {1, 300, UINT64_MAX};
  const int64_t values[] = {-1, 0, INT64_MAX};
  message.Packed(1, locations, 3);
  message.Packed(2, values, 3);
  ASSERT_FALSE(message.overflowed());
  pprof::Sample sample;
  ASSERT_TRUE(sample.ParseFromArray(message.data(), static_cast<int>(message.size())));
  EXPECT_EQ(std::vector<uint64_t>(sample.location_id().begin(), sample.location_id().end()),
            (std::vector<uint64_t>{1, 300, UINT64_MAX}));
  EXPECT_EQ(std::vector<int64_t>(sample.value().begin(), sample.value().end()),
            (std::vector<int64_t>{-1, 0, INT64_MAX}));
}

TEST(Wire, NothingIsWrittenBeyondTheBuffer) {
  const std::string text(20, 'x');
  const uint32_t numbers[] = {1, 2, 300};
  for (uint64_t capacity = 0; capacity <= 64; ++capacity) {
    std::vector<uint8_t> buffer(capacity + 16, 0xee);
    Message message(buffer.data(), capacity);
    message.Varint(1, 1u << 20);
    message.Bytes(2, text);
    message.Packed(3, numbers, 3);
    EXPECT_EQ(message.overflowed(), capacity < 4 + 22 + 6) << capacity;
    EXPECT_LE(message.size(), capacity);
    for (uint64_t i = capacity; i < buffer.size(); ++i) EXPECT_EQ(buffer[i], 0xee) << capacity;
  }
}

TEST(Wire, ZeroIsNotWritten) {
  uint8_t buffer[8];
  Message message(buffer, sizeof(buffer));
  message.Varint(1, 0);
  message.Packed<uint32_t>(2, nullptr, 0);
  EXPECT_EQ(message.size(), 0u);
}

}  // namespace
}  // namespace tidemark::wire
