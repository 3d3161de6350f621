#include "analyzer/model/profile_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two frames, two stacks, three samples.
std::shared_ptr<const Profile> SmallProfile() {
  ProfileBuilder b;
  const MappingId m = b.AddMapping({.start = 0x1000, .limit = 0x2000, .file = b.AddString("prog")});
  const FunctionId f = b.AddFunction({.name = b.AddString("f")});
  const FunctionId g = b.AddFunction({.name = b.AddString("g")});
  const LocationId lf = b.AddLocation(0x1010, m, false, {Line{f, 3}});
  const LocationId lg = b.AddLocation(0x1020, m, false, {Line{g, 7}, Line{f, 9}});
  b.SetSampleTypes({ValueType{b.AddString("inuse_space"), b.AddString("bytes")}});
  const StackId s1 = b.AddStack({lf, lg});
  const StackId s2 = b.AddStack({lg});
  const LabelSetId bytes = b.AddLabels({Label{.key = b.AddString("bytes"), .num = 64}});
  b.AddSample(s1, bytes, {10});
  b.AddSample(s2, LabelSetId{0}, {20});
  b.AddSample(b.AddStack({lf, lg}), bytes, {30});
  auto profile = b.Build();
  EXPECT_TRUE(profile.ok()) << profile.status();
  return *profile;
}

TEST(ProfileBuilder, InternsWhatIsEqual) {
  const auto p = SmallProfile();
  EXPECT_EQ(p->stack_count(), 2u);
  EXPECT_EQ(p->label_set_count(), 2u);
  EXPECT_EQ(p->sample_stacks()[0], p->sample_stacks()[2]);
  EXPECT_EQ(p->sample_labels()[0], p->sample_labels()[2]);
  EXPECT_THAT(p->values(0), ElementsAre(10, 20, 30));
  EXPECT_EQ(p->string(p->functions()[1].name), "g");
  EXPECT_EQ(p->lines(LocationId{1}).size(), 2u);
  EXPECT_EQ(p->string(StringId{0}), "");
  EXPECT_EQ(p->FindString("prog"), p->mappings()[0].file);
  EXPECT_FALSE(p->FindString("absent").valid());
}

TEST(ProfileBuilder, DistinguishesStacksWithEqualPrefixes) {
  ProfileBuilder b;
  const LocationId a = b.AddLocation(1, MappingId{}, false, {});
  const LocationId c = b.AddLocation(2, MappingId{}, false, {});
  EXPECT_NE(b.AddStack({a}), b.AddStack({a, c}));
  EXPECT_NE(b.AddStack({a, c}), b.AddStack({c, a}));
  EXPECT_EQ(b.AddStack({}), b.AddStack({}));
}

TEST(ProfileBuilder, StartsFromAnotherProfileWithItsIds) {
  auto base = SmallProfile();
  const Profile& old = *base;
  ProfileBuilder b(old);
  const FunctionId h = b.AddFunction({.name = b.AddString("h")});
  EXPECT_EQ(b.AddFunction(old.functions()[0]), FunctionId{0});
  EXPECT_EQ(b.AddString("prog"), old.mappings()[0].file);
  EXPECT_EQ(b.AddStack(old.stack(StackId{1})), StackId{1});
  EXPECT_EQ(b.AddLabels(old.labels(LabelSetId{1})), LabelSetId{1});
  b.SetLines(LocationId{0}, {Line{h, 1}});
  b.mapping(MappingId{0}).has_functions = true;
  auto built = b.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  base.reset();  // the new profile owns, or keeps alive, every string it shows
  const Profile& p = **built;
  EXPECT_EQ(p.string(p.function(p.lines(LocationId{0})[0].function).name), "h");
  EXPECT_EQ(p.string(p.function(p.lines(LocationId{1})[0].function).name), "g");
  EXPECT_TRUE(p.mappings()[0].has_functions);
  EXPECT_THAT(p.values(0), ElementsAre(10, 20, 30));
}

TEST(ProfileBuilder, RefusesDanglingIds) {
  {
    ProfileBuilder b;
    b.AddStack({LocationId{5}});
    const auto p = b.Build();
    EXPECT_EQ(p.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(p.status().message()), HasSubstr("location"));
  }
  {
    ProfileBuilder b;
    b.AddLocation(1, MappingId{0}, false, {});
    EXPECT_EQ(b.Build().status().code(), absl::StatusCode::kDataLoss);
  }
  {
    ProfileBuilder b;
    b.AddLocation(1, MappingId{}, false, {Line{FunctionId{0}, 1}});
    EXPECT_EQ(b.Build().status().code(), absl::StatusCode::kDataLoss);
  }
  {
    ProfileBuilder b;
    b.AddFunction({.name = StringId{9}});
    EXPECT_EQ(b.Build().status().code(), absl::StatusCode::kDataLoss);
  }
  {
    ProfileBuilder b;
    b.AddLocation(1, MappingId{}, false, {Line{FunctionId{}, 1}});  // unknown is allowed
    EXPECT_TRUE(b.Build().ok());
  }
}

TEST(ProfileBuilder, RefusesAnnotationsThatDoNotCoverTheStacks) {
  const auto base = SmallProfile();
  ProfileBuilder b(*base);
  Annotations a;
  a.site.resize(1);
  a.container.resize(1);
  b.SetAnnotations(a);
  EXPECT_EQ(b.Build().status().code(), absl::StatusCode::kDataLoss);
}

TEST(Profile, DefaultSampleTypeIsTheNamedOneElseTheLast) {
  ProfileBuilder b;
  b.SetSampleTypes({ValueType{b.AddString("a"), b.AddString("count")},
                    ValueType{b.AddString("b"), b.AddString("bytes")}});
  const auto last = *b.Build();
  EXPECT_EQ(last->default_sample_type_index(), 1);
  EXPECT_EQ(last->FindSampleType("a"), 0);
  EXPECT_EQ(last->FindSampleType("c"), -1);

  ProfileBuilder named(*last);
  named.SetDefaultSampleType(named.AddString("a"));
  EXPECT_EQ((*named.Build())->default_sample_type_index(), 0);
  ProfileBuilder unknown(*last);
  unknown.SetDefaultSampleType(unknown.AddString("zzz"));
  EXPECT_EQ((*unknown.Build())->default_sample_type_index(), 1);
}

}  // namespace
}  // namespace tidemark
