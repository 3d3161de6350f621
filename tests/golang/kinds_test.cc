// A program that allocates one of everything, built here with the Go at hand in the ways that
// programs are built. Its comments say what its lines allocate; every sample must agree, and
// every comment must be met by one.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/golang/classified.h"

namespace tidemark {
namespace {

constexpr char kSource[] = TIDEMARK_SOURCE_DIR "/tests/golang/kinds";

// What a line may allocate: "kind | type | operation", each with alternatives set apart by
// " or ", or "*" for anything.
struct Expected {
  bool is_optional = false;
  std::set<std::string> kinds;
  std::set<std::string> types;
  std::set<std::string> operations;

  bool Allows(const ClassifiedRow& row) const {
    const auto allows = [](const std::set<std::string>& words, const std::string& word) {
      return words.count("*") != 0 || words.count(word) != 0;
    };
    return allows(kinds, row.kind) && allows(types, row.type) && allows(operations, row.operation);
  }
};

std::map<int64_t, Expected> ReadExpected(const std::string& path) {
  std::map<int64_t, Expected> expected;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const size_t comment = line.find("//=");
    if (comment == std::string::npos) continue;
    absl::string_view text = absl::string_view(line).substr(comment + 3);
    const bool is_optional = absl::ConsumePrefix(&text, "?");
    const std::vector<absl::string_view> parts = absl::StrSplit(text, " | ");
    EXPECT_EQ(parts.size(), 3u) << path << ":" << number;
    if (parts.size() != 3) continue;
    const auto words = [](absl::string_view list) {
      std::set<std::string> result;
      for (absl::string_view word : absl::StrSplit(list, " or ")) {
        result.emplace(absl::StripAsciiWhitespace(word));
      }
      return result;
    };
    expected[number] = {is_optional, words(parts[0]), words(parts[1]), words(parts[2])};
  }
  return expected;
}

class Kinds : public ::testing::Test {
 protected:
  // Builds the program, runs it and compares its profile with its source.
  void Check(const std::string& name, const std::string& flags) {
    const std::string directory = absl::StrCat(TIDEMARK_LEAKY_DIR, "/", name);
    std::filesystem::create_directories(directory);
    const std::string program = directory + "/kinds";
    const std::string profile = directory + "/kinds.pb.gz";
    // Without a home there is no cache but one of ours.
    const std::string environment =
        std::getenv("HOME") == nullptr
            ? absl::StrCat("GOCACHE='", TIDEMARK_LEAKY_DIR, "/go-cache' ")
            : std::string();
    Run(absl::StrCat("cd '", kSource, "' && ", environment, "'", TIDEMARK_GO,
                     "' build -buildvcs=false ", flags, " -o '", program, "' ."));
    Run(absl::StrCat("'", program, "' '", profile, "'"));
    if (HasFatalFailure()) return;
    const auto classified = ClassifiedProfile(profile, program);
    ASSERT_NE(classified, nullptr);
    CompareWithSource(RowsOf(*classified, "alloc_space"));
    for (const char* type : {"alloc_space", "inuse_space"}) {
      const Shares shares = SharesOf(RowsOf(*classified, type));
      EXPECT_EQ(shares.kind, 100) << type;
      EXPECT_GE(shares.type, 98) << type;
    }
  }

 private:
  static void Run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  static void CompareWithSource(const std::vector<ClassifiedRow>& rows) {
    std::map<std::string, std::map<int64_t, Expected>> expected;
    expected["main.go"] = ReadExpected(absl::StrCat(kSource, "/main.go"));
    expected["store.go"] = ReadExpected(absl::StrCat(kSource, "/store/store.go"));
    std::map<std::string, std::set<int64_t>> met;
    for (const ClassifiedRow& row : rows) {
      const auto file = expected.find(row.file);
      // main itself writes the profile.
      if (file == expected.end() || row.function == "main.main") continue;
      const auto line = file->second.find(row.line);
      EXPECT_TRUE(line != file->second.end() && line->second.Allows(row)) << ToString(row);
      met[row.file].insert(row.line);
    }
    for (const auto& [file, lines] : expected) {
      EXPECT_GE(lines.size(), 8u);
      for (const auto& [line, what] : lines) {
        EXPECT_TRUE(what.is_optional || met[file].count(line) != 0)
            << "nothing allocated at " << file << ":" << line;
      }
    }
  }
};

TEST_F(Kinds, Plain) { Check("plain", ""); }
TEST_F(Kinds, Stripped) { Check("stripped", "-ldflags='-s -w'"); }
TEST_F(Kinds, PositionIndependent) { Check("pie", "-buildmode=pie -ldflags='-s -w'"); }
// With another linker, as programs with C code are.
TEST_F(Kinds, ExternallyLinked) {
  Check("external", "-buildmode=pie -ldflags='-linkmode=external'");
}
TEST_F(Kinds, Unoptimized) { Check("unoptimized", "-gcflags='all=-N -l'"); }

}  // namespace
}  // namespace tidemark
