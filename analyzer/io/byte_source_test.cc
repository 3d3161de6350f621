#include "analyzer/io/byte_source.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>
#include <utility>

namespace tidemark::io {
namespace {

std::string Zstd(absl::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string Packed(Packing packing, absl::string_view text) {
  return packing == Packing::kGzip   ? Gzip(text)
         : packing == Packing::kZstd ? Zstd(text)
                                     : std::string(text);
}

absl::StatusOr<std::string> ReadAll(ByteSource& source, size_t chunk) {
  std::string out, buffer(chunk, '\0');
  while (true) {
    const absl::StatusOr<size_t> n = source.Read(buffer.data(), chunk);
    if (!n.ok()) return n.status();
    if (*n == 0) return out;
    out.append(buffer, 0, *n);
  }
}

absl::StatusOr<std::string> Inflated(Packing packing, absl::string_view bytes, size_t chunk) {
  const std::unique_ptr<ByteSource> source = InflatingSource(packing, MemorySource(bytes));
  return ReadAll(*source, chunk);
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "line " + std::to_string(i * 7) + "\n";
  return text;
}

class Packings : public testing::TestWithParam<Packing> {};
INSTANTIATE_TEST_SUITE_P(All, Packings, testing::Values(Packing::kGzip, Packing::kZstd),
                         [](const auto& p) { return p.param == Packing::kGzip ? "Gzip" : "Zstd"; });

TEST_P(Packings, InflateWhateverTheChunk) {
  const std::string text = Text(), packed = Packed(GetParam(), text);
  EXPECT_EQ(PackingOf(packed), GetParam());
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{4096}, size_t{8} << 20}) {
    const auto out = Inflated(GetParam(), packed, chunk);
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(*out, text) << chunk;
  }
}

TEST_P(Packings, InflateOnePartAfterTheOther) {
  const std::string text = Text();
  const std::string packed = Packed(GetParam(), text) + Packed(GetParam(), "") +
                             Packed(GetParam(), "x") + Packed(GetParam(), text);
  for (const size_t chunk : {size_t{1}, size_t{65536}}) {
    const auto out = Inflated(GetParam(), packed, chunk);
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(*out, text + "x" + text);
  }
}

TEST_P(Packings, RefuseEveryPrefixAndEveryFlippedMagic) {
  const std::string packed = Packed(GetParam(), "some text, some text, some more text");
  for (size_t n = 0; n < packed.size(); ++n) {
    EXPECT_EQ(Inflated(GetParam(), packed.substr(0, n), 100).status().code(),
              absl::StatusCode::kDataLoss)
        << n;
  }
  std::string wrong = packed;
  wrong[0] ^= 1;
  EXPECT_EQ(Inflated(GetParam(), wrong, 100).status().code(), absl::StatusCode::kDataLoss);
}

TEST(InflatingSource, OfNothingPackedIsTheSource) {
  EXPECT_EQ(*Inflated(Packing::kNone, "plain", 2), "plain");
}

TEST(Unzstd, UndoesZstd) {
  for (const std::string& text :
       {std::string(), std::string("abc"), Text(), std::string(size_t{1} << 20, 'x')}) {
    const auto out = Unzstd(Zstd(text) + Zstd("end"), size_t{4} << 20);
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(out->view(), text + "end");
  }
}

TEST(Unzstd, RefusesABombAndEveryPrefix) {
  const std::string bomb = Zstd(std::string(size_t{64} << 20, '\0'));
  EXPECT_LT(bomb.size(), size_t{10000});
  EXPECT_EQ(Unzstd(bomb, size_t{1} << 20).status().code(), absl::StatusCode::kResourceExhausted);
  const std::string packed = Zstd("some text, some text, some more text");
  for (size_t n = 0; n < packed.size(); ++n) {
    EXPECT_EQ(Unzstd(packed.substr(0, n), 1000).status().code(), absl::StatusCode::kDataLoss) << n;
  }
}

}  // namespace
}  // namespace tidemark::io
