#include "analyzer/model/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "analyzer/model/profile_builder.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Row {
  int64_t size;  // label `bytes`, 0: none
  int64_t value;
};

// One function in a module loaded at `base`.
std::shared_ptr<const Profile> Make(uint64_t base, std::vector<Row> rows,
                                    const char* unit = "bytes", const char* period_type = "space") {
  ProfileBuilder b;
  const MappingId m = b.AddMapping({.start = base,
                                    .limit = base + 0x1000,
                                    .file = b.AddString("/bin/prog"),
                                    .build_id = b.AddString("abc")});
  const FunctionId f = b.AddFunction({.name = b.AddString("f")});
  const LocationId l = b.AddLocation(base + 0x10, m, false, {Line{f, 3}});
  b.SetSampleTypes({{b.AddString("inuse_space"), b.AddString(unit)}});
  b.SetPeriod({b.AddString(period_type), b.AddString("bytes")}, static_cast<int64_t>(base));
  b.SetTime(static_cast<int64_t>(base), 7);
  b.AddComment(b.AddString("same"));
  b.AddComment(b.AddString(std::to_string(base)));
  const StringId key = b.AddString("bytes");
  for (const Row& row : rows) {
    const Label label{.key = key, .num = row.size};
    b.AddSample(b.AddStack({l}), row.size != 0 ? b.AddLabels({label}) : LabelSetId{0}, {row.value});
  }
  return *b.Build();
}

TEST(Merge, AddsUpWhatIsTheSameWhereverItWasLoaded) {
  const auto p = Merge({Make(0x10000, {{8, 5}, {16, 1}}), Make(0x70000, {{8, 6}, {0, 2}})});
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ((*p)->mappings().size(), 1u);
  EXPECT_EQ((*p)->locations().size(), 1u);
  EXPECT_EQ((*p)->functions().size(), 1u);
  EXPECT_EQ((*p)->stack_count(), 1u);
  EXPECT_THAT((*p)->values(0), ElementsAre(11, 1, 2));
  EXPECT_EQ((*p)->period(), 0x70000);
  EXPECT_EQ((*p)->time_ns(), 0x10000);
  EXPECT_EQ((*p)->duration_ns(), 14);
  EXPECT_EQ((*p)->comments().size(), 3u);
}

TEST(Merge, DropsWhatCancels) {
  const auto p = Merge({Make(0x10000, {{8, 5}, {16, 1}}), Make(0x10000, {{8, -5}})});
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_THAT((*p)->values(0), ElementsAre(1));
}

TEST(Merge, TakesTheFinerUnit) {
  const auto p = Merge({Make(0x10000, {{0, 2}}, "kilobytes"), Make(0x10000, {{0, 5}}, "bytes")});
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_THAT((*p)->values(0), ElementsAre(2 * 1024 + 5));
  EXPECT_EQ((*p)->string((*p)->sample_types()[0].unit), "bytes");
}

TEST(Merge, RefusesWhatDoesNotBelongTogether) {
  EXPECT_EQ(Merge({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Merge({Make(1, {}), Make(1, {}, "bytes", "time")}).status().message()),
              HasSubstr("period types"));
  EXPECT_THAT(std::string(Merge({Make(1, {}), Make(1, {}, "count")}).status().message()),
              HasSubstr("in count"));
  ProfileBuilder b;
  b.SetPeriod({b.AddString("space"), b.AddString("bytes")}, 1);
  EXPECT_THAT(std::string(Merge({Make(1, {}), *b.Build()}).status().message()),
              HasSubstr("in common"));
}

TEST(Merge, KeepsOnlyCommonSampleTypes) {
  ProfileBuilder b(*Make(1, {}));
  b.SetSampleTypes({{b.AddString("other"), b.AddString("count")},
                    {b.AddString("inuse_space"), b.AddString("bytes")}});
  b.AddSample(StackId{b.AddStack({LocationId{0}})}, LabelSetId{0}, {100, 3});
  const auto p = Merge({*b.Build(), Make(1, {{0, 4}})});
  ASSERT_TRUE(p.ok()) << p.status();
  ASSERT_EQ((*p)->sample_types().size(), 1u);
  EXPECT_THAT((*p)->values(0), ElementsAre(7));
}

}  // namespace
}  // namespace tidemark
