// The smaller legacy formats. The expected samples are those of `go tool pprof -raw`, which
// tests/conformance compares on more files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_replace.h"
#include "analyzer/io/legacy_contention.h"
#include "analyzer/io/legacy_count.h"
#include "analyzer/io/legacy_java.h"
#include "analyzer/io/legacy_testing.h"
#include "analyzer/io/legacy_text.h"
#include "analyzer/io/legacy_threads.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using ::testing::HasSubstr;

std::string FileBytes(absl::string_view name) {
  std::ifstream file(absl::StrCat(kLegacyData, name), std::ios::binary);
  std::stringstream contents;
  contents << file.rdbuf();
  EXPECT_FALSE(contents.str().empty()) << name;
  return contents.str();
}

// Through OpenBytes, so that the format is recognized too.
std::string DumpOfFile(absl::string_view name) {
  const auto p = OpenBytes(FileBytes(name), name);
  return p.ok() ? Dump(**p) : std::string(p.status().message());
}

void ExpectWellBehaved(ReadFunction read, absl::string_view file) {
  const std::string bytes = FileBytes(file);
  ExpectSurvivesSpoiling(read, bytes);
  ExpectCancels(read, bytes);
  ExpectProgress(read, bytes);
}

TEST(GoInt, ReadsAllOfGosForms) {
  const auto value = [](absl::string_view text) {
    int64_t out = -1234;
    return ReadGoInt(text, out) ? out : -1234;
  };
  EXPECT_EQ(value("0"), 0);
  EXPECT_EQ(value("+31"), 31);
  EXPECT_EQ(value("0x1f"), 31);
  EXPECT_EQ(value("-0X1F"), -31);
  EXPECT_EQ(value("017"), 15);
  EXPECT_EQ(value("0o17"), 15);
  EXPECT_EQ(value("0b11"), 3);
  EXPECT_EQ(value("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (const char* none : {"", "-", "08", "0x", "1 ", "9223372036854775808", "--1", "1.5"}) {
    EXPECT_EQ(value(none), -1234) << none;
  }
}

TEST(LegacyCount, ReadsGoroutinesOfGo) {
  const std::string dump = DumpOfFile("go-1.26.goroutine.debug1.txt");
  EXPECT_THAT(dump, HasSubstr("goroutine/count\n3: 47dc2d@ 4158ed@ "));
}

TEST(LegacyCount, ReadsCommentsMapAndOctalNumbers) {
  EXPECT_EQ(DumpOf(ReadLegacyCount,
                   "# words\n\nmy.own/type profile: total 9\n010 @ 0x1001\n# x\n1 @ 0x1001 0x0\n"
                   "--- more ---\nwords\nMAPPED_LIBRARIES:\n1000-2000: /bin/a\n"),
            "my.own/type/count\n8: 1000@/bin/a\n1: 1000@/bin/a ffffffffffffffff@\n");
}

TEST(LegacyCount, SaysWhichLineIsWrong) {
  const std::string head = "goroutine profile: total 1\n";
  for (const char* line : {"1 @", "1 @ ", "1 @  0x12", "1 @ 0xAB", "x @ 0x1", "09 @ 0x1",
                           "1 @ 0x11111222223333344", "1 @ 0x1 "}) {
    EXPECT_THAT(DumpOf(ReadLegacyCount, head + line + "\n"),
                HasSubstr("expected \"COUNT @ 0xADDRESS...\" (where: test, byte offset 27)"))
        << line;
  }
  ExpectWellBehaved(ReadLegacyCount, "go-1.26.goroutine.debug1.txt");
}

TEST(LegacyContention, ReadsTheMutexProfileOfGo) {
  const auto p = OpenBytes(FileBytes("go-1.26.mutex.debug1.txt"), "x");
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->period(), 5);
  EXPECT_THAT(Dump(**p), HasSubstr("contentions/count delay/nanoseconds\n"));
  EXPECT_THAT(std::string((*p)->string((*p)->drop_frames())), HasSubstr("~SpinLockHolder"));
}

TEST(LegacyContention, ScalesByPeriodAndCycles) {
  const auto p = OpenBytes(FileBytes("contentionz.txt"), "x");
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->duration_ns(), 75'000'000'000);
  const std::string dump = Dump(**p);
  EXPECT_THAT(dump, HasSubstr("\n300 200000000: 40a1c6@queue_server"));
  EXPECT_THAT(dump, HasSubstr("\n100 29884: "));
  // Without cycles per second the delay is taken as it is, whatever the period.
  EXPECT_EQ(DumpOf(ReadLegacyContention, "--- mutex:\nsampling period = 7\n5 2 @ 0x2\n"),
            "contentions/count delay/nanoseconds\n14 5: 1@\n");
}

TEST(LegacyContention, TakesASingleNumberApartAsPprofDoes) {
  EXPECT_EQ(DumpOf(ReadLegacyContention, "--- contention:\n1234 @ 0x2\n"),
            "contentions/count delay/nanoseconds\n4 123: 1@\n");
}

