#include "analyzer/io/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/io/folded_export.h"
#include "analyzer/io/inflate.h"
#include "analyzer/io/json_export.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/model/profile_builder.h"
#include "nlohmann/json.hpp"

namespace tidemark::io {
namespace {

using ::testing::HasSubstr;

constexpr char kGo[] = TIDEMARK_SOURCE_DIR "/tests/data/go/leaky-1.26.2.pb.gz";

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::shared_ptr<const Profile> MustOpen(const std::string& path) {
  const auto p = OpenFile(path);
  EXPECT_TRUE(p.ok()) << p.status();
  return *p;
}

TEST(OpenFile, ReadsAGoProfile) {
  const auto p = MustOpen(kGo);
  ASSERT_EQ(p->sample_types().size(), 4u);
  EXPECT_EQ(p->string(p->sample_types()[3].type), "inuse_space");
  EXPECT_EQ(p->default_sample_type_index(), 3);
  EXPECT_GT(p->sample_count(), 20u);
  EXPECT_EQ(p->period(), 524288);
}

TEST(OpenFile, SaysWhatIsWrong) {
  const auto missing = OpenFile("/nonexistent/x.pb.gz");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.status().message(),
            "opening the profile: No such file or directory (where: /nonexistent/x.pb.gz)");
  EXPECT_EQ(OpenFile("/").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(OpenFile("/proc/self/exe").status().message()),
              HasSubstr("program or core file"));
}

TEST(OpenBytes, RefusesEmptyInput) {
  for (const std::string& empty : {std::string(), Gzip("")}) {
    const auto p = OpenBytes(empty, "x");
    EXPECT_EQ(p.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(p.status().message()), HasSubstr("empty file"));
  }
}

TEST(OpenBytes, NamesInputAndOffset) {
  const auto p = OpenBytes("this is no profile at all", "some.txt");
  EXPECT_EQ(p.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(p.status().message()), HasSubstr("some.txt, byte offset "));
  EXPECT_THAT(std::string(OpenBytes(Gzip("nonsense"), "x.gz").status().message()),
              HasSubstr("x.gz, inflated, byte offset "));
  EXPECT_EQ(OpenBytes("\x1f\x8b", "x.gz").status().code(), absl::StatusCode::kDataLoss);
}

TEST(OpenBytes, SurvivesEveryPrefixOfAGzipFile) {
  const std::string bytes = Contents(kGo);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(OpenBytes(absl::string_view(bytes).substr(0, n), "x").ok()) << n;
  }
}

TEST(ToPprof, ReadsBackAsTheSameProfile) {
  for (const Compression compression : {Compression::kNone, Compression::kGzip}) {
    const auto before = MustOpen(kGo);
    const std::string bytes = ToPprof(*before, compression);
    EXPECT_EQ(PackingOf(bytes) == Packing::kGzip, compression == Compression::kGzip);
    const auto after = OpenBytes(bytes, "copy");
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(ToJson(**after), ToJson(*before));
    EXPECT_EQ(ToPprof(**after, compression), bytes);
  }
}

TEST(ToPprof, KeepsBytesThatAreNotUtf8) {
  ProfileBuilder b;
  b.AddFunction({.name = b.AddString("\xff\xfe name")});
  const auto p = OpenBytes(ToPprof(**b.Build(), Compression::kNone), "x");
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->string((*p)->functions()[0].name), "\xff\xfe name");
}

std::shared_ptr<const Profile> Inlined() {
  ProfileBuilder b;
  const MappingId m = b.AddMapping(
      {.start = 0x1000, .limit = 0x9000, .offset = 0x200, .file = b.AddString("/bin/a;b")});
  const FunctionId in = b.AddFunction({.name = b.AddString("inner;x")});
  const FunctionId out =
      b.AddFunction({.name = b.AddString("outer"), .filename = b.AddString("o.cc")});
  const LocationId leaf = b.AddLocation(0x1010, m, false, {Line{in, 3}, Line{out, 7}});
  const LocationId root = b.AddLocation(0x1020, m, false, {});
  const LocationId twin = b.AddLocation(0x1011, m, false, {Line{in, 4}, Line{out, 7}});
  b.SetSampleTypes({{b.AddString("space"), b.AddString("bytes")}});
  const StringId key = b.AddString("bytes"), text = b.AddString("thread");
  const LabelSetId labels = b.AddLabels({Label{.key = key, .num = 64, .num_unit = key},
                                         Label{.key = text, .str = b.AddString("main \xff")}});
  b.AddSample(b.AddStack({leaf, root}), labels, {10});
  b.AddSample(b.AddStack({twin, root}), LabelSetId{0}, {5});
  b.AddSample(b.AddStack({root}), LabelSetId{0}, {7});
  b.AddSample(b.AddStack({root}), LabelSetId{0}, {-7});
  b.AddSample(b.AddStack({}), LabelSetId{0}, {1});
  return *b.Build();
}

