#include "proto/stored_gzip.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <memory>
#include <string>
#include <vector>

namespace tidemark {
namespace {

Sink StringSink(std::string* to) {
  return {[](void* context, const void* data, uint64_t bytes) {
            static_cast<std::string*>(context)->append(static_cast<const char*>(data), bytes);
            return true;
          },
          to};
}

// Checks CRC and length too.
std::string Gunzip(const std::string& gz, size_t size) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  std::string out(size + 1, '\0');
  size_t used = 0, actual = 0;
  if (libdeflate_gzip_decompress_ex(inflater.get(), gz.data(), gz.size(), out.data(), out.size(),
                                    &used, &actual) != LIBDEFLATE_SUCCESS ||
      used != gz.size()) {
    return "not gzip";
  }
  out.resize(actual);
  return out;
}

TEST(StoredGzip, Crc32OfTheStandardCheck) { EXPECT_EQ(Crc32(0, "123456789", 9), 0xcbf43926u); }

TEST(StoredGzip, InflatesToWhatWasWritten) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{65534}, size_t{65535}, size_t{65536}, size_t{200000}}) {
    std::string data(size, '\0');
    for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 7 + (i >> 8));
    std::string gz;
    StoredGzip writer(StringSink(&gz));
    const size_t half = size / 2;
    EXPECT_TRUE(writer.Write(data.data(), half));
    EXPECT_TRUE(writer.Write(data.data() + half, size - half));
    EXPECT_TRUE(writer.Finish());
    EXPECT_EQ(Gunzip(gz, size), data) << size;
  }
}

TEST(StoredGzip, ReportsARefusingSink) {
  // Refuses at every possible call in turn.
  for (int allowed = 0; allowed < 6; ++allowed) {
    int left = allowed;
    StoredGzip writer(
        {[](void* context, const void*, uint64_t) { return (*static_cast<int*>(context))-- > 0; },
         &left});
    writer.Write("abc", 3);
    EXPECT_EQ(writer.Finish(), allowed >= 5) << allowed;
  }
}

}  // namespace
}  // namespace tidemark
