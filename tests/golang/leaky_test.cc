// Profiles that a program (tests/data/go/leaky) wrote of itself when built with Go 1.19, 1.24
// and 1.26, sampled and exact. What each of its lines allocates is written down here, read off
// the source by hand.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/classify/classifier.h"
#include "analyzer/io/open.h"
#include "gtest/gtest.h"
#include "tests/golang/classified.h"

namespace tidemark {
namespace {

const char* const kVersions[] = {"1.19", "1.24", "1.26"};
const char* const kProfiles[] = {"-exact.1", "-exact.2", ".1", ".2"};

std::string ProfileOf(const std::string& version, const std::string& which) {
  return absl::StrCat(TIDEMARK_SOURCE_DIR, "/tests/data/go/leaky-", version, which, ".pb.gz");
}
std::string ProgramOf(const std::string& version, bool stripped = false) {
  return absl::StrCat(TIDEMARK_LEAKY_DIR, "/leaky-", version, stripped ? "-stripped" : "");
}

using What = std::set<std::string>;  // "kind | type | operation"

const std::map<int64_t, What>& Store() {
  static const auto* const lines = new std::map<int64_t, What>{
      {12, {"map | map[string]int | create"}},
      {14, {"map | map[string]int | insert"}},
      {22, {"map | map[int64]int64 | create"}},
      {24, {"map | map[int64]int64 | insert"}},
      {31, {"slice | []byte | create", "map | map[string][]byte | insert"}},
      {45, {"string | string | copy"}},
      {49, {"map | map[string]int | create"}},
      {50, {"object | closure | create"}},
      {51, {"map | map[string]int | insert"}},
      {60, {"slice | []int | grow"}},
      {67, {"slice | []*store.Rec | create"}},
      {69, {"object | store.Rec | create"}},
      {76, {"map | map[string]struct{} | create"}},
      {78, {"map | map[string]struct{} | insert"}},
      {85, {"map | map[any]int | create"}},
      {87, {"map | map[any]int | insert", "object | int | copy"}},
      {106, {"map | map[int]int | insert"}},
      {113, {"slice | []int | create"}},
      {128,
       {"object | store.Holder | create", "map | map[string]int | create",
        "map | map[string]int | insert"}},
  };
  return *lines;
}

const std::map<int64_t, What>& Main() {
  static const auto* const lines = new std::map<int64_t, What>{
      {29, {"map | map[string]int | create"}},
      {34, {"map | map[int]string | create"}},
      {36, {"map | map[int]string | insert"}},
      {38, {"object | closure | create", "object | runtime.g | create"}},
      {39, {"object | runtime.sudog | create"}},
      {46, {"slice | []sync.poolLocal | create", "slice | []*sync.Pool | grow"}},
      {47, {"map | map[string]int | insert"}},
      {48, {"slice | []sync.poolLocal | create", "slice | []*sync.Pool | grow"}},
      {53, {"slice | []*store.Rec | grow", "object | store.Rec | create"}},
      {60, {"string | strings.Builder | grow"}},
      {62, {"slice | []string | grow"}},
      {63, {"buffer | bytes.Buffer | create"}},
      {65, {"buffer | bytes.Buffer | create", "buffer | bytes.Buffer | grow"}},
      {67, {"slice | []*bytes.Buffer | grow"}},
      {71, {"slice | []map[string]int | grow"}},
      {72, {"slice | []map[int64]int64 | grow"}},
      {77, {"slice | []func(string) int | grow"}},
      {79,
       {"string | string | copy", "object | fmt.pp | create", "slice | []byte | grow",
        "slice | []sync.poolLocal | create", "slice | []*sync.Pool | grow"}},
      {81, {"slice | [][]int | grow"}},
      {82, {"slice | [][]*store.Rec | grow"}},
      {83, {"slice | []map[string]struct{} | grow"}},
      {84, {"slice | []map[any]int | grow"}},
      {85, {"slice | []*store.Holder | grow"}},
      {123, {"queue | chan struct{} | create"}},
      {128, {"string | string | create"}},
      {134, {"string | string | create"}},
  };
  return *lines;
}

TEST(Leaky, EverySampleIsWhatItsLineSays) {
  std::set<std::string> seen;
  for (const std::string version : kVersions) {
    for (const std::string which : kProfiles) {
      const auto profile = ClassifiedProfile(ProfileOf(version, which), ProgramOf(version));
      ASSERT_NE(profile, nullptr);
      for (const ClassifiedRow& row : RowsOf(*profile, "alloc_space")) {
        const bool is_store = row.file == "store.go";
        // Besides the program's own there are the profiler's (dump) and the run time's.
        if (!is_store && row.file != "main.go") continue;
        if (row.function == "main.dump" || (row.function == "main.main" && row.line < 123)) {
          continue;
        }
        const std::map<int64_t, What>& expected = is_store ? Store() : Main();
        const auto line = expected.find(row.line);
        const std::string what = absl::StrCat(row.kind, " | ", row.type, " | ", row.operation);
        EXPECT_TRUE(line != expected.end() && line->second.count(what) != 0)
            << "Go " << version << which << ": " << ToString(row);
        seen.insert(absl::StrCat(row.file, ":", row.line, " ", what));
      }
    }
  }
  // The table is no wish list: nearly all of it is there to be seen.
  EXPECT_GE(seen.size(), 45u);
}

TEST(Leaky, Shares) {
  for (const std::string version : kVersions) {
    for (const std::string which : kProfiles) {
      for (const bool stripped : {false, true}) {
        const auto profile =
            ClassifiedProfile(ProfileOf(version, which), ProgramOf(version, stripped));
        ASSERT_NE(profile, nullptr);
        for (const char* type : {"inuse_space", "alloc_space"}) {
          const Shares shares = SharesOf(RowsOf(*profile, type));
          EXPECT_EQ(shares.kind, 100) << version << which << " " << type;
          EXPECT_GE(shares.type, 98) << version << which << " " << type;
        }
      }
    }
  }
}

TEST(Leaky, StrippedOrNot) {
  for (const std::string version : kVersions) {
    const auto whole = ClassifiedProfile(ProfileOf(version, "-exact.2"), ProgramOf(version));
    const auto stripped =
        ClassifiedProfile(ProfileOf(version, "-exact.2"), ProgramOf(version, true));
    ASSERT_TRUE(whole != nullptr && stripped != nullptr);
    EXPECT_EQ(whole->annotations().containers, stripped->annotations().containers);
    EXPECT_EQ(whole->annotations().container, stripped->annotations().container);
    EXPECT_EQ(whole->annotations().site, stripped->annotations().site);
  }
}

// The text form has the run time's frames and no names but the binary's.
TEST(Leaky, TextProfile) {
  const auto profile = ClassifiedProfile(
      TIDEMARK_SOURCE_DIR "/tests/data/go/leaky-1.24.2.debug1.txt", ProgramOf("1.24"));
  ASSERT_NE(profile, nullptr);
  std::map<std::string, int64_t> bytes;
  const std::vector<ClassifiedRow> rows = RowsOf(*profile, "inuse_space");
  for (const ClassifiedRow& row : rows) {
    bytes[absl::StrCat(row.kind, " ", row.type, " ", row.operation)] += row.bytes;
  }
  EXPECT_EQ(SharesOf(rows).kind, 100);
  EXPECT_GE(SharesOf(rows).type, 98);
  EXPECT_EQ(bytes["map map[int64]int64 create"], 2134230);
  EXPECT_EQ(bytes["map map[any]int grow"], 1593303);
  EXPECT_EQ(bytes["slice []*store.Rec create"], 526338);
}

// Sites stay below the standard library, and names tell of its containers.
TEST(Leaky, WithoutTheProgram) {
  const auto profile = ClassifiedProfile(ProfileOf("1.26", "-exact.2"), "");
  ASSERT_NE(profile, nullptr);
  int builders = 0;
  for (const ClassifiedRow& row : RowsOf(*profile, "inuse_space")) {
    if (row.file == "main.go" && row.line == 60) {
      ++builders;
      EXPECT_EQ(row.kind, "string") << ToString(row);
      EXPECT_EQ(row.type, "strings.Builder") << ToString(row);
    }
    if (row.file == "store.go") {
      EXPECT_EQ(row.kind, "") << ToString(row);
    }
    EXPECT_FALSE(absl::StartsWith(row.function, "fmt.")) << ToString(row);
  }
  EXPECT_GT(builders, 0);
}

// A file of another build is not believed.
TEST(Leaky, AnotherBuild) {
  auto opened = io::OpenFile(ProfileOf("1.26", "-exact.2"));
  ASSERT_TRUE(opened.ok());
  std::vector<std::string> warnings;
  classify::ClassifyOptions options;
  options.find_binary = [](const Profile&, MappingId) { return ProgramOf("1.24"); };
  options.warnings = &warnings;
  const auto classified = classify::Classify(*opened, options);
  ASSERT_TRUE(classified.ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(absl::StrContains(warnings[0], "leaky-1.24: another build")) << warnings[0];
  for (const ClassifiedRow& row : RowsOf(**classified, "inuse_space")) {
    EXPECT_NE(row.kind, "map") << ToString(row);
  }
}

}  // namespace
}  // namespace tidemark
