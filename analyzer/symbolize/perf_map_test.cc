#include "analyzer/symbolize/perf_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/symbolizer.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Names(absl::string_view text, std::vector<uint64_t> addresses) {
  return NamesInPerfMap(text, addresses);
}

TEST(PerfMap, LinesOfStartSizeName) {
  EXPECT_THAT(Names("1000 20 JS:*fib /a b.js:1:2\n2000 10 other\n",
                    {0xfff, 0x1000, 0x101f, 0x1020, 0x2005}),
              ElementsAre("", "JS:*fib /a b.js:1:2", "JS:*fib /a b.js:1:2", "", "other"));
  EXPECT_THAT(Names("0x1000 0x20 prefixed\r\nFFFFFFFFFFFFFFF0 f top", {0x1001, ~uint64_t{1}}),
              ElementsAre("prefixed", "top"));
}

// A compiler gives the place of code that it threw away to other code.
TEST(PerfMap, TheLastLineCounts) {
  EXPECT_THAT(Names("1000 100 old\n1040 10 new\n1040 8 newest\n", {0x1000, 0x1041, 0x1049, 0x1050}),
              ElementsAre("old", "newest", "new", "old"));
}

TEST(PerfMap, WhatIsNoLineIsPassedOver) {
  for (const char* text :
       {"", "\n\n\n", "1000", "1000 ", "1000 10", "1000 10 ", " 1000 10 x", "xyz 10 x",
        "1000 0 empty", "11111111111111111 10 x", "1000  10 x", "-1000 10 x", "1000 -1 x"}) {
    EXPECT_THAT(Names(text, {0x1000}), ElementsAre("")) << text;
  }
  EXPECT_THAT(Names("garbage\n1000 10 good\nmore garbage", {0x1000}), ElementsAre("good"));
}

TEST(PerfMap, HostileTextsAreBounded) {
  EXPECT_EQ(Names(absl::StrCat("1000 10 ", std::string(1 << 20, 'n')), {0x1000})[0].size(), 4096u);
  // Each of many lines has each of many addresses.
  std::string text;
  for (int i = 0; i < 200000; ++i) absl::StrAppend(&text, "0 ffffffffffffffff n", i, "\n");
  std::vector<uint64_t> addresses;
  for (uint64_t i = 0; i < 200000; ++i) addresses.push_back(i);
  EXPECT_EQ(Names(text, addresses).back(), "n199999");
}

class PerfMapFile : public testing::Test {
 protected:
  // A pid that no process can have, so that /tmp/perf-PID.map is this test's.
  PerfMapFile() : pid_(500000000 + getpid()), path_(absl::StrCat("/tmp/perf-", pid_, ".map")) {
    std::ofstream(path_) << "1000 20 generated\n";
  }
  ~PerfMapFile() override { fs::remove(path_); }

  static int64_t Now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  static constexpr int64_t kHour = int64_t{3600} * 1000000000;

  const pid_t pid_;
  const std::string path_;
  const std::vector<uint64_t> address_ = {0x1008};
};

TEST_F(PerfMapFile, InTmp) {
  EXPECT_THAT(ReadPerfMap({.pid = pid_}, address_).names, ElementsAre("generated"));
  const PerfMap during =
      ReadPerfMap({.pid = pid_, .begin_ns = Now() - kHour, .end_ns = Now() + kHour}, address_);
  EXPECT_THAT(during.names, ElementsAre("generated"));
  EXPECT_EQ(during.problem, "");
  // Not pid_ + 1, which may be that of a test beside this one.
  EXPECT_THAT(ReadPerfMap({.pid = pid_ + 500000000}, address_).names, IsEmpty());
  EXPECT_THAT(ReadPerfMap({.pid = 0}, address_).names, IsEmpty());
}

TEST_F(PerfMapFile, OfAnotherProcessWithThePidIsRefusedAndSaid) {
  const PerfMap earlier =
      ReadPerfMap({.pid = pid_, .begin_ns = Now() + kHour, .end_ns = Now() + 2 * kHour}, address_);
  EXPECT_THAT(earlier.names, IsEmpty());
  EXPECT_THAT(earlier.problem, HasSubstr("last written before"));
  const PerfMap later =
      ReadPerfMap({.pid = pid_, .begin_ns = Now() - 2 * kHour, .end_ns = Now() - kHour}, address_);
  EXPECT_THAT(later.names, IsEmpty());
  EXPECT_THAT(later.problem, HasSubstr("made after"));
}

TEST_F(PerfMapFile, ThingsThatAreNoMaps) {
  fs::rename(path_, path_ + ".real");
  fs::create_symlink(path_ + ".real", path_);
  EXPECT_THAT(ReadPerfMap({.pid = pid_}, address_).names, IsEmpty());
  fs::remove(path_ + ".real");
  fs::remove(path_);
  mkfifo(path_.c_str(), 0600);  // must not block
  EXPECT_THAT(ReadPerfMap({.pid = pid_}, address_).names, IsEmpty());
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_THAT(ReadPerfMap({.pid = pid_}, address_).names, IsEmpty());
}

TEST_F(PerfMapFile, ACopyInTheSearchPathComesFirst) {
  const ScratchDirectory dir;
  dir.Write(absl::StrCat("perf-", pid_, ".map"), "1000 20 copy\n");
  const std::string search[] = {dir.Path("nowhere"), dir.Path("")};
  EXPECT_THAT(
      ReadPerfMap({.pid = pid_, .begin_ns = Now() + kHour, .end_ns = Now(), .search_path = search},
                  address_)
          .names,
      ElementsAre("copy"));
}

TEST_F(PerfMapFile, NamesCodeThatIsInNoFile) {
  ProfileBuilder builder;
  const ValueType type{builder.AddString("inuse_space"), builder.AddString("bytes")};
  builder.SetSampleTypes({&type, 1});
  builder.AddComment(builder.AddString(absl::StrCat("tidemark.pid=", pid_)));
  Mapping anonymous;
  anonymous.start = 0x1000;
  anonymous.limit = 0x2000;
  anonymous.file = builder.AddString("//anon");
  const MappingId mapping = builder.AddMapping(anonymous);
  const LocationId locations[] = {builder.AddLocation(0x1008, MappingId(), false, {}),
                                  builder.AddLocation(0x1010, mapping, false, {}),
                                  builder.AddLocation(0x1100, mapping, false, {})};
  const int64_t value = 1;
  builder.AddSample(builder.AddStack(locations), builder.AddLabels({}), {&value, 1});
  Options options;
  options.cache = false;
  const auto result = Symbolize(*builder.Build(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Lines(*result->profile, locations[0]), ElementsAre("generated :0"));
  EXPECT_THAT(Lines(*result->profile, locations[1]), ElementsAre("generated :0"));
  EXPECT_THAT(Lines(*result->profile, locations[2]), IsEmpty());
}

}  // namespace
}  // namespace tidemark::symbolize
