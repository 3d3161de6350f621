// The expected samples are those of `go tool pprof -raw`.

#include "analyzer/io/legacy_cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "analyzer/io/legacy_testing.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using ::testing::HasSubstr;

std::string Words(const std::vector<uint64_t>& words, size_t word_bytes = 8,
                  bool big_endian = false) {
  std::string out;
  for (const uint64_t word : words) {
    for (size_t i = 0; i < word_bytes; ++i) {
      const size_t shift = 8 * (big_endian ? word_bytes - 1 - i : i);
      out.push_back(static_cast<char>(word >> shift & 0xff));
    }
  }
  return out;
}

std::string FileBytes(const char* name) {
  std::ifstream file(std::string(kLegacyData) + name, std::ios::binary);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

TEST(LegacyCpu, ReadsWordsOfAllKinds) {
  const std::vector<uint64_t> words = {0, 3, 0, 10000, 0, 2, 2, 0x1010, 0x2021, 0, 1, 0};
  const std::string map = "1000-3000: /bin/a\n";
  const std::string expected =
      "samples/count cpu/nanoseconds\n2 20000000: 1010@/bin/a 2020@/bin/a\n";
  // With a second sample of another stack, nothing stands behind all leaves.
  for (const size_t word_bytes : {4, 8}) {
    for (const bool big_endian : {false, true}) {
      std::vector<uint64_t> two = words;
      two.insert(two.end() - 3, {1, 2, 0x1010, 0x2031});
      const std::string bytes = Words(two, word_bytes, big_endian) + map;
      ASSERT_TRUE(IsLegacyCpu(bytes));
      EXPECT_EQ(DumpOf(ReadLegacyCpu, bytes), expected + "1 10000000: 1010@/bin/a 2030@/bin/a\n");
    }
  }
}

TEST(LegacyCpu, LeavesOutWhatTheSignalPushed) {
  // Two frames behind the leaf are in all 40 samples but one, a third one too.
  std::vector<uint64_t> words = {0, 3, 0, 1000, 0};
  for (uint64_t i = 0; i < 39; ++i) {
    words.insert(words.end(), {1, 5, 0x10 + i, 0x101, 0x201, 0x301, 0x400 + 2 * i});
  }
  words.insert(words.end(), {1, 3, 0x99, 0x801, 0x901, 0, 1, 0});
  const std::string dump = DumpOf(ReadLegacyCpu, Words(words));
  EXPECT_THAT(dump, HasSubstr("\n1 1000000: 10@ 300@ 3ff@\n"));
  EXPECT_THAT(dump, HasSubstr("\n1 1000000: 99@ 800@ 900@\n"));
  // One more without them is too many.
  words.insert(words.end() - 3, {1, 3, 0x99, 0x801, 0x901});
  EXPECT_THAT(DumpOf(ReadLegacyCpu, Words(words)), HasSubstr("\n1 1000000: 10@ 100@ 200@ 300@"));
}

TEST(LegacyCpu, LeavesOutARepeatedLeaf) {
  EXPECT_EQ(DumpOf(ReadLegacyCpu,
                   Words({0, 3, 0, 1, 0, 1, 3, 0x50, 0x50, 0x61, 1, 2, 0x50, 0x71, 0, 1, 0})),
            "samples/count cpu/nanoseconds\n1 1000: 50@ 60@\n1 1000: 50@ 70@\n");
}

TEST(LegacyCpu, MayEndWithoutAnEnd) {
  EXPECT_EQ(DumpOf(ReadLegacyCpu, Words({0, 3, 0, 1, 0, 3, 1, 0x50})),
            "samples/count cpu/nanoseconds\n3 3000: 50@\n");
}

TEST(LegacyCpu, ReadsRealProfiles) {
  const auto gperftools = OpenFile(std::string(kLegacyData) + "gperftools.cpu");
  ASSERT_TRUE(gperftools.ok()) << gperftools.status();
  EXPECT_EQ((*gperftools)->period(), 1'000'000);
  EXPECT_EQ((*gperftools)->string((*gperftools)->mappings()[0].file), "/opt/app/cpuprog");
  const auto java = OpenFile(std::string(kLegacyData) + "java.cpu");
  ASSERT_TRUE(java.ok()) << java.status();
  EXPECT_EQ(Dump(**java),
            "samples/count cpu/nanoseconds\n"
            "4 40000000: com.example.Hash.mix[Hash.java:9] com.example.Main.main[Main.java:12]\n"
            "1 10000000: memcpy[libc.so.6:0] com.example.Hash.mix[Hash.java:9] "
            "com.example.Main.main[Main.java:12]\n"
            "2 20000000: @\n");
}

TEST(LegacyCpu, SaysWhereItIsCut) {
  EXPECT_THAT(DumpOf(ReadLegacyCpu, Words({0, 3, 0, 1, 0, 3})),
              HasSubstr("expected a count and a stack size (where: test, byte offset 40)"));
  EXPECT_THAT(DumpOf(ReadLegacyCpu, Words({0, 3, 0, 1, 0, 3, 2, 0x50})),
              HasSubstr("a stack of 2 addresses reaches beyond the end"));
  EXPECT_THAT(DumpOf(ReadLegacyCpu, Words({0, 3, 0, 1, 0, 3, ~uint64_t{0}, 0x50})),
              HasSubstr("byte offset 40"));
  EXPECT_FALSE(IsLegacyCpu(Words({0, 3, 2, 1, 0})));
  EXPECT_FALSE(IsLegacyCpu(Words({0, 3, 0, 0, 0})));
  EXPECT_FALSE(IsLegacyCpu(Words({0, 3, 0, 1})));
}

TEST(LegacyCpu, SurvivesEveryPrefixAndFlippedByte) {
  for (const char* name : {"big-endian-32.cpu", "java.cpu"}) {
    ExpectSurvivesSpoiling(ReadLegacyCpu, FileBytes(name));
    ExpectCancels(ReadLegacyCpu, FileBytes(name));
    ExpectProgress(ReadLegacyCpu, FileBytes(name));
  }
}

}  // namespace
}  // namespace tidemark::io
