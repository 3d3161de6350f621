#include "analyzer/report/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/model/subtract.h"
#include "analyzer/report/test_profile.h"

namespace tidemark::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "value leaf<inlined caller root" for each sample that is left.
std::vector<std::string> Samples(const Profile& profile, const Options& options) {
  const auto selection = Selection::Make(profile, options);
  if (!selection.ok()) return {std::string(selection.status().message())};
  const auto selected = Materialize(*selection);
  if (!selected.ok()) return {std::string(selected.status().message())};
  const Profile& p = **selected;
  std::vector<std::string> samples;
  for (size_t s = 0; s < p.sample_count(); ++s) {
    std::vector<std::string> frames;
    for (const LocationId id : p.stack(p.sample_stacks()[s])) {
      frames.push_back(absl::StrJoin(p.lines(id), "<", [&](std::string* out, const Line& line) {
        absl::StrAppend(out, p.string(p.function(line.function).name));
      }));
    }
    samples.push_back(absl::StrCat(p.values(static_cast<size_t>(selection->sample_type()))[s], " ",
                                   absl::StrJoin(frames, " ")));
  }
  return samples;
}

Options With(std::string Options::*filter, const char* value, Options options = {}) {
  options.*filter = value;
  return options;
}

TestProfile Bytes() { return TestProfile("inuse_space/bytes"); }

TEST(ShowFrom, CutsAboveTheOutermostMatchAndDropsTheRest) {
  TestProfile p = Bytes();
  p.Add("leaf serve handle serve main", {5});
  p.Add("leaf main", {7});
  p.Add("inner<serve<glue main", {9});
  EXPECT_THAT(Samples(*p.Build(), With(&Options::show_from, "^serve$")),
              ElementsAre("5 leaf serve handle serve", "9 inner<serve"));
}

TEST(PruneFrom, CutsBelowTheInnermostMatch) {
  TestProfile p = Bytes();
  p.Add("malloc new grow main grow", {5});
  p.Add("malloc main", {7});
  p.Add("new<grow<fill main", {9});
  EXPECT_THAT(Samples(*p.Build(), With(&Options::prune_from, "^grow$")),
              ElementsAre("5 grow main grow", "7 malloc main", "9 grow<fill main"));
}

TEST(TagFocus, TakesRangesAndUnits) {
  TestProfile p = Bytes();
  p.Add("a", {1}, 512);
  p.Add("b", {2}, 1024);
  p.Add("c", {3}, 4096);
  p.Add("d", {4});
  const auto profile = p.Build();
  const auto focused = [&](const char* expression) {
    return Samples(*profile, With(&Options::tag_focus, expression));
  };
  EXPECT_THAT(focused("1kb"), ElementsAre("2 b"));
  EXPECT_THAT(focused("bytes=1kb:4kb"), ElementsAre("2 b", "3 c"));
  EXPECT_THAT(focused("bytes=:1kb"), ElementsAre("1 a", "2 b"));
  EXPECT_THAT(focused("bytes=1025b:"), ElementsAre("3 c"));
  EXPECT_THAT(focused("size=1kb"), IsEmpty());
  EXPECT_THAT(Samples(*profile, With(&Options::tag_ignore, "1kb:")), ElementsAre("1 a", "4 d"));
  EXPECT_THAT(focused("99999999999999999999"), ElementsAre(HasSubstr("beyond 64 bits")));
  EXPECT_THAT(focused("("), ElementsAre(HasSubstr("--tagfocus: bad regex")));
}

TEST(TagFilters, MatchTextByKeyOrAnywhereAndSayWhenNothingDoes) {
  ProfileBuilder b;
  b.SetSampleTypes({{b.AddString("space"), b.AddString("bytes")}});
  const auto label = [&](const char* key, const char* value) {
    return Label{.key = b.AddString(key), .str = b.AddString(value)};
  };
  const StackId stack = b.AddStack({});
  b.AddSample(stack, b.AddLabels({label("thread", "main"), label("pool", "io")}), {1});
  b.AddSample(stack, b.AddLabels({label("thread", "worker")}), {2});
  const auto profile = *b.Build();
  const auto focused = [&](const char* expression) {
    return Samples(*profile, With(&Options::tag_focus, expression));
  };
  EXPECT_THAT(focused("thread=main|none,work"), ElementsAre("1 ", "2 "));
  EXPECT_THAT(focused("pool:io,thread:m"), ElementsAre("1 "));
  EXPECT_THAT(focused("pool=work"), IsEmpty());

  const auto selection =
      Selection::Make(*profile, With(&Options::focus, "x", With(&Options::tag_hide, "nothing")));
  ASSERT_TRUE(selection.ok());
  EXPECT_THAT(selection->unmatched(), ElementsAre("focus", "taghide"));
  const auto hidden = Selection::Make(*profile, With(&Options::tag_show, "pool"));
  EXPECT_EQ((*Materialize(*hidden))->labels(LabelSetId{1}).size(), 2u) << "the sets stay";
  const auto shown = *Materialize(*hidden);
  EXPECT_EQ(shown->labels(shown->sample_labels()[0]).size(), 1u);
  EXPECT_EQ(shown->labels(shown->sample_labels()[1]).size(), 0u);
}

