#include "analyzer/io/heaptrack_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "analyzer/io/inflate.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kData[] = TIDEMARK_SOURCE_DIR "/tests/data/heaptrack/";

absl::StatusOr<std::shared_ptr<const Profile>> ReadText(absl::string_view text,
                                                        Progress* progress = nullptr) {
  const std::unique_ptr<ByteSource> source = MemorySource(text);
  return ReadHeaptrack(*source, "x", progress);
}

std::vector<int64_t> Row(const Profile& p, size_t sample) {
  std::vector<int64_t> row;
  for (size_t i = 0; i < p.sample_types().size(); ++i) row.push_back(p.values(i)[sample]);
  return row;
}

std::string MessageOf(absl::string_view text) {
  return std::string(ReadText(text).status().message());
}

// main calls f, which inlines g; f allocates 16 bytes twice and 256 bytes once.
constexpr char kSmall[] =
    "v 10400 3\n"
    "X prog --flag\n"
    "I 1000 10\n"
    "s 9 /bin/prog\n"
    "s 4 main\n"
    "s 3 a.c\n"
    "s 1 f\n"
    "s 1 g\n"
    "i 4010 1 2 3 7\n"
    "i 4020 1 5 3 2 4 3 9\n"
    "t 1 0\n"
    "t 2 1\n"
    "a 10 2\n"
    "a 100 2\n"
    "+ 0\n"
    "+ 1\n"
    "c 5\n"
    "R 3\n"
    "- 1\n"
    "+ 0\n"
    "c 7d0\n"
    "# strings: 5\n";

TEST(ReadHeaptrack, CountsBlocksBytesAndThePeak) {
  const auto opened = ReadText(kSmall);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Profile& p = **opened;
  std::vector<std::string> types;
  for (const ValueType& type : p.sample_types()) {
    types.push_back(std::string(p.string(type.type)) + "/" + std::string(p.string(type.unit)));
  }
  EXPECT_THAT(types, ElementsAre("alloc_objects/count", "alloc_space/bytes", "inuse_objects/count",
                                 "inuse_space/bytes", "peak_objects/count", "peak_space/bytes",
                                 "temporary_objects/count"));
  EXPECT_EQ(p.default_sample_type_index(), 3);
  EXPECT_EQ(p.period(), 1);
  EXPECT_EQ(p.duration_ns(), 2000000000);
  ASSERT_EQ(p.sample_count(), 2u);
  EXPECT_THAT(Row(p, 0), ElementsAre(2, 32, 2, 32, 1, 16, 0));
  EXPECT_THAT(Row(p, 1), ElementsAre(1, 256, 0, 0, 1, 256, 1));
  EXPECT_EQ(p.labels(p.sample_labels()[1])[0].num, 256);
  EXPECT_EQ(p.string(p.comments()[0]), "tidemark.command_line=prog --flag");
}

TEST(ReadHeaptrack, KeepsInlinedCallsFilesAndLines) {
  const auto opened = ReadText(kSmall);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Profile& p = **opened;
  const auto stack = p.stack(p.sample_stacks()[0]);
  ASSERT_EQ(stack.size(), 2u);
  EXPECT_EQ(p.location(stack[0]).address, 0x4020u);
  const auto lines = p.lines(stack[0]);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(p.string(p.function(lines[0].function).name), "g");
  EXPECT_EQ(lines[0].line, 2);
  EXPECT_EQ(p.string(p.function(lines[1].function).name), "f");
  EXPECT_EQ(lines[1].line, 9);
  EXPECT_EQ(p.string(p.function(lines[1].function).filename), "a.c");
  EXPECT_EQ(p.string(p.mapping(p.location(stack[0]).mapping).file), "/bin/prog");
  EXPECT_EQ(p.string(p.function(p.lines(stack[1])[0].function).name), "main");
}

TEST(ReadHeaptrack, PeakIsTheFirstTimeOfTheMaximum) {
  const std::string head = "v 10400 3\nt 0 0\na 8 1\na 8 1\n";
  const auto opened = ReadText(head + "+ 0\n+ 1\n- 0\n- 1\n+ 1\n+ 1\n- 1\n");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(Row(**opened, 0), ElementsAre(1, 8, 0, 0, 1, 8, 0));
  EXPECT_THAT(Row(**opened, 1), ElementsAre(3, 24, 1, 8, 1, 8, 1));
}

TEST(ReadHeaptrack, ReadsOlderVersions) {
  for (const char* version : {"v 10200\n", "v 10200 1\n", "v 10300 2\n"}) {
    const auto opened = ReadText(std::string(version) +
                                 "s /bin/a b\ns some function(int)\ni 10 1 2\nt 1 0\na 8 1\n+ 0\n");
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->string((*opened)->functions()[0].name), "some function(int)");
    EXPECT_EQ((*opened)->string((*opened)->mappings()[0].file), "/bin/a b");
  }
}

