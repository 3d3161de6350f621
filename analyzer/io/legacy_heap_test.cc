// The expected numbers are those of `go tool pprof -raw`.

#include "analyzer/io/legacy_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "analyzer/io/memory_map.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kData[] = TIDEMARK_SOURCE_DIR "/tests/data/legacy/";

std::shared_ptr<const Profile> Read(absl::string_view text) {
  const auto p = ReadLegacyHeap(text, "test", nullptr);
  EXPECT_TRUE(p.ok()) << p.status();
  return p.ok() ? *p : nullptr;
}

std::string Error(absl::string_view text) {
  const auto p = ReadLegacyHeap(text, "test", nullptr);
  EXPECT_EQ(p.status().code(), absl::StatusCode::kDataLoss);
  return std::string(p.status().message());
}

TEST(LegacyHeap, UnsamplesByMeanSize) {
  const auto opened = OpenFile(std::string(kData) + "heap_v2.heap");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Profile& p = **opened;
  EXPECT_EQ(p.period(), 524288);
  ASSERT_EQ(p.sample_types().size(), 4u);
  EXPECT_EQ(p.string(p.sample_types()[0].type), "alloc_objects");
  EXPECT_THAT(p.values(0), ElementsAre(245775, 3076, 9, 32769));
  EXPECT_THAT(p.values(1), ElementsAre(15729600, 4725507, 9701573, 1048608));
  EXPECT_THAT(p.values(2), ElementsAre(65540, 1025, 1, 0));
  EXPECT_THAT(p.values(3), ElementsAre(4194560, 1575169, 1212696, 0));
}

TEST(LegacyHeap, LabelsTheBlockSizeBeforeScaling) {
  const auto opened = OpenFile(std::string(kData) + "heap_v2.heap");
  ASSERT_TRUE(opened.ok());
  const Profile& p = **opened;
  const auto size = [&](size_t i) { return p.labels(p.sample_labels()[i])[0].num; };
  EXPECT_EQ(size(0), 64);
  EXPECT_EQ(size(1), 1536);
  EXPECT_EQ(size(2), 1048576);
}

TEST(LegacyHeap, PutsAddressesOnTheCallAndInTheirModule) {
  const auto opened = OpenFile(std::string(kData) + "heap_v2.heap");
  ASSERT_TRUE(opened.ok());
  const Profile& p = **opened;
  const auto stack = p.stack(p.sample_stacks()[0]);
  ASSERT_EQ(stack.size(), 3u);
  EXPECT_EQ(p.location(stack[0]).address, 0x55ca8f82234au);
  const Mapping& main = p.mapping(p.location(stack[0]).mapping);
  EXPECT_EQ(p.string(main.file), "/usr/bin/heapprog");
  EXPECT_EQ(main.offset, 0x1000u);
  EXPECT_EQ(p.string(p.mapping(p.location(stack[2]).mapping).file),
            "/usr/lib/x86_64-linux-gnu/libc.so.6");
  ASSERT_EQ(p.mappings().size(), 2u);  // what is not executable is left out
  EXPECT_THAT(std::string(p.string(p.drop_frames())), HasSubstr("operator new"));
}

TEST(LegacyHeap, ScalesNothingOfAFullProfile) {
  const auto opened = OpenFile(std::string(kData) + "gperftools.heap");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Profile& p = **opened;
  EXPECT_EQ(p.period(), 1);
  EXPECT_EQ(p.values(2)[0], 20000);
  EXPECT_EQ(p.values(3)[0], 2020000);
}

TEST(LegacyHeap, HasTwoColumnsWhenTheBracketSaysNothingNew) {
  const auto p = Read("heap profile: 1: 8 [1: 8] @ growthz\n 1: 8 [ 1: 8] @ 0x10\n");
  ASSERT_NE(p, nullptr);
  ASSERT_EQ(p->sample_types().size(), 2u);
  EXPECT_EQ(p->string(p->sample_types()[1].type), "space");
  EXPECT_EQ(p->period(), 1);
}

TEST(LegacyHeap, HalvesGosRate) {
  const auto p = Read("heap profile: 1: 8 [2: 16] @ heap/1048576\n1: 8 [2: 16] @ 0x10 0x20\n");
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->period(), 524288);
  EXPECT_THAT(p->values(2), ElementsAre(65536));
}

