#include "analyzer/report/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/test_profile.h"

namespace tidemark::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TestProfile Bytes() { return TestProfile("inuse_space/bytes"); }

// "flat cum name" for each row.
std::vector<std::string> Rows(const Profile& profile, const Options& options = {}) {
  const auto top = Top(profile, options);
  if (!top.ok()) return {top.status().ToString()};
  std::vector<std::string> rows;
  for (const TopRow& r : top->rows) {
    std::string row = absl::StrCat(r.flat, " ", r.cum);
    if (r.address != 0) absl::StrAppend(&row, " 0x", absl::Hex(r.address));
    if (!r.function.empty()) absl::StrAppend(&row, " ", r.function);
    if (!r.file.empty()) absl::StrAppend(&row, " ", r.file);
    if (r.line != 0) absl::StrAppend(&row, ":", r.line);
    rows.push_back(row);
  }
  return rows;
}

TEST(Top, FlatGoesToTheLeafAndCumToAll) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10});
  p.Add("new grow main", {5});
  EXPECT_THAT(Rows(*p.Build()), ElementsAre("15 15 new", "0 5 grow", "0 10 insert", "0 15 main"));
}

TEST(Top, RecursionCountsOnce) {
  TestProfile p = Bytes();
  p.Add("walk walk walk main", {7});
  EXPECT_THAT(Rows(*p.Build()), ElementsAre("7 7 walk", "0 7 main"));
}

TEST(Top, InlinedLinesAreRowsAndTheInnermostIsTheLeaf) {
  TestProfile p = Bytes();
  p.Add("allocate<push_back<fill main", {3});
  EXPECT_THAT(Rows(*p.Build()),
              ElementsAre("3 3 allocate", "0 3 fill", "0 3 main", "0 3 push_back"));
}

TEST(Top, NoInlinesKeepsTheOutermost) {
  TestProfile p = Bytes();
  p.Add("allocate<push_back<fill main", {3});
  Options options;
  options.no_inlines = true;
  EXPECT_THAT(Rows(*p.Build(), options), ElementsAre("3 3 fill", "0 3 main"));
}

TEST(Top, Granularities) {
  TestProfile p = Bytes();
  p.SetModule("/bin/app", 0x1000, 0x9000);
  p.Add("f@/s/a.cc:1 main@/s/m.cc:9", {1});
  p.Add("f@/s/a.cc:2 main@/s/m.cc:9", {2});
  p.Add("f@/s/x/../b.cc:3 main@/s/m.cc:9", {4});
  const auto profile = p.Build();
  const auto rows = [&](Granularity granularity) {
    Options options;
    options.granularity = granularity;
    return Rows(*profile, options);
  };
  EXPECT_THAT(rows(Granularity::kFunctions), ElementsAre("7 7 f", "0 7 main"));
  EXPECT_THAT(rows(Granularity::kFileFunctions),
              ElementsAre("4 4 f /s/b.cc", "3 3 f /s/a.cc", "0 7 main /s/m.cc"));
  EXPECT_THAT(rows(Granularity::kFiles), ElementsAre("4 4 /s/b.cc", "3 3 /s/a.cc", "0 7 /s/m.cc"));
  EXPECT_THAT(rows(Granularity::kLines), ElementsAre("4 4 f /s/b.cc:3", "2 2 f /s/a.cc:2",
                                                     "1 1 f /s/a.cc:1", "0 7 main /s/m.cc:9"));
  EXPECT_THAT(rows(Granularity::kAddresses),
              ElementsAre("4 4 0x1004 f /s/b.cc:3", "2 2 0x1003 f /s/a.cc:2",
                          "1 1 0x1001 f /s/a.cc:1", "0 7 0x1002 main /s/m.cc:9"));
}

TEST(Top, FramesWithoutSymbolsAreOneRowForEachModule) {
  TestProfile p = Bytes();
  p.Add("0x10", {1});
  p.SetModule("/usr/lib/libfoo.so", 0x1000, 0x9000);
  p.Add("0x1234 main", {2});
  p.Add("0x1238 main", {4});
  const auto profile = p.Build();
  EXPECT_THAT(Rows(*profile), ElementsAre("6 6 [libfoo.so]", "1 1 <unknown>", "0 6 main"));
  Options options;
  options.granularity = Granularity::kFiles;
  EXPECT_THAT(Rows(*profile, options), ElementsAre("6 6 [libfoo.so]", "1 1 <unknown>"));
  options.granularity = Granularity::kAddresses;
  EXPECT_THAT(Rows(*profile, options),
              ElementsAre("4 4 0x1238 [libfoo.so]", "2 2 0x1234 [libfoo.so]", "1 1 0x10 <unknown>",
                          "0 6 0x1003 main"));
}

TEST(Top, HidingTheLeafGivesItsValueToItsCaller) {
  TestProfile p = Bytes();
  p.Add("new insert main", {10});
  Options options;
  options.hide = "^new$";
  EXPECT_THAT(Rows(*p.Build(), options), ElementsAre("10 10 insert", "0 10 main"));
}

