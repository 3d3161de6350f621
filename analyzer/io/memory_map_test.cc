// The expected ranges are pprof's.

#include "analyzer/io/memory_map.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

std::vector<MappedRange> Read(absl::string_view text) {
  LegacyInput input(text, "the map", "test", nullptr);
  return ReadMemoryMap(input);
}

std::string Dump(const std::vector<MappedRange>& ranges) {
  std::string out;
  for (const MappedRange& r : ranges) {
    absl::StrAppend(&out, absl::Hex(r.start), "-", absl::Hex(r.limit), "/", absl::Hex(r.offset),
                    " ", r.file, " ", r.build_id, "\n");
  }
  return out;
}

TEST(MemoryMap, JoinsAdjacentPiecesAndPutsTheMainBinaryFirst) {
  EXPECT_EQ(Dump(Read("x.cc:12] 7f00-8000 r-xp 00000000 08:01 7 /lib/libc.so.6\n"
                      "10000-11000 r-xp 00000000 08:01 9 /bin/prog\n"
                      "11000-12000 r-xp 00001000 08:01 9 /bin/prog\n"
                      "20000-21000 rw-p 00000000 00:00 0\n"
                      "not a mapping\n")),
            "10000-12000/0 /bin/prog \n"
            "7f00-8000/0 /lib/libc.so.6 \n");
}

TEST(MemoryMap, ReadsTheBriefForm) {
  EXPECT_EQ(Dump(Read("0x40000-0x80000 /path/to/binary (@FF00) abc123456\n"
                      "90000 a0000: [vdso]\n"
                      "b0000-c0000 r-xp /lib/x.so.1 12ab rest\n"
                      "d0000-e0000 rw-p /data\n")),
            "40000-80000/ff00 /path/to/binary abc123456\n"
            "90000-a0000/0 [vdso] \n"
            "b0000-c0000/0 /lib/x.so.1 12ab\n");
}

TEST(MemoryMap, SubstitutesTheNameThatWasGivenFirst) {
  EXPECT_EQ(Dump(Read("lib=/opt\nlibs = /never\nlib=/later\nroot=$lib/r\n"
                      "1000-2000: $libs/a\n3000-4000: $root/$none\n")),
            "1000-2000/0 /opts/a \n3000-4000/0 /opt/r/$none \n");
}

TEST(MemoryMap, BoundsWhatSubstitutionsMakeOfALine) {
  // Each is twice the one before, until the line that gives it is too long.
  std::string text = "y0.=xxxxxxxxxxxxxxxx\n";
  for (int i = 1; i < 64; ++i) absl::StrAppend(&text, "y", i, ".=$y", i - 1, ".$y", i - 1, ".\n");
  absl::StrAppend(&text, "1000-2000: /$y3.\n3000-4000: /$y63.\n");
  const std::vector<MappedRange> ranges = Read(text);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].file, "/" + std::string(128, 'x'));
  EXPECT_LE(ranges[1].file.size(), 8192u);
}

TEST(MemoryMap, TakesNumbersApartAsPprofDoes) {
  EXPECT_EQ(Dump(Read("deadbeef /x\n")), "deadbee-f/0 /x \n");
  EXPECT_EQ(Dump(Read("7f00 08:01 12 /split\n")), "7f0-0/0 /split \n");
}

TEST(MemoryMap, UndoesHugePagesOfTheMainBinary) {
  EXPECT_EQ(Dump(Read("400000-600000 r-xp 00000000 00:0f 7 /anon_hugepage\n"
                      "600000-800000 r-xp 00200000 08:01 7 /bin/server\n")),
            "400000-800000/0 /bin/server \n");
}

// The rule as pprof applies it, range by range.
class PlainFinder {
 public:
  explicit PlainFinder(std::vector<MappedRange>& ranges) : ranges_(ranges) {}

  size_t Find(uint64_t address) {
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (ranges_[i].start <= address && address < ranges_[i].limit) return i;
    }
    for (size_t i = 0; i < ranges_.size() && !missed_; ++i) {
      MappedRange& r = ranges_[i];
      if (r.offset != 0 && r.start - r.offset <= address && address < r.start) {
        r.start -= r.offset;
        r.offset = 0;
        return i;
      }
    }
    missed_ = true;
    return RangeFinder::kNone;
  }

 private:
  std::vector<MappedRange>& ranges_;
  bool missed_ = false;
};

TEST(RangeFinder, FindsWhatASearchThroughAllFinds) {
  std::mt19937 random(1);
  const auto below = [&](uint64_t n) { return random() % n; };
  for (int round = 0; round < 2000; ++round) {
    std::vector<MappedRange> ranges(below(8));
    for (MappedRange& r : ranges) {
      r.start = 16 + below(64);
      r.limit = r.start + below(32);
      r.offset = below(3) == 0 ? below(32) : 0;  // may reach below address 0
    }
    std::vector<MappedRange> plain_ranges = ranges;
    RangeFinder finder(ranges);
    PlainFinder plain(plain_ranges);
    for (int i = 0; i < 30; ++i) {
      const uint64_t address = below(128);
      ASSERT_EQ(finder.Find(address), plain.Find(address)) << "round " << round;
    }
    ASSERT_EQ(Dump(ranges), Dump(plain_ranges)) << "round " << round;
  }
}

}  // namespace
}  // namespace tidemark::io