TEST(LegacyContention, SaysWhichLineIsWrong) {
  EXPECT_THAT(DumpOf(ReadLegacyContention, "--- mutex:\nformat = java\n"),
              HasSubstr("byte offset 11"));
  EXPECT_THAT(DumpOf(ReadLegacyContention, "--- mutex:\n1 @ 0x5\n"),
              HasSubstr("expected \"CYCLES COUNT @ 0xADDRESS...\""));
  EXPECT_THAT(DumpOf(ReadLegacyContention, "--- mutex:\ncycles/second = fast\n"),
              HasSubstr("and a number"));
  ExpectWellBehaved(ReadLegacyContention, "contentionz.txt");
}

TEST(LegacyThreads, CountsThreadsByStack) {
  EXPECT_EQ(DumpOfFile("threadz.txt"),
            "thread/count\n"
            "1: 40a1c7@queue_server 40b301@queue_server 7f12c0027d1c@\n"
            "2: 7f12c000bf7d@/lib/libpthread-2.36.so 7f12c000714d@/lib/libpthread-2.36.so "
            "40c50b@queue_server\n"
            // The leaf was there twice, once as a return address.
            "1: 40a1c8@queue_server 40b301@queue_server\n");
  ExpectWellBehaved(ReadLegacyThreads, "threadz.txt");
}

TEST(LegacyThreads, EndsWithAMapOrWithThreadsThatHaveNoStack) {
  const std::string thread = "--- Thread 1f (name: a/b/7) stack: ---\n 0x10 0x20\n";
  EXPECT_EQ(DumpOf(ReadLegacyThreads, thread + "---- no stack trace for 9 ----\n"),
            "thread/count\n1: 10@ 1f@\n");
  EXPECT_THAT(DumpOf(ReadLegacyThreads, thread), HasSubstr("expected \"--- Thread ID"));
  EXPECT_THAT(DumpOf(ReadLegacyThreads, "--- threadz 1 ---\n"), HasSubstr("byte offset 0"));
  EXPECT_TRUE(IsLegacyThreads("# x\nwords --- threadz 1 ---"));
  EXPECT_FALSE(IsLegacyThreads("2\x11--- threadz 1 ---"));  // a string of a protobuf
}

TEST(LegacyJava, NamesFramesAndUnsamplesTheHeap) {
  EXPECT_EQ(DumpOfFile("java.heap"),
            "inuse_objects/count inuse_space/bytes\n"
            "74 527819: java.util.HashMap.resize[HashMap.java:704] "
            "com.example.Cache.insert[Cache.java:56] com.example.Main.main[Main.java:12] "
            "bytes=7048\n"
            "28686 14687233: java.util.HashMap.resize[HashMap.java:704] "
            "com.example.Cache.insert[Cache.java:61] com.example.Main.main[Main.java:12] "
            "bytes=512\n"
            "1 1212696: java.nio.ByteBuffer.allocate[ByteBuffer.java:0] "
            "com.example.Main.main[Main.java:12] bytes=1048576\n"
            "16386 2097408: Unsafe_AllocateMemory0[libjvm.so:0] STUB[:0] "
            "com.example.Main.main[Main.java:12] bytes=128\n"
            "21845 524300: @ bytes=24\n");
  ExpectWellBehaved(ReadLegacyJava, "java.heap");
}

TEST(LegacyJava, ReadsContention) {
  const auto p = OpenBytes(FileBytes("java.contention"), "x");
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->duration_ns(), 6019923'000'000);
  EXPECT_THAT(Dump(**p), HasSubstr("contentions/count delay/microseconds\n100 100: "));
  EXPECT_THAT(Dump(**p), HasSubstr("\n300 21000: GC[:0]\n"));
  ExpectWellBehaved(ReadLegacyJava, "java.contention");
}

TEST(LegacyJava, SaysWhichLineIsWrong) {
  const std::string head = "--- heapz 1 ---\nformat = java\nresolution = bytes\n";
  EXPECT_THAT(DumpOf(ReadLegacyJava, head + "5 0 @ 0x1\n"), HasSubstr("byte offset 49"));
  EXPECT_THAT(DumpOf(ReadLegacyJava, "--- heapz 1 ---\nformat = c\n"),
              HasSubstr("expected \"format = java\""));
  EXPECT_THAT(DumpOf(ReadLegacyJava, "--- heapz 1 ---\nformat = java\n5 1 @ 0x1\n"),
              HasSubstr("expected \"resolution = UNIT\""));
}

TEST(LegacyFormats, AreTriedInPprofsOrder) {
  // Both the C++ and the Java profile begin with this line.
  EXPECT_FALSE(IsLegacyContention(FileBytes("java.contention")));
  EXPECT_TRUE(IsLegacyJava(FileBytes("java.contention")));
  EXPECT_TRUE(IsLegacyContention(FileBytes("contentionz.txt")));
  // In C++'s a comment, for Java an attribute: C++ comes first.
  EXPECT_THAT(DumpOfFile("contentionz.txt"), HasSubstr("delay/nanoseconds"));
  const auto p = OpenBytes("--- contentionz 1 ---\n# resolution = us\n1 2 @ 0x2\n", "x");
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_THAT(Dump(**p), HasSubstr("delay/nanoseconds"));
}

}  // namespace
}  // namespace tidemark::io