TEST(LabelFrames, StandAroundTheStack) {
  TestProfile p = Bytes();
  p.Add("leaf main", {1}, 2048);
  p.Add("leaf main", {2});
  const auto profile = p.Build();
  EXPECT_THAT(Samples(*profile, With(&Options::tag_root, "bytes")),
              ElementsAre("1 leaf main 2kB", "2 leaf main "));
  EXPECT_THAT(Samples(*profile, With(&Options::unit, "b", With(&Options::tag_leaf, "none,bytes"))),
              ElementsAre("1 2048B  leaf main", "2   leaf main"));
}

TEST(Selection, TotalsAreBeforeTheFiltersUnlessRelative) {
  TestProfile p("objects/count space/bytes");
  p.Add("a", {2, 10});
  p.Add("b", {1, -5});
  const auto profile = p.Build();
  EXPECT_EQ(Selection::Make(*profile, {})->total(), 15);
  EXPECT_EQ(Selection::Make(*profile, With(&Options::focus, "b"))->total(), 15);
  Options relative = With(&Options::focus, "b");
  relative.relative_percentages = true;
  EXPECT_EQ(Selection::Make(*profile, relative)->total(), 5);
  Options averages;
  averages.mean = true;
  const auto mean = Selection::Make(*profile, averages);
  EXPECT_EQ(mean->total(), 5);
  EXPECT_EQ(mean->type_name(), "mean_space");
  EXPECT_EQ(mean->weight(0).value(), 5);
  EXPECT_DOUBLE_EQ((Weight{7, 2}).real(), 3.5);
  Options nothing;
  nothing.divide_by = 0;
  EXPECT_FALSE(Selection::Make(*profile, nothing).ok());
}

TEST(Selection, WeightsThatCancelArePresent) {
  TestProfile p = Bytes();
  p.Add("a main", {4}, 16);
  p.Add("a main", {-4}, 32);
  p.Add("b main", {0});
  const auto profile = p.Build();
  const auto stacks = Selection::Make(*profile, {})->WeightsPerStack();
  ASSERT_EQ(stacks.weights.size(), 2u);
  EXPECT_TRUE(stacks.weights[0].zero());
  EXPECT_TRUE(stacks.present[0]);
  EXPECT_FALSE(stacks.present[1]);
}

TEST(Selection, ATotalIsTheMarkedBases) {
  TestProfile old_samples = Bytes(), new_samples = Bytes();
  old_samples.Add("a main", {100});
  new_samples.Add("a main", {130});
  new_samples.Add("b main", {7});
  const auto base = old_samples.Build(), newer = new_samples.Build();
  const auto plain = *Subtract(newer, base, {});
  EXPECT_EQ(plain->sample_count(), 2u);
  EXPECT_EQ(Selection::Make(*plain, {})->total(), 37);
  const auto marked = *Subtract(newer, base, {.mark_base = true});
  EXPECT_EQ(marked->sample_count(), 3u);
  EXPECT_EQ(Selection::Make(*marked, {})->total(), 100);
  // 130 and 7 scaled to a sum of 100 are 95 and 5.
  const auto normal = *Subtract(newer, base, {.normalize = true});
  EXPECT_THAT(Samples(*normal, {}), ElementsAre("-5 a main", "5 b main"));
  TestProfile other("inuse_space/bytes extra/count");
  other.Add("a", {1, 1});
  EXPECT_FALSE(Subtract(newer, other.Build(), {.normalize = true}).ok());
}

}  // namespace
}  // namespace tidemark::report