TEST(LegacyHeap, ReadsABriefMapWithSubstitutions) {
  const auto opened = OpenFile(std::string(kData) + "brief_map.heap");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Profile& p = **opened;
  ASSERT_EQ(p.mappings().size(), 3u);
  EXPECT_EQ(p.string(p.mappings()[0].file), "/opt/app/bin/server");
  EXPECT_EQ(p.string(p.mappings()[0].build_id), "abcdef0123");
  // 0x9998 lies nowhere: in the nameless mapping that pprof makes for such addresses.
  const auto stack = p.stack(p.sample_stacks()[1]);
  EXPECT_EQ(p.location(stack[1]).mapping, MappingId{2});
  EXPECT_EQ(p.mappings()[2].limit, ~uint64_t{0});
}

TEST(LegacyHeap, SaysWhichLineIsWrong) {
  const std::string head = "heap profile: 1: 8 [1: 8] @ heapprofile\n";
  EXPECT_THAT(Error("heap profile: nonsense\n"), HasSubstr("byte offset 0"));
  EXPECT_THAT(Error(head + "1: 8 [1: 8] 0x10\n"), HasSubstr("byte offset 40"));
  EXPECT_THAT(Error(head + "0: 8 [1: 8] @ 0x10\n"), HasSubstr("0 objects have 8 bytes"));
  EXPECT_THAT(Error(head + "1: 8 [1: 8] @ 0x1ffffffffffffffff\n"), HasSubstr("address"));
  EXPECT_THAT(Error(head + "99999999999999999999: 8 [1: 8] @ 0x10\n"), HasSubstr("expected"));
  EXPECT_THAT(Error(head + "-1: -9223372036854775808 [1: 8] @ 0x10\n"), HasSubstr("range"));
}

TEST(LegacyHeap, SurvivesEveryPrefixAndFlippedByte) {
  std::ifstream file(std::string(kData) + "heap_v2.heap");
  std::stringstream contents;
  contents << file.rdbuf();
  const std::string text = contents.str();
  ASSERT_GT(text.size(), 500u);
  for (size_t n = 0; n < text.size(); ++n) {
    (void)ReadLegacyHeap(text.substr(0, n), "test", nullptr);
    for (const char mask : {'\x01', '\x10', '\x80', '\x1b'}) {
      std::string spoiled = text;
      spoiled[n] = static_cast<char>(spoiled[n] ^ mask);
      (void)ReadLegacyHeap(spoiled, "test", nullptr);
    }
  }
}

TEST(MemoryMap, JoinsAdjacentPiecesAndPutsTheMainBinaryFirst) {
  LineReader lines(
      "x.cc:12] 7f00-8000 r-xp 00000000 08:01 7 /lib/libc.so.6\n"
      "10000-11000 r-xp 00000000 08:01 9 /bin/prog\n"
      "11000-12000 r-xp 00001000 08:01 9 /bin/prog\n"
      "20000-21000 rw-p 00000000 00:00 0\n"
      "not a mapping\n");
  const std::vector<MappedRange> ranges = ReadMemoryMap(lines);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].file, "/bin/prog");
  EXPECT_EQ(ranges[0].limit, 0x12000u);
  EXPECT_EQ(ranges[1].start, 0x7f00u);
}

TEST(RangeFinder, ExtendsARangeDownToItsFilesStart) {
  std::vector<MappedRange> ranges(2);
  ranges[0] = {.start = 0x10000, .limit = 0x20000, .offset = 0, .file = "a", .build_id = ""};
  ranges[1] = {.start = 0x50000, .limit = 0x60000, .offset = 0x4000, .file = "b", .build_id = ""};
  RangeFinder finder(ranges);
  EXPECT_EQ(finder.Find(0x1ffff), 0u);
  EXPECT_EQ(finder.Find(0x20000), RangeFinder::kNone);
  EXPECT_EQ(finder.Find(0x4bfff), RangeFinder::kNone);
  EXPECT_EQ(finder.Find(0x4c000), 1u);
  EXPECT_EQ(ranges[1].start, 0x4c000u);
  EXPECT_EQ(ranges[1].offset, 0u);
}

}  // namespace
}  // namespace tidemark::io
