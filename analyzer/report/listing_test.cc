// traces, tags, source listings and disassembly as data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/report/disassembly.h"
#include "analyzer/report/source_listing.h"
#include "analyzer/report/source_reader.h"
#include "analyzer/report/tags.h"
#include "analyzer/report/test_profile.h"
#include "analyzer/report/traces.h"

namespace tidemark::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Selection Select(const Profile& profile, const Options& options = {}) {
  auto selection = Selection::Make(profile, options);
  EXPECT_TRUE(selection.ok()) << selection.status();
  return *std::move(selection);
}

std::vector<std::string> TracesOf(const Selection& selection) {
  std::vector<std::string> all;
  const Traces traces(selection);
  traces.ForEach([&](const Trace& trace) {
    std::vector<std::string> frames;
    for (const TraceFrame& frame : trace.frames) {
      frames.push_back(
          absl::StrCat(traces.nodes().PrintableName(frame.node), frame.inlined ? "*" : ""));
    }
    all.push_back(absl::StrCat(selection.weight(trace.sample).sum, " ", trace.labels.size(), " ",
                               absl::StrJoin(frames, " ")));
    return true;
  });
  return all;
}

TEST(Traces, HasEveryKeptSampleWithItsInlinedFrames) {
  TestProfile p("space/bytes");
  p.Add("leaf<into mid main", {10}, 64);
  p.Add("other main", {20});
  p.Add("", {30});
  const auto profile = p.Build();
  EXPECT_THAT(TracesOf(Select(*profile)),
              ElementsAre("10 1 leaf* into mid main", "20 0 other main"));
  Options no_inlines;
  no_inlines.no_inlines = true;
  no_inlines.focus = "mid";
  EXPECT_THAT(TracesOf(Select(*profile, no_inlines)), ElementsAre("10 1 into mid main"));
  Options hidden;
  hidden.hide = "mid";
  hidden.tag_hide = "bytes";
  EXPECT_THAT(TracesOf(Select(*profile, hidden)),
              ElementsAre("10 0 leaf* into main", "20 0 other main"));
}

TEST(Traces, StopsWhenAsked) {
  TestProfile p("space/bytes");
  p.Add("a", {1});
  p.Add("b", {1});
  const auto profile = p.Build();
  const Selection selection = Select(*profile);
  int seen = 0;
  Traces(selection).ForEach([&](const Trace&) { return ++seen < 1; });
  EXPECT_EQ(seen, 1);
}

TEST(Tags, AddsUpByKeyAndValue) {
  TestProfile p("space/bytes");
  p.Add("a", {10}, 64);
  p.Add("b", {20}, 64);
  p.Add("b", {-40}, 16);
  p.Add("b", {5}, 128);
  const auto profile = p.Build();
  const auto tags = Tags(Select(*profile));
  ASSERT_EQ(tags.size(), 1u);
  EXPECT_EQ(tags[0].key, "bytes");
  EXPECT_EQ(tags[0].unit, "bytes");
  EXPECT_EQ(tags[0].total, -5);
  std::vector<std::string> values;
  for (const TagValue& v : tags[0].values) values.push_back(absl::StrCat(v.number, ":", v.flat));
  EXPECT_THAT(values, ElementsAre("16:-40", "64:30", "128:5"));
  Options options;
  options.focus = "^a$";
  EXPECT_EQ(Tags(Select(*profile, options))[0].total, 10);
  options.tag_hide = "byt";
  EXPECT_TRUE(Tags(Select(*profile, options)).empty());
}

std::string ListingText(const Profile& profile, const std::string& regex) {
  const auto listing = ListSources(Select(profile), regex);
  if (!listing.ok()) return std::string(listing.status().message());
  std::string text;
  for (const ListedFunction& function : listing->functions) {
    for (const ListedFile& file : function.files) {
      absl::StrAppend(&text, function.function, "@", file.file, " ", file.flat, "/", file.cum, " [",
                      file.first_line, ",", file.last_line, "]");
      for (const ListedLine& line : file.lines) {
        absl::StrAppend(&text, " ", line.line, ":", line.flat, "/", line.cum);
      }
      absl::StrAppend(&text, "\n");
    }
  }
  return text;
}

TEST(SourceListing, CountsASampleOnceForALineAndOnceForEachOfSeveralLines) {
  TestProfile p("space/bytes");
  p.Add("f@a.cc:20 f@a.cc:10 f@a.cc:10 main@m.cc:3", {100});
  p.Add("leaf<f@a.cc:10 main@m.cc:3", {7});
  const auto profile = p.Build();
  EXPECT_EQ(ListingText(*profile, "^f$"), "f@a.cc 100/207 [5,25] 10:0/107 20:100/100\n");
  EXPECT_EQ(ListingText(*profile, "main"), "main@m.cc 0/107 [1,8] 3:0/107\n");
  EXPECT_EQ(ListingText(*profile, "nothing"), "no matches found for regexp: nothing");
  EXPECT_THAT(ListingText(*profile, "("), HasSubstr("list: bad regex"));
}

class SourceReaderTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Path(const std::string& name) const { return testing::TempDir() + "/" + name; }
};

TEST_F(SourceReaderTest, FindsFilesInTheDirectoriesAndTheirParents) {
  Write("reader.cc", "one\r\ntwo\n\nfour");
  mkdir(Path("deeper").c_str(), 0700);
  Options options;
  options.source_path = "/nonexistent:" + Path("deeper");
  SourceReader reader(options);
  const SourceReader::File& file = reader.Read("reader.cc");
  ASSERT_TRUE(file.status.ok()) << file.status;
  std::vector<std::string> lines;
  absl::string_view line;
  for (int64_t i = 1; file.Line(i, &line); ++i) lines.emplace_back(line);
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "four"));
  EXPECT_FALSE(file.Line(0, &line));
  EXPECT_FALSE(file.Line(-3, &line));
  EXPECT_THAT(std::string(reader.Read("not there.cc").status.message()),
              HasSubstr("could not find file not there.cc on path /nonexistent:"));
  EXPECT_EQ(reader.Read("/not/there").status.message(),
            "open /not/there: no such file or directory");
}

TEST_F(SourceReaderTest, RefusesWhatIsNoText) {
  Write("binary", std::string("a\0b\n", 4));
  mkfifo(Path("fifo").c_str(), 0600);
  SourceReader reader{Options()};
  EXPECT_THAT(std::string(reader.Read(Path("binary")).status.message()),
              HasSubstr("not a text file"));
  EXPECT_FALSE(reader.Read("/dev/zero").status.ok());
  EXPECT_FALSE(reader.Read(Path("fifo")).status.ok());  // and does not wait for a writer
  EXPECT_FALSE(reader.Read(testing::TempDir()).status.ok());
  remove(Path("fifo").c_str());
}

TEST_F(SourceReaderTest, EndsBeforeALineThatIsTooLong) {
  Write("long.cc", "short\n" + std::string(70000, 'x') + "\nafter\n");
  SourceReader reader{Options()};
  absl::string_view line;
  EXPECT_TRUE(reader.Read(Path("long.cc")).Line(1, &line));
  EXPECT_FALSE(reader.Read(Path("long.cc")).Line(2, &line));
}

// Three instructions of four bytes each for every symbol.
class FakeModule : public CodeModule {
 public:
  FakeModule() { symbols_ = {{0x100, 0x10c, {"f(int)"}, {"_Z1fi"}}, {0x200, 0x20c, {"g"}, {"g"}}}; }
  const std::vector<Symbol>& symbols() const override { return symbols_; }
  std::optional<uint64_t> LinkAddress(const Mapping& m, uint64_t address) const override {
    if (address < m.start || address >= m.limit) return std::nullopt;
    return address - m.start;
  }
  absl::StatusOr<std::vector<Instruction>> Disassemble(const Symbol& symbol) override {
    std::vector<Instruction> all;
    for (uint64_t a = symbol.begin; a < symbol.end; a += 4) all.push_back({a, "nop", "", "", 0});
    return all;
  }

 private:
  std::vector<Symbol> symbols_;
};

std::string DisassemblyText(const Profile& profile, const std::string& regex) {
  Options options;
  options.granularity = Granularity::kAddresses;
  options.no_inlines = true;
  const auto open = [](const Mapping&) -> absl::StatusOr<std::unique_ptr<CodeModule>> {
    return std::make_unique<FakeModule>();
  };
  const Selection selection = Select(profile, options);
  const auto disassembly = Disassemble(selection, regex, open);
  if (!disassembly.ok()) return std::string(disassembly.status().message());
  std::string text;
  for (const DisassembledRoutine& routine : disassembly->routines) {
    absl::StrAppend(&text, routine.name, " ", routine.flat, "/", routine.cum);
    for (const DisassembledLine& line : routine.lines) {
      absl::StrAppend(&text, " ", absl::Hex(line.address), ":", line.flat.value(), "/",
                      line.cum.value());
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

TEST(Disassembly, GivesEachInstructionTheSamplesOfItsBytes) {
  TestProfile p("space/bytes");
  p.SetModule("/bin/app", 0x400000, 0x500000);
  p.Add("0x400107 0x40020b", {10});  // the second instruction of f, the last of g
  p.Add("0x400104 0x400107 0x40020b", {5});
  const auto profile = p.Build();
  EXPECT_EQ(DisassemblyText(*profile, "."),
            "f(int) 15/20 100:0/0 104:15/20 108:0/0\n"
            "g 0/15 200:0/0 204:0/0 208:0/15\n");
  EXPECT_EQ(DisassemblyText(*profile, "0x400205"), "g 0/15 200:0/0 204:0/0 208:0/15\n");
  EXPECT_EQ(DisassemblyText(*profile, "("), "disasm: bad regex \"(\": missing ): (");
  EXPECT_EQ(DisassemblyText(*profile, "nothing"), "no matches found for regexp: nothing");
}

}  // namespace
}  // namespace tidemark::report
