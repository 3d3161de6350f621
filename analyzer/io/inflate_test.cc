#include "analyzer/io/inflate.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemark::io {
namespace {

constexpr size_t kLimit = 1 << 20;

TEST(Gunzip, UndoesGzip) {
  for (const std::string& text : {std::string(), std::string("abc"), std::string(100000, 'x')}) {
    const std::string packed = Gzip(text);
    EXPECT_EQ(PackingOf(packed), Packing::kGzip);
    const auto out = Gunzip(packed, kLimit);
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(out->view(), text);
  }
}

TEST(Gunzip, ReadsSeveralMembersAsOne) {
  const auto out = Gunzip(Gzip("first ") + Gzip("") + Gzip(std::string(5000, 'y')), kLimit);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->view(), "first " + std::string(5000, 'y'));
}

TEST(Gunzip, RefusesABomb) {
  const auto out = Gunzip(Gzip(std::string(8 << 20, '\0')), kLimit);
  EXPECT_EQ(out.status().code(), absl::StatusCode::kResourceExhausted);
  const auto many = Gunzip(Gzip(std::string(kLimit, 'a')) + Gzip("one more"), kLimit);
  EXPECT_EQ(many.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Gunzip, DoesNotBelieveTheTrailersSize) {
  std::string packed = Gzip("small");
  packed.replace(packed.size() - 4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(Gunzip(packed, kLimit).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Gunzip, RefusesEveryPrefix) {
  const std::string packed =
      Gzip("some text that is long enough to be worth compressing, some text");
  for (size_t n = 1; n < packed.size(); ++n) {
    EXPECT_EQ(Gunzip(packed.substr(0, n), kLimit).status().code(), absl::StatusCode::kDataLoss)
        << n;
  }
}

TEST(InflateLimit, GrowsWithTheInputAndEnds) {
  EXPECT_GE(InflateLimit(0), size_t{100} << 20);
  EXPECT_GE(InflateLimit(size_t{300} << 20), size_t{10} << 30);
  EXPECT_LE(InflateLimit(~size_t{0}), size_t{16} << 30);
}

}  // namespace
}  // namespace tidemark::io