TEST(ReadHeaptrack, LeavesOutALineWithoutItsEnd) {
  std::string text(kSmall);
  const auto whole = ReadText(text + "- 0\n");
  const auto cut = ReadText(text + "- 0");
  ASSERT_TRUE(whole.ok() && cut.ok());
  EXPECT_THAT(Row(**whole, 0), ElementsAre(2, 32, 1, 16, 1, 16, 1));
  EXPECT_THAT(Row(**cut, 0), ElementsAre(2, 32, 2, 32, 1, 16, 0));
}

TEST(ReadHeaptrack, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(MessageOf("v 10400 3\ns 5 abc\n"), HasSubstr("(where: x, byte offset 10)"));
  EXPECT_THAT(MessageOf("v 10400 3\n+ 0\n"), HasSubstr("not announced"));
  EXPECT_THAT(MessageOf("v 10400 3\na 8 0\n- 0\n"), HasSubstr("not allocated"));
  EXPECT_THAT(MessageOf("v 10400 3\nt 1 0\n"), HasSubstr("later or never"));
  EXPECT_THAT(MessageOf("v 10400 3\nt 0 1\n"), HasSubstr("later or never"));
  EXPECT_THAT(MessageOf("v 10400 3\na 8 1\n"), HasSubstr("unknown trace"));
  EXPECT_THAT(MessageOf("v 10400 3\na 10000000000000000 0\n"), HasSubstr("without a size"));
  EXPECT_THAT(MessageOf("v 10400 3\na ffffffffffffffff 0\n+ 0\n"), HasSubstr("2^63"));
  EXPECT_THAT(MessageOf("v 10400 3\ni 10 1\n"), HasSubstr("unknown module"));
  EXPECT_THAT(MessageOf("v 10400 3\ni 10 0 1\n"), HasSubstr("string that does not exist"));
  EXPECT_THAT(MessageOf("v 10400 3\nv 10400 3\n"), HasSubstr("second recording"));
  EXPECT_THAT(MessageOf("v 10400 3\n?\n"), HasSubstr("unknown kind"));
  EXPECT_THAT(MessageOf("v 10400 3\n" + std::string(8 << 20, '#')), HasSubstr("line is longer"));
  EXPECT_THAT(MessageOf("v 10400 4\n"), HasSubstr("version 4"));
  EXPECT_EQ(ReadText("v 10400 4\n").status().code(), absl::StatusCode::kUnimplemented);
}

TEST(ReadHeaptrack, SaysWhatToDoWithARawRecording) {
  const auto opened = OpenFile(std::string(kData) + "ls.raw.zst");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("heaptrack_interpret"));
}

// 100,000 deep once is a profile; each of 100,000 traces written out would be 20 GB.
TEST(ReadHeaptrack, BoundsWhatDeepTracesTake) {
  std::string text = "v 10400 3\ni 10 0\n";
  constexpr int kDepth = 100000;
  for (int i = 0; i < kDepth; ++i) text += "t 1 " + absl::StrCat(absl::Hex(i)) + "\n";
  const auto deep = ReadText(text + "a 8 186a0\n+ 0\n");
  ASSERT_TRUE(deep.ok()) << deep.status();
  EXPECT_EQ((*deep)->stack((*deep)->sample_stacks()[0]).size(), size_t{kDepth});
  for (int i = 0; i < kDepth; ++i) {
    text += absl::StrCat("a 8 ", absl::Hex(i + 1), "\n+ ", absl::Hex(i), "\n");
  }
  EXPECT_EQ(ReadText(text).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ReadHeaptrack, CountsProgressAndCanBeCancelled) {
  std::string text = kSmall;
  for (int i = 0; i < 10000; ++i) text += "+ 0\n";
  Progress progress;
  ASSERT_TRUE(ReadText(text, &progress).ok());
  EXPECT_EQ(progress.done.load(), text.size());
  progress.cancelled = true;
  EXPECT_EQ(ReadText(text, &progress).status().code(), absl::StatusCode::kCancelled);
}

TEST(ReadHeaptrack, IsFoundInAnyPacking) {
  const auto plain = OpenBytes(kSmall, "x");
  const auto packed = OpenBytes(Gzip(kSmall), "x");
  // Members are cut anywhere.
  const std::string text(kSmall);
  const auto members = OpenBytes(Gzip(text.substr(0, 3)) + Gzip("") + Gzip(text.substr(3)), "x");
  ASSERT_TRUE(plain.ok() && packed.ok() && members.ok()) << members.status();
  EXPECT_EQ((*plain)->sample_count(), 2u);
  EXPECT_EQ((*packed)->sample_count(), 2u);
  EXPECT_EQ((*members)->sample_count(), 2u);
  const auto zstd = OpenFile(std::string(kData) + "sqlite3.zst");
  ASSERT_TRUE(zstd.ok()) << zstd.status();
  EXPECT_EQ((*zstd)->string((*zstd)->mappings()[0].file), "/usr/bin/sqlite3");
}

// A few KiB that say thousands of times as much.
TEST(ReadHeaptrack, RefusesABomb) {
  std::string text = "v 10400 3\n";
  const std::string line = "a 8 0\n";
  while (text.size() < size_t{40} << 20) text += line;
  EXPECT_EQ(OpenBytes(Gzip(text), "x").status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tidemark::io