TEST(Top, FocusIgnoreHideShow) {
  TestProfile p = Bytes();
  p.SetModule("/bin/app", 0x1000, 0x9000);
  p.Add("new insert@/s/cache.cc:4 main", {10});
  p.Add("new grow@/s/vector.h:8 main", {5});
  p.Add("0x5000 main", {1});
  const auto profile = p.Build();
  const auto rows = [&](const char* which, const char* regex) {
    Options options;
    for (auto& [name, value] : {std::pair<std::string, std::string*>{"focus", &options.focus},
                                {"ignore", &options.ignore},
                                {"hide", &options.hide},
                                {"show", &options.show}}) {
      if (name == which) *value = regex;
    }
    return Rows(*profile, options);
  };
  // By function, by file, and by module.
  EXPECT_THAT(rows("focus", "ins"), ElementsAre("10 10 new", "0 10 insert", "0 10 main"));
  EXPECT_THAT(rows("focus", R"(vector\.h)"), ElementsAre("5 5 new", "0 5 grow", "0 5 main"));
  EXPECT_EQ(rows("focus", "/bin/app"), Rows(*profile));
  EXPECT_THAT(rows("ignore", "new"), ElementsAre("1 1 [app]", "0 1 main"));
  EXPECT_THAT(rows("hide", "new|main"), ElementsAre("10 10 insert", "5 5 grow", "1 1 [app]"));
  EXPECT_THAT(rows("hide", "/bin/app"), IsEmpty());
  // Frames without symbols are never shown.
  EXPECT_THAT(rows("show", "main"), ElementsAre("16 16 main"));
  EXPECT_THAT(rows("show", "/bin/app"),
              ElementsAre("15 15 new", "1 16 main", "0 5 grow", "0 10 insert"));
}

TEST(Top, TotalIsOfAllSamplesWhateverTheFilter) {
  TestProfile p = Bytes();
  p.Add("a", {10});
  p.Add("b", {-4});
  Options options;
  options.focus = "a";
  const auto top = Top(*p.Build(), options);
  ASSERT_TRUE(top.ok());
  EXPECT_EQ(top->total, 14);
  EXPECT_EQ(top->sample_type, "inuse_space");
  EXPECT_EQ(top->unit, "bytes");
}

TEST(Top, DropFramesCutsAtTheLeafsEndButNotAboveTheFirstUserFrame) {
  TestProfile p = Bytes();
  p.Add("mmap malloc(unsigned) user main", {8});
  p.Add("user malloc", {1});
  p.Add("operator() lambda main", {2});
  p.builder().SetDropKeepFrames(p.builder().AddString("malloc|operator"),
                                p.builder().AddString("operator"));
  EXPECT_THAT(Rows(*p.Build()),
              ElementsAre("9 9 user", "2 2 operator()", "0 2 lambda", "0 10 main", "0 1 malloc"));
}

TEST(Top, BadRegexIsTheUsersError) {
  TestProfile p = Bytes();
  p.Add("a", {1});
  Options options;
  options.focus = "(";
  const auto top = Top(*p.Build(), options);
  EXPECT_EQ(top.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(top.status().message()), HasSubstr("--focus"));
}

TEST(Top, ValuesThatOverflowWrapAsInPprof) {
  TestProfile p = Bytes();
  p.Add("a main", {std::numeric_limits<int64_t>::max()});
  p.Add("b main", {1});
  EXPECT_THAT(Rows(*p.Build()), ElementsAre("9223372036854775807 9223372036854775807 a", "1 1 b",
                                            "0 -9223372036854775808 main"));
}

TEST(Top, SortByCum) {
  TestProfile p = Bytes();
  p.Add("new main", {10});
  Options options;
  options.sort_by_cum = true;
  EXPECT_THAT(Rows(*p.Build(), options), ElementsAre("0 10 main", "10 10 new"));
}

TEST(SampleIndex, NumberNameOrDefault) {
  TestProfile p("objects/count space/bytes");
  p.Add("a", {1, 2});
  p.builder().SetDefaultSampleType(p.builder().AddString("objects"));
  const auto profile = p.Build();
  EXPECT_EQ(*ResolveSampleIndex(*profile, ""), 0);
  EXPECT_EQ(*ResolveSampleIndex(*profile, "1"), 1);
  EXPECT_EQ(*ResolveSampleIndex(*profile, "space"), 1);
  EXPECT_EQ(*ResolveSampleIndex(*profile, "inuse_space"), 1);
  EXPECT_FALSE(ResolveSampleIndex(*profile, "2").ok());
  EXPECT_FALSE(ResolveSampleIndex(*profile, "-1").ok());
  EXPECT_THAT(std::string(ResolveSampleIndex(*profile, "alloc_space").status().message()),
              HasSubstr("objects, space"));
}

TEST(SampleIndex, TheLastTypeIsTheDefaultsDefault) {
  TestProfile p("objects/count space/bytes");
  p.Add("a", {1, 2});
  EXPECT_EQ(*ResolveSampleIndex(*p.Build(), ""), 1);
}

TEST(CleanPath, AsGosFilepathClean) {
  for (const auto& [in, out] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"/", "/"},
                                                        {"a//b/./c", "a/b/c"},
                                                        {"/a/../../b", "/b"},
                                                        {"../../a", "../../a"},
                                                        {"a/../..", ".."},
                                                        {"./", "."}}) {
    EXPECT_EQ(CleanPath(in), out) << in;
  }
}

TEST(TrimPath, CutsWhatIsAskedForAndBuildDirectories) {
  EXPECT_EQ(TrimPath("/proc/self/cwd/./src/x.cc", "", ""), "src/x.cc");
  EXPECT_EQ(TrimPath("/proc/self/cwd/src/x.cc", "", ""), "src/x.cc");
  EXPECT_EQ(TrimPath("/build/project/src/x.cc", "/other:/build", ""), "project/src/x.cc");
  EXPECT_EQ(TrimPath("/build/project/src/x.cc", "", "/local/project/"), "src/x.cc");
  EXPECT_EQ(TrimPath("/build/project/src/x.cc", "/none", "/local/project"),
            "/build/project/src/x.cc");
}

}  // namespace
}  // namespace tidemark::report