TEST(WriteFolded, IsRootFirstSummedAndClean) {
  std::string text;
  WriteFolded(*Inlined(), 0, [&](absl::string_view line) { absl::StrAppend(&text, line); });
  EXPECT_EQ(text, "a:b+0x220;outer;inner:x 15\n<unknown> 1\n");
}

TEST(ToJson, IsOneDocumentWithSelfContainedRows) {
  const auto json = nlohmann::json::parse(ToJson(*Inlined()));
  EXPECT_EQ(json["schema"], "tidemark.profile/1");
  EXPECT_EQ(json["sample_type"], "space");
  EXPECT_EQ(json["unit"], "bytes");
  EXPECT_EQ(json["total"], 30);
  ASSERT_EQ(json["rows"].size(), 5u);
  const auto& row = json["rows"][0];
  EXPECT_EQ(row["values"], nlohmann::json::parse("[10]"));
  EXPECT_EQ(row["labels"]["bytes"], nlohmann::json::parse("[64]"));
  EXPECT_EQ(row["labels"]["thread"][0], "main \xef\xbf\xbd");
  EXPECT_EQ(json["label_units"]["bytes"], "bytes");
  ASSERT_EQ(row["stack"].size(), 3u);
  EXPECT_EQ(row["stack"][0]["function"], "inner;x");
  EXPECT_EQ(row["stack"][0]["inlined"], true);
  EXPECT_EQ(row["stack"][1]["file"], "o.cc");
  EXPECT_EQ(row["stack"][1]["inlined"], false);
  EXPECT_TRUE(row["stack"][2]["function"].is_null());
  EXPECT_EQ(row["stack"][2]["module"], "/bin/a;b");
  EXPECT_EQ(row["stack"][2]["address"], 0x1020);
}

TEST(ToJson, OfAnEmptyProfileIsADocumentToo) {
  ProfileBuilder b;
  const auto json = nlohmann::json::parse(ToJson(**b.Build()));
  EXPECT_EQ(json["rows"].size(), 0u);
  EXPECT_EQ(json["total"], 0);
}

class WriteFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "tidemark_write_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    for (const char* name : {"/a", "/link"}) unlink((folder_ + name).c_str());
    EXPECT_EQ(rmdir(folder_.c_str()), 0) << "something was left behind";
  }
  static unsigned Mode(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  std::string folder_;
};

TEST_F(WriteFile, IsPrivateAndKeepsAnExistingMode) {
  const std::string path = folder_ + "/a";
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  EXPECT_EQ(Mode(path), 0600u);
  EXPECT_EQ(Contents(path), "one");
  chmod(path.c_str(), 0644);
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  EXPECT_EQ(Mode(path), 0644u);
  EXPECT_EQ(Contents(path), "two");
}

TEST_F(WriteFile, FollowsALink) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/a", "one").ok());
  ASSERT_EQ(symlink("a", (folder_ + "/link").c_str()), 0);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/link", "two").ok());
  EXPECT_EQ(Contents(folder_ + "/a"), "two");
}

TEST_F(WriteFile, SaysWhyNot) {
  const absl::Status missing = WriteFileAtomically(folder_ + "/no/such", "x");
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/no/such"));
  const absl::Status full = WriteFileAtomically("/dev/full", "x");
  EXPECT_THAT(std::string(full.message()), HasSubstr("No space left"));
}

}  // namespace
}  // namespace tidemark::io
