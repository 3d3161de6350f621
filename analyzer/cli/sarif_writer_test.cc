#include "analyzer/cli/sarif_writer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace tidemark::cli {
namespace {

class SarifTest : public testing::Test {
 protected:
  SarifTest() {
    std::string name = std::filesystem::temp_directory_path() / "tidemark-sarif-XXXXXX";
    root_ = mkdtemp(name.data());
    for (const char* file : {"src/app.cc", "src/net/io.cc", "main.cc"}) {
      std::filesystem::create_directories((root_ / file).parent_path());
      std::ofstream(root_ / file) << "\n";
    }
  }
  ~SarifTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

TEST_F(SarifTest, SourcesAreFoundInTheTree) {
  SourceTree tree(root_ / "src/..");
  EXPECT_EQ(tree.root(), std::filesystem::canonical(root_).string() + "/");
  EXPECT_EQ(tree.Find(tree.root() + "src/app.cc"), "src/app.cc");
  EXPECT_EQ(tree.Find(tree.root() + "src/net/../app.cc"), "src/app.cc");
  EXPECT_EQ(tree.Find(tree.root() + "src/gone.cc"), "src/gone.cc");  // generated, perhaps
  // Compiled elsewhere: the longest end that is there.
  EXPECT_EQ(tree.Find("/builder/checkout/src/net/io.cc"), "src/net/io.cc");
  EXPECT_EQ(tree.Find("/builder/checkout/main.cc"), "main.cc");
  EXPECT_EQ(tree.Find("src/app.cc"), "src/app.cc");
  EXPECT_EQ(tree.Find("./main.cc"), "main.cc");
  EXPECT_EQ(tree.Find("../src/app.cc"), "src/app.cc");
  for (const char* path :
       {"", "/usr/include/main.cc", "/builder/other.cc", "src", "..", "/", "../../etc/passwd"}) {
    EXPECT_EQ(tree.Find(path), std::nullopt) << path;
  }
}

TEST_F(SarifTest, UrisAreEncoded) {
  EXPECT_EQ(UriPath("src/a b%\xc3\xa9+[1].cc"), "src/a%20b%25%C3%A9%2B%5B1%5D.cc");
}

leaks::GateResult ResultOf(const report::Frame& frame) {
  leaks::GateResult result;
  leaks::GateFinding& finding = result.findings.emplace_back();
  finding.rule = leaks::GateRule::kNoNewLeaks;
  finding.message = "grew";
  finding.site = frame;
  finding.stack = {frame};
  return result;
}

nlohmann::json Finding(const std::string& sarif) {
  return nlohmann::json::parse(sarif)["runs"][0]["results"][0];
}

TEST_F(SarifTest, WhatHasNoSourceHasAPlace) {
  SourceTree tree(root_);
  report::Frame frame;
  frame.module = "/opt/lib x.so";
  frame.module_offset = 0x123;
  nlohmann::json place = Finding(CheckSarif(ResultOf(frame), tree))["locations"][0];
  EXPECT_EQ(place["physicalLocation"]["artifactLocation"]["uri"], "file:///opt/lib%20x.so");
  EXPECT_EQ(place["physicalLocation"]["region"]["startLine"], 1);
  EXPECT_EQ(place["logicalLocations"][0]["fullyQualifiedName"], "lib x.so+0x123");
  place = Finding(CheckSarif(ResultOf(report::Frame()), tree))["locations"][0];
  EXPECT_EQ(place["physicalLocation"]["artifactLocation"]["uri"], "unknown");
}

TEST_F(SarifTest, NamesOfAnyKind) {
  SourceTree tree(root_);
  report::Frame frame;
  frame.function = "main::{lambda()#1}::operator()() const\xff";
  frame.file = "src/app.cc";
  frame.line = 7;
  const nlohmann::json finding = Finding(CheckSarif(ResultOf(frame), tree));
  const std::string text = finding["message"]["text"];
  EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
  EXPECT_EQ(finding["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
}

// Neither a line nor a folder nor what the compiler made of the function changes what a
// finding is; its rule, function or module does.
TEST_F(SarifTest, FingerprintsStay) {
  SourceTree tree(root_);
  const auto fingerprint = [&](const report::Frame& frame) {
    return Finding(CheckSarif(ResultOf(frame), tree))["partialFingerprints"]["tidemarkSite/v1"];
  };
  report::Frame frame;
  frame.function = "Load";
  frame.file = "/a/src/app.cc";
  frame.line = 7;
  frame.module = "/a/bin/app";
  EXPECT_EQ(fingerprint(frame), "f92ea85a2d55afd0");
  report::Frame other = frame;
  other.file = "/b/app.cc";
  other.line = 9;
  other.module = "/b/app";
  other.function = "Load [clone .cold]";
  EXPECT_EQ(fingerprint(other), fingerprint(frame));
  other.function = "Save";
  EXPECT_NE(fingerprint(other), fingerprint(frame));
  // Two lines of one function are two findings; which is which does not depend on their rank.
  const auto of_two = [&](int64_t first, int64_t second) {
    leaks::GateResult result = ResultOf(frame);
    result.findings.push_back(result.findings[0]);
    result.findings[0].site->line = first;
    result.findings[1].site->line = second;
    const auto all = nlohmann::json::parse(CheckSarif(result, tree))["runs"][0]["results"];
    return std::pair(all[0]["partialFingerprints"], all[1]["partialFingerprints"]);
  };
  const auto [seven, nine] = of_two(7, 9);
  EXPECT_EQ(seven["tidemarkSite/v1"], "f92ea85a2d55afd0");
  EXPECT_NE(nine, seven);
  EXPECT_EQ(of_two(19, 17), std::pair(nine, seven));
}

}  // namespace
}  // namespace tidemark::cli
