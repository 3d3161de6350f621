#include "analyzer/leaks/site_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "analyzer/model/profile_builder.h"

namespace tidemark::leaks {
namespace {

struct Row {
  std::string function;
  std::string file;
  int64_t line = 0;
  uint64_t address = 0;
  int64_t samples = 20;
  std::string container = {};  // a map's type
};

// An exact-looking build: one module at `start`, one row for each.
std::shared_ptr<const Profile> Make(const std::vector<Row>& rows, uint64_t start = 0x1000,
                                    const std::string& build_id = "b1") {
  ProfileBuilder builder;
  const auto id = [&](const std::string& s) { return builder.AddString(s); };
  builder.SetSampleTypes(std::vector<ValueType>{{id("inuse_objects"), id("count")},
                                                {id("inuse_space"), id("bytes")},
                                                {id("inuse_samples"), id("count")}});
  builder.SetPeriod({id("space"), id("bytes")}, 1024);
  Mapping mapping;
  mapping.start = start;
  mapping.limit = start + 0x1000;
  mapping.file = id("/opt/" + build_id + "/lib/libx.so");
  mapping.build_id = id(build_id);
  const MappingId module = builder.AddMapping(mapping);
  Annotations annotations;
  for (const Row& row : rows) {
    std::vector<Line> lines;
    if (!row.function.empty()) {
      Function function;
      function.name = id(row.function);
      function.filename = id(row.file);
      lines.push_back({builder.AddFunction(function), row.line});
    }
    const LocationId stack_of_one[] = {
        builder.AddLocation(start + row.address, module, false, lines)};
    const StackId stack = builder.AddStack(stack_of_one);
    annotations.site.resize(stack.value + 1);
    annotations.container.resize(stack.value + 1);
    if (!row.container.empty()) {
      annotations.container[stack.value] =
          ContainerId{static_cast<uint32_t>(annotations.containers.size())};
      annotations.containers.push_back(
          {ContainerKind::kMap, row.container, "", Operation::kInsert, Evidence::kMeasured});
    }
    const int64_t values[] = {row.samples, row.samples * 1024, row.samples};
    builder.AddSample(stack, builder.AddLabels({}), values);
  }
  builder.SetAnnotations(std::move(annotations));
  return builder.Build().value();
}

SitePairs Pair(const std::shared_ptr<const Profile>& base,
               const std::shared_ptr<const Profile>& now) {
  return SitePairs(*base, base->FindSampleType("inuse_space"), *now,
                   now->FindSampleType("inuse_space"));
}

// "base now" of each, in samples.
std::vector<std::string> Counts(const SitePairs& sites) {
  std::vector<std::string> counts;
  for (const SitePair& pair : sites.pairs()) {
    if (!pair.base.known && !pair.now.known) continue;
    counts.push_back(std::to_string(static_cast<int>(pair.base.level.samples)) + " " +
                     std::to_string(static_cast<int>(pair.now.level.samples)));
  }
  return counts;
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SitePairs, LinesAndFoldersMayMove) {
  const auto base =
      Make({{"Load", "/main/src/app.cc", 10, 0x10, 20}, {"Load", "/main/src/app.cc", 30, 0x20, 5}});
  const auto now = Make({{"Load", "/change/app.cc", 44, 0x90, 30}}, 0x7f0000, "b2");
  EXPECT_THAT(Counts(Pair(base, now)), ElementsAre("25 30"));
}

TEST(SitePairs, FunctionsOfOneNameInTwoFilesAreTwo) {
  const auto base = Make({{"init", "a.cc", 1, 1, 20}, {"init", "b.cc", 1, 2, 30}});
  const auto now = Make({{"init", "b.cc", 1, 2, 31}, {"init", "a.cc", 1, 1, 21}});
  EXPECT_THAT(Counts(Pair(base, now)), ElementsAre("20 21", "30 31"));
}

TEST(SitePairs, ClonesAreTheirFunction) {
  const auto base =
      Make({{"Load(int) [clone .isra.0]", "", 0, 1, 20}, {"fill.part.3", "", 0, 2, 7}});
  const auto now = Make({{"Load(int)", "", 0, 1, 21}, {"fill", "", 0, 2, 8}});
  EXPECT_THAT(Counts(Pair(base, now)), ElementsAre("20 21", "7 8"));
}

TEST(SitePairs, WithoutSymbolsThePlaceInTheSameModule) {
  const auto base = Make({{"", "", 0, 0x10, 20}, {"", "", 0, 0x20, 30}}, 0x10000);
  const auto same = Make({{"", "", 0, 0x20, 31}, {"", "", 0, 0x10, 21}}, 0x7f0000);
  EXPECT_THAT(Counts(Pair(base, same)), ElementsAre("20 21", "30 31"));
  // Another build's offsets mean nothing: the module as a whole.
  const auto other = Make({{"", "", 0, 0x18, 31}, {"", "", 0, 0x28, 22}}, 0x7f0000, "b2");
  EXPECT_THAT(Counts(Pair(base, other)), ElementsAre("50 53"));
}

TEST(SitePairs, MovedAndRenamedCodeIsTheSame) {
  const auto base = Make({{"Load", "app.cc", 1, 1, 20}, {"Old", "map.cc", 1, 2, 30, "std::map"}});
  const auto now = Make({{"Load", "load.cc", 1, 1, 21}, {"New", "map.cc", 1, 2, 31, "std::map"}});
  const SitePairs sites = Pair(base, now);
  EXPECT_THAT(Counts(sites), ElementsAre("20 21", "30 31"));
  EXPECT_THAT(sites.notes(), ElementsAre(HasSubstr("Load app.cc:1 and Load load.cc:1"),
                                         HasSubstr("Old map.cc:1 and New map.cc:1")));
  report::Frame old;
  old.function = "Old";
  old.file = "map.cc";
  report::Frame renamed = old;
  renamed.function = "New";
  EXPECT_EQ(sites.Find(old), sites.Find(renamed));
  renamed.function = "Nowhere";
  EXPECT_EQ(sites.Find(renamed), std::nullopt);
}

TEST(SitePairs, NothingIsTakenForTheSameInDoubt) {
  // Two that went, so either might be the new one; other containers; few samples.
  const auto base = Make({{"Old", "map.cc", 1, 1, 20, "std::map"},
                          {"Older", "map.cc", 1, 2, 30, "std::map"},
                          {"Few", "few.cc", 1, 3, 5, "std::map"},
                          {"Set", "set.cc", 1, 4, 50, "std::set"}});
  const auto now = Make({{"New", "map.cc", 1, 1, 21, "std::map"},
                         {"Others", "few.cc", 1, 3, 6, "std::map"},
                         {"Map", "set.cc", 1, 4, 51, "std::map"}});
  const SitePairs sites = Pair(base, now);
  EXPECT_THAT(Counts(sites), ElementsAre("20 0", "30 0", "5 0", "50 0", "0 21", "0 6", "0 51"));
  EXPECT_TRUE(sites.notes().empty());
}

}  // namespace
}  // namespace tidemark::leaks
