// The expected sums are jeprof's.

#include "analyzer/io/jemalloc_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "analyzer/io/legacy_testing.h"
#include "analyzer/io/open.h"

namespace tidemark::io {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFile[] = TIDEMARK_SOURCE_DIR "/tests/data/jemalloc/threads.heap";

TEST(JemallocHeap, GivesEachThreadItsShareOfTheSum) {
  EXPECT_EQ(DumpOf(ReadJemallocHeap,
                   "heap_v2/1\n"
                   "  t*: 6: 70 [0: 0]\n"
                   "  t1: 4: 50 [0: 0] worker a\n"
                   "  t22: 2: 20 [0: 0]\n"
                   "@ 0x11 0x21\n"
                   "  t*: 5: 61 [0: 0]\n"  // more than the threads have: shared out
                   "  t1: 3: 40 [0: 0]\n"
                   "  t22: 1: 20 [0: 0]\n"
                   "@ 0x31\n"
                   "  t*: 1: 10 [0: 0]\n"
                   "\n"
                   "MAPPED_LIBRARIES:\n"
                   "10-20 r-xp 00000000 fe:00 1 /bin/a\n"),
            "inuse_objects/count inuse_space/bytes\n"
            "3 40: 10@/bin/a 20@ bytes=13 thread=worker a/1\n"
            "2 21: 10@/bin/a 20@ bytes=20 thread=t22\n"
            "1 10: 30@ bytes=10\n");
}

TEST(JemallocHeap, UnsamplesByMeanSize) {
  const std::string dump = DumpOf(ReadJemallocHeap,
                                  "heap_v2/524288\n  t*: 3: 3072 [9: 9216]\n"
                                  "@ 0x11\n  t*: 1: 1024 [3: 3072]\n  t0: 1: 1024 [3: 3072]\n");
  EXPECT_EQ(dump,
            "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\n"
            "1537 1574400 512 524800: 10@ bytes=1024 thread=t0\n");
}

TEST(JemallocHeap, ReadsARealDump) {
  const auto p = OpenFile(kFile);
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->period(), 131072);
  EXPECT_THAT(Dump(**p), HasSubstr("thread=worker 3/2"));
  EXPECT_THAT(Dump(**p), HasSubstr("@/opt/app/jemprog"));
}

TEST(JemallocHeap, SaysWhichLineIsWrong) {
  EXPECT_THAT(DumpOf(ReadJemallocHeap, "heap_v2/x\n"), HasSubstr("byte offset 0"));
  EXPECT_THAT(DumpOf(ReadJemallocHeap, "heap_v2/1\n@ 0x11\n  t*: 1: 2 3\n"),
              HasSubstr("expected \"@ 0xADDRESS...\""));
  EXPECT_THAT(DumpOf(ReadJemallocHeap, "heap_v2/1\n@ 0x11111222223333344\n"),
              HasSubstr("64 bits (where: test, byte offset 10)"));
  EXPECT_FALSE(IsJemallocHeap("heap_v2/"));
  EXPECT_FALSE(IsJemallocHeap(" heap_v2/1"));
}

TEST(JemallocHeap, ShareOfSumsTooLargeIsNone) {
  const std::string big = "9223372036854775807";
  const std::string counts = big + ": " + big + " [0: 0]\n";
  const std::string dump = DumpOf(ReadJemallocHeap, "heap_v2/1\n@ 0x11\n  t*: " + counts +
                                                        "  t0: " + counts + "  t1: " + counts);
  EXPECT_THAT(dump, HasSubstr(big + " " + big + ": 10@"));
  EXPECT_THAT(dump, Not(HasSubstr("thread=")));
}

TEST(JemallocHeap, SurvivesEveryPrefixAndFlippedByte) {
  std::ifstream file(kFile);
  std::stringstream contents;
  contents << file.rdbuf();
  const std::string text = contents.str().substr(0, 2000);
  ASSERT_EQ(text.size(), 2000u);
  ExpectSurvivesSpoiling(ReadJemallocHeap, text);
  ExpectCancels(ReadJemallocHeap, contents.str());
  ExpectProgress(ReadJemallocHeap, contents.str());
}

}  // namespace
}  // namespace tidemark::io
