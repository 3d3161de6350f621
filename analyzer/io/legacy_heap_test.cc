// The expected numbers are those of `go tool pprof -raw`.

#include "analyzer/io/legacy_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "analyzer/io/legacy_testing.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  const auto opened = OpenFile(std::string(kLegacyData) + "heap_v2.heap");
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
  const auto opened = OpenFile(std::string(kLegacyData) + "heap_v2.heap");
  ASSERT_TRUE(opened.ok());
  const Profile& p = **opened;
  const auto size = [&](size_t i) { return p.labels(p.sample_labels()[i])[0].num; };
  EXPECT_EQ(size(0), 64);
  EXPECT_EQ(size(1), 1536);
  EXPECT_EQ(size(2), 1048576);
}

TEST(LegacyHeap, PutsAddressesOnTheCallAndInTheirModule) {
  const auto opened = OpenFile(std::string(kLegacyData) + "heap_v2.heap");
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
  const auto opened = OpenFile(std::string(kLegacyData) + "gperftools.heap");
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
  const auto opened = OpenFile(std::string(kLegacyData) + "brief_map.heap");
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
  EXPECT_THAT(Error(head + "99999999999999999999: 8 [1: 8] @ 0x10\n"), HasSubstr("64 bits"));
  EXPECT_THAT(Error("heap profile: 1: 8 [1: 8] @ heap_v3/5\n"), HasSubstr("another kind"));
}

TEST(LegacyHeap, FindsASampleBetweenOtherWords) {
  EXPECT_EQ(DumpOf(ReadLegacyHeap,
                   "heap profile: 1: 8 [1: 8] @ heapprofile\r\n"
                   "\r\n# 1: 2 [3: 4] @ 0x5\r\n"
                   "line 7: 2:   16   [ 1: 8] @ 0x10 x0x20 g 0x30\r\n"),
            "objects/count space/bytes\n2 16: f@ 1f@ bytes=8\n");
}

TEST(LegacyHeap, ComparesTheColumnsAsWritten) {
  EXPECT_EQ(DumpOf(ReadLegacyHeap,
                   "heap profile: 1: 8 [01: 8] @ heapprofile\n"
                   "1: 8 [ 1: 8] @ 0x10\n"),
            "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\n"
            "1 8 1 8: f@ bytes=8\n");
}

TEST(LegacyHeap, WrapsAroundWhereGoDoes) {
  EXPECT_EQ(DumpOf(ReadLegacyHeap,
                   "heap profile: 1: 8 [1: 8] @ heapprofile\n"
                   "-1: -9223372036854775808 [1: 8] @ 0x0\n"),
            "objects/count space/bytes\n"
            "-1 -9223372036854775808: ffffffffffffffff@ bytes=-9223372036854775808\n");
  // So small a part was sampled that what it stands for has no number.
  EXPECT_EQ(DumpOf(ReadLegacyHeap,
                   "heap profile: 1: 8 [1: 8] @ heap_v2/4611686018427387904\n"
                   "1: 1 [1: 1] @\n"),
            "objects/count space/bytes\n"
            "-9223372036854775808 -9223372036854775808: bytes=1\n");
}

TEST(LegacyHeap, IsRecognizedByItsFirstLineOnly) {
  EXPECT_TRUE(IsLegacyHeap("heap profile: nonsense\n"));
  EXPECT_FALSE(IsLegacyHeap("\nheap profile: 1: 8 [1: 8] @ heapprofile\n"));
  EXPECT_FALSE(IsLegacyHeap("heap profile: total 5\n"));
  EXPECT_FALSE(IsLegacyHeap(absl::string_view("2\0heap profile: 1: 8", 20)));  // a protobuf
}

TEST(LegacyHeap, SurvivesEveryPrefixAndFlippedByte) {
  std::ifstream file(std::string(kLegacyData) + "heap_v2.heap");
  std::stringstream contents;
  contents << file.rdbuf();
  ASSERT_GT(contents.str().size(), 500u);
  ExpectSurvivesSpoiling(ReadLegacyHeap, contents.str());
  ExpectCancels(ReadLegacyHeap, contents.str());
  ExpectProgress(ReadLegacyHeap, contents.str());
}

}  // namespace
}  // namespace tidemark::io
