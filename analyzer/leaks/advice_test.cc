#include "analyzer/leaks/advice.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/leaks/ranking.h"
#include "analyzer/leaks/simulated_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kKb = 1024;
constexpr double kMb = 1024 * 1024;

constexpr const char* kHashNode =
    "std::__new_allocator<std::__detail::_Hash_node<std::pair<long const, long>, false> >"
    "::allocate(unsigned long, void const*)";
constexpr const char* kTreeNode =
    "std::__new_allocator<std::_Rb_tree_node<std::pair<int const, int> > >::allocate(unsigned "
    "long)";
constexpr const char* kListNode =
    "std::__new_allocator<std::_List_node<Job> >::allocate(unsigned long, void const*)";
constexpr const char* kRealloc = "void std::vector<int>::_M_realloc_insert<int>(int&&)";

Container Of(ContainerKind kind, std::string type, Operation operation, std::string element = "") {
  return {kind, std::move(type), std::move(element), operation, Evidence::kMeasured};
}
Container HashMap(Operation operation) {
  return Of(ContainerKind::kMap, "std::unordered_map<long, long>", operation,
            "std::pair<const long, long>");
}
Container Ints(Operation operation) {
  return Of(ContainerKind::kSlice, "std::vector<int>", operation, "int");
}

using Snapshots = std::vector<std::shared_ptr<const Profile>>;

Snapshots SnapshotsAt(const SimulatedProcess& process, const std::vector<double>& times_s) {
  Snapshots snapshots;
  for (double time_s : times_s) snapshots.push_back(process.SnapshotAt(time_s));
  return snapshots;
}

// What is advised about the site `function`; nothing also when it is no finding.
std::vector<Advice> AdviceOn(const std::string& function, const Snapshots& snapshots) {
  const auto ranking = Rank(snapshots, {});
  EXPECT_TRUE(ranking.ok()) << ranking.status();
  if (!ranking.ok()) return {};
  for (const Finding& finding : ranking->findings) {
    if (finding.site.function == function) return finding.advice;
  }
  return {};
}

std::vector<AdviceKind> Kinds(const std::vector<Advice>& all) {
  std::vector<AdviceKind> kinds;
  for (const Advice& advice : all) kinds.push_back(advice.kind);
  return kinds;
}

bool Has(AdviceKind kind, const std::vector<Advice>& all) {
  const std::vector<AdviceKind> kinds = Kinds(all);
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

// REQUIRES: there is one of that kind.
Advice Only(AdviceKind kind, const std::vector<Advice>& all) {
  for (const Advice& advice : all) {
    if (advice.kind == kind) return advice;
  }
  ADD_FAILURE() << "no advice " << Name(kind);
  return {};
}

double Number(const Advice& advice, const std::string& name) {
  for (const auto& [key, value] : advice.numbers) {
    if (key == name) return value;
  }
  ADD_FAILURE() << "no number " << name << " in " << advice.text;
  return 0;
}

const std::vector<double> kRun = {100, 200, 300, 400, 500};

// ---- bound

// `per_s` entries each second; each of a node and a string.
void FillMap(SimulatedProcess& p, double per_s, double until_s, double life_s) {
  const size_t nodes = p.AddSite("put", HashMap(Operation::kInsert), {}, {kHashNode});
  const size_t keys = p.AddSite("put", HashMap(Operation::kInsert), {},
                                {"std::string::_M_create", "std::__new_allocator<char>::allocate"});
  for (double t = 0; t < until_s; t += 1 / per_s) {
    p.Allocate(nodes, 64, t, t + life_s);
    p.Allocate(keys, 40, t, t + life_s);
  }
}

TEST(Bound, EntriesAndTheirGrowth) {
  SimulatedProcess p(1, 1);
  FillMap(p, 40, 500, kForever);
  const std::vector<Advice> all = AdviceOn("put", SnapshotsAt(p, kRun));
  const Advice advice = Only(AdviceKind::kBound, all);
  EXPECT_NEAR(Number(advice, "entries"), 20'000, 1);
  EXPECT_NEAR(Number(advice, "bytes_per_entry"), 104, 0.1);
  EXPECT_NEAR(Number(advice, "entries_per_hour"), 144'000, 1000);
  EXPECT_EQ(Number(advice, "survival"), 1);
  EXPECT_EQ(advice.text,
            "20.0k entries now, 104B for each, and 144k/h more; 100 % of what was inserted is "
            "still live. If this is a cache or a registry, consider a limit or an expiry.");
  EXPECT_EQ(advice.evidence, Evidence::kMeasured);
}

TEST(Bound, NotACacheAtItsLimit) {
  SimulatedProcess p(2, 1);
  FillMap(p, 40, 500, 80);
  EXPECT_THAT(AdviceOn("put", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(Bound, NotOneThatLosesHalf) {
  SimulatedProcess p(3, 1);
  FillMap(p, 20, 500, kForever);
  FillMap(p, 20, 500, 5);
  EXPECT_THAT(AdviceOn("put", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(Bound, NotWithoutGrowthSeen) {
  SimulatedProcess p(4, 1);
  FillMap(p, 40, 500, kForever);
  // One snapshot after a short while: a suspect that survives, no more.
  EXPECT_FALSE(Has(AdviceKind::kBound, AdviceOn("put", SnapshotsAt(p, {30}))));
}

TEST(Bound, ATableThatOnlyOutgrowsItself) {
  SimulatedProcess p(5, 1);
  p.set_plain(true);
  const size_t site =
      p.AddSite("main.Put", Of(ContainerKind::kMap, "map[string]int", Operation::kInsert, "int"));
  // Go's maps: tables of 64 kB, each made once a smaller one is full.
  for (double t = 0; t < 500; t += 2) {
    p.Allocate(site, 32 * kKb, t, t + 1);
    p.Allocate(site, 64 * kKb, t + 1);
  }
  const Advice advice = Only(AdviceKind::kBound, AdviceOn("main.Put", SnapshotsAt(p, kRun)));
  EXPECT_THAT(advice.text, HasSubstr("it frees only what it has outgrown"));
  EXPECT_NEAR(Number(advice, "growth_bytes_per_hour"), 32 * kKb * 3600, 64 * kKb * 36);
}

// ---- slow_consumer

void Queue(SimulatedProcess& p, double taken, bool elsewhere) {
  const size_t site =
      p.AddSite("push", Of(ContainerKind::kList, "std::list<Job>", Operation::kInsert, "Job"), {},
                {kListNode});
  p.set_frees_elsewhere(elsewhere);
  int i = 0;
  for (double t = 0; t < 500; t += 0.05) {
    const bool is_taken = ++i % 100 < 100 * taken;
    p.Allocate(site, 500, t, is_taken ? t + 1 : kForever);
  }
}

TEST(SlowConsumer, WhatComesInAndGoesOut) {
  SimulatedProcess p(1, 1);
  Queue(p, 0.6, true);
  const Advice advice = Only(AdviceKind::kSlowConsumer, AdviceOn("push", SnapshotsAt(p, kRun)));
  EXPECT_NEAR(Number(advice, "in_bytes_per_hour"), 20 * 500 * 3600, 4e5);
  EXPECT_NEAR(Number(advice, "out_bytes_per_hour"), 12 * 500 * 3600, 4e5);
  EXPECT_EQ(Number(advice, "freed_by_other_thread_share"), 1);
  EXPECT_THAT(advice.text, HasSubstr("of that freed by another thread"));
}

TEST(SlowConsumer, NotInOneThread) {
  SimulatedProcess p(2, 1);
  Queue(p, 0.6, false);
  EXPECT_THAT(AdviceOn("push", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(SlowConsumer, NotOneThatKeepsUp) {
  SimulatedProcess p(3, 1);
  Queue(p, 1, true);
  EXPECT_THAT(AdviceOn("push", SnapshotsAt(p, kRun)), IsEmpty());
}

// ---- shrink

// 100'000 nodes of which a share goes at 150 s, and their table.
void DrainedMap(SimulatedProcess& p, double gone, double table_dies_s) {
  const size_t nodes = p.AddSite("fill", HashMap(Operation::kInsert), {}, {kHashNode});
  const size_t table = p.AddSite("fill", HashMap(Operation::kGrow));
  for (int i = 0; i < 100'000; ++i) {
    p.Allocate(nodes, 24, 10 + i * 1e-4, i < 100'000 * gone ? 150 : kForever);
  }
  p.Allocate(table, 2 * kMb, 20, table_dies_s);
  p.set_peak(140);
}

TEST(Shrink, TheTableOfAnEmptiedMap) {
  SimulatedProcess p(1, 1);
  DrainedMap(p, 0.9, kForever);
  const std::vector<Advice> all = AdviceOn("fill", SnapshotsAt(p, kRun));
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kShrink));
  EXPECT_EQ(all[0].text,
            "Its table holds 2MB, as at the process's peak 360s ago, while what its elements "
            "allocated fell from 2.29MB to 234.38kB. Consider rehash(0), or swapping it with a "
            "new one, once most of it is erased.");
  EXPECT_EQ(Number(all[0], "storage_bytes"), 2 * kMb);
  EXPECT_EQ(Number(all[0], "elements_peak_bytes"), 2'400'000);
  EXPECT_EQ(Number(all[0], "elements_bytes"), 240'000);
  EXPECT_EQ(Number(all[0], "peak_ago_seconds"), 360);
}

TEST(Shrink, NotAMapThatIsMostlyFull) {
  SimulatedProcess p(2, 1);
  DrainedMap(p, 0.4, kForever);
  EXPECT_FALSE(Has(AdviceKind::kShrink, AdviceOn("fill", SnapshotsAt(p, kRun))));
}

TEST(Shrink, NotATableThatShrank) {
  SimulatedProcess p(3, 1);
  DrainedMap(p, 0.9, 160);
  EXPECT_FALSE(Has(AdviceKind::kShrink, AdviceOn("fill", SnapshotsAt(p, kRun))));
}

TEST(Shrink, NotAHeapTornDownAtExit) {
  SimulatedProcess p(4, 1);
  DrainedMap(p, 0.9, kForever);
  const size_t rest = p.AddSite("rest");
  for (int i = 0; i < 100; ++i) p.Allocate(rest, 100 * kKb, 30, 180);
  p.set_reason("exit");
  EXPECT_THAT(AdviceOn("fill", SnapshotsAt(p, {200})), IsEmpty());
  p.set_reason("on demand");
  EXPECT_TRUE(Has(AdviceKind::kShrink, AdviceOn("fill", SnapshotsAt(p, {200}))));
}

TEST(Shrink, NotATableOfHalfItsSize) {
  SimulatedProcess p(7, 1);
  DrainedMap(p, 0.9, kForever);
  p.Allocate(p.AddSite("fill", HashMap(Operation::kGrow)), 2 * kMb, 30, 160);
  EXPECT_FALSE(Has(AdviceKind::kShrink, AdviceOn("fill", SnapshotsAt(p, kRun))));
}

// As Go's profiles: no peak, so the fullest snapshot is held against the newest.
Snapshots GoMap(const std::string& element) {
  SimulatedProcess p(5, 1);
  p.set_plain(true);
  const size_t table = p.AddSite(
      "main.Put", Of(ContainerKind::kMap, "map[string]" + element, Operation::kInsert, element));
  const size_t values = p.AddSite(
      "main.NewRec", Of(ContainerKind::kObject, "store.Rec", Operation::kCreate, "store.Rec"));
  for (int i = 0; i < 20; ++i) p.Allocate(table, 256 * kKb, 10);
  for (int i = 0; i < 10'000; ++i) p.Allocate(values, 512, 20, i % 10 == 0 ? kForever : 250);
  return SnapshotsAt(p, kRun);
}

TEST(Shrink, AGoMapWhoseValuesWent) {
  const Advice advice = Only(AdviceKind::kShrink, AdviceOn("main.Put", GoMap("*store.Rec")));
  EXPECT_EQ(advice.text,
            "Its table holds 5MB, as in the fullest snapshot 300s ago, while its store.Rec "
            "elements fell from 4.88MB to 500kB. Consider copying what is left into a new map, or "
            "setting the map to nil when nothing is: deleting entries does not free a Go map's "
            "buckets.");
  EXPECT_EQ(advice.evidence, Evidence::kInferred);
}

TEST(Shrink, NotAGoMapWithItsValuesInline) {
  EXPECT_THAT(AdviceOn("main.Put", GoMap("store.Rec")), IsEmpty());
}

TEST(Shrink, TheStringsOfAVector) {
  SimulatedProcess p(6, 1);
  const size_t array = p.AddSite(
      "load",
      Of(ContainerKind::kSlice, "std::vector<std::string>", Operation::kGrow, "std::string"), {},
      {kRealloc});
  const size_t text =
      p.AddSite("load", Of(ContainerKind::kString, "std::string", Operation::kCreate, "char"));
  p.Allocate(array, 2 * kMb, 5, 100.1);
  p.Allocate(array, 4 * kMb, 99);
  for (int i = 0; i < 100'000; ++i) p.Allocate(text, 50, 10, 150);
  p.set_peak(100);  // while the array grows
  const std::vector<Advice> all = AdviceOn("load", SnapshotsAt(p, kRun));
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kShrink));
  EXPECT_THAT(all[0].text, HasSubstr("Its array holds 4MB, of 6MB at the process's peak"));
  EXPECT_THAT(all[0].text, HasSubstr("shrink_to_fit()"));
}

// ---- copy_out

std::vector<Advice> Buffers(const std::string& site, const std::string& type, double size,
                            double life_s, Operation operation = Operation::kCreate) {
  SimulatedProcess p(1, 1);
  p.set_plain(true);
  const size_t id = p.AddSite(site, Of(ContainerKind::kSlice, type, operation, "byte"));
  for (double t = 0; t < 500; ++t) p.Allocate(id, size, t, t + life_s);
  return AdviceOn(site, SnapshotsAt(p, kRun));
}

TEST(CopyOut, LargeArraysThatStayInGo) {
  const std::vector<Advice> all = Buffers("main.Read", "[]byte", 64 * kKb, kForever);
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kCopyOut));
  EXPECT_EQ(all[0].text,
            "500 arrays of 64kB on average stay, 31.25MB in all. If only parts of them are used, "
            "check whether a part keeps its whole array, and consider copying it out "
            "(slices.Clone).");
  EXPECT_EQ(all[0].evidence, Evidence::kInferred);
  EXPECT_EQ(Number(all[0], "bytes_per_block"), 64 * kKb);
}

TEST(CopyOut, NotSmallOnes) {
  EXPECT_THAT(Buffers("main.Read", "[]byte", 8 * kKb, kForever), IsEmpty());
}

TEST(CopyOut, NotOnesThatGo) {
  EXPECT_THAT(Buffers("main.Read", "[]byte", 64 * kKb, 50), IsEmpty());
}

TEST(CopyOut, NotWhatWasAppendedTo) {
  EXPECT_THAT(Buffers("main.Add", "[]byte", 64 * kKb, kForever, Operation::kGrow), IsEmpty());
}

TEST(CopyOut, NotInCxx) {
  EXPECT_THAT(Buffers("Read", "std::vector<char>", 64 * kKb, kForever), IsEmpty());
}

// ---- reserve

// `arrays` that grow by `factor` to some `top` bytes, each kept for `life_s`.
void Regrow(SimulatedProcess& p, size_t site, int arrays, double top, double factor,
            double life_s) {
  for (int i = 0; i < arrays; ++i) {
    const double t = i * 490.0 / arrays;
    double size = top;
    for (double before = life_s; size >= 16; size = std::floor(size / factor)) {
      p.Allocate(site, size, t, t + before);
      before = 1e-5;
    }
  }
}

TEST(Reserve, ArraysThatGrowAgainAndAgain) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("collect", Ints(Operation::kGrow), {}, {kRealloc});
  Regrow(p, site, 500, 64 * kKb, 2, 1e-4);
  p.set_peak(98);  // while the blocks of one of them live
  const std::vector<Advice> all = AdviceOn("collect", SnapshotsAt(p, kRun));
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kReserve));
  EXPECT_EQ(Number(all[0], "grown_bytes"), 500 * (128 * kKb - 16));
  EXPECT_EQ(Number(all[0], "grown_share"), 1);
  EXPECT_EQ(Number(all[0], "typical_bytes"), 64 * kKb);
  EXPECT_EQ(Number(all[0], "typical_elements"), 16384);
  EXPECT_EQ(
      all[0].text,
      "Allocated 62.49MB (100 % of all) by growing step by step, for 127.98kB in use. Consider "
      "reserve(n) where the size is known beforehand: 50 % of it went into blocks of 64kB, "
      "room for 16.4k elements.");
}

TEST(Reserve, InTheWordsOfTheLanguage) {
  const auto text = [](const Container& container) {
    SimulatedProcess p(2, 1);
    const size_t site = p.AddSite("collect", container);
    Regrow(p, site, 500, 64 * kKb, 2, 1e-4);
    return Only(AdviceKind::kReserve, AdviceOn("collect", SnapshotsAt(p, kRun))).text;
  };
  EXPECT_THAT(text(Of(ContainerKind::kSlice, "Vec<u64>", Operation::kGrow, "u64")),
              HasSubstr("with_capacity(n)"));
  EXPECT_THAT(text(Of(ContainerKind::kSlice, "[]int", Operation::kGrow, "int")),
              HasSubstr("make([]T, 0, n)"));
  EXPECT_THAT(text(Of(ContainerKind::kMap, "map[int]int", Operation::kInsert, "int")),
              HasSubstr("make(map[K]V, n)"));
  EXPECT_THAT(text(Of(ContainerKind::kSlice, "", Operation::kGrow)),
              HasSubstr("allocating the final size at once"));
}

TEST(Reserve, NotWhatGrewOnce) {
  SimulatedProcess p(3, 1);
  const size_t site = p.AddSite("collect", Ints(Operation::kGrow), {}, {kRealloc});
  Regrow(p, site, 1, 64 * kMb, 2, kForever);
  EXPECT_THAT(AdviceOn("collect", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(Reserve, NotWhatIsReserved) {
  SimulatedProcess p(4, 1);
  const size_t site = p.AddSite("collect", Ints(Operation::kGrow), {},
                                {"std::vector<int>::_M_allocate_and_copy<int*>(unsigned long)",
                                 "std::vector<int>::reserve(unsigned long)"});
  Regrow(p, site, 500, 64 * kKb, 2, 1e-4);
  EXPECT_THAT(AdviceOn("collect", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(Reserve, NotWhatIsInferredToBeAnArray) {
  SimulatedProcess p(6, 1);
  Container array = Of(ContainerKind::kSlice, "", Operation::kGrow);
  array.evidence = Evidence::kInferred;
  Regrow(p, p.AddSite("collect", array), 500, 64 * kKb, 2, 1e-4);
  EXPECT_THAT(AdviceOn("collect", SnapshotsAt(p, kRun)), IsEmpty());
}

TEST(Reserve, NotBlocksOfAnySize) {
  SimulatedProcess p(5, 1);
  const size_t site = p.AddSite("collect", Ints(Operation::kGrow), {}, {kRealloc});
  for (int i = 0; i < 2000; ++i) {
    const double octaves = std::uniform_real_distribution<double>(8, 16)(p.random());
    p.Allocate(site, std::floor(std::exp2(octaves)), i * 0.2, i * 0.2 + 1e-4);
  }
  EXPECT_THAT(AdviceOn("collect", SnapshotsAt(p, kRun)), IsEmpty());
}

// ---- geometric_growth

// An array that is reallocated `reallocs` times up to 1 MB.
std::vector<Advice> Stepwise(int reallocs, bool there_and_back) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("append");
  for (int i = 1; i <= reallocs; ++i) {
    double size = std::floor(kMb * i / reallocs);
    if (there_and_back) size = i % 2 == 0 ? kMb : kMb / 2;
    const double t = 490.0 * i / reallocs;
    p.set_reallocs(int64_t{1} << std::ilogb(i));
    p.Allocate(site, size, t, i == reallocs ? kForever : t + 490.0 / reallocs);
  }
  return AdviceOn("append", SnapshotsAt(p, kRun));
}

TEST(GeometricGrowth, AnArrayThatGrowsByAConstant) {
  const std::vector<Advice> all = Stepwise(1024, false);
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kGeometricGrowth));
  EXPECT_EQ(all[0].text,
            "An array of 1MB went through 1024 reallocs or more, at most 1kB each on average: "
            "512.50MB allocated for 1MB live. Consider growing it by a factor, not by a fixed "
            "amount.");
  EXPECT_EQ(Number(all[0], "reallocs"), 1024);
}

TEST(GeometricGrowth, NotAfterFewReallocs) { EXPECT_THAT(Stepwise(60, false), IsEmpty()); }

TEST(GeometricGrowth, NotThereAndBack) { EXPECT_THAT(Stepwise(1024, true), IsEmpty()); }

// ---- reuse

std::vector<Advice> Temporaries(double per_s, double life_s, bool elsewhere) {
  SimulatedProcess p(1, 1);
  const size_t site =
      p.AddSite("format", Of(ContainerKind::kString, "std::string", Operation::kCreate, "char"));
  p.set_frees_elsewhere(elsewhere);
  for (double t = 0; t < 10; t += 1 / per_s) p.Allocate(site, 1000, t, t + life_s);
  return AdviceOn("format", SnapshotsAt(p, {2, 4, 6, 8, 10}));
}

TEST(Reuse, ShortLivesAtAHighRate) {
  const std::vector<Advice> all = Temporaries(5000, 2e-4, false);
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kReuse));
  EXPECT_NEAR(Number(all[0], "blocks_per_second"), 5000, 10);
  EXPECT_EQ(Number(all[0], "lifetime_ns"), 1 << 20);
  EXPECT_THAT(all[0].text, HasSubstr("5000 blocks/s, 47.68MB in all, and 100 % of it lives less "
                                     "than 1.05ms"));
}

TEST(Reuse, NotAFewPerSecond) { EXPECT_THAT(Temporaries(500, 2e-4, false), IsEmpty()); }

TEST(Reuse, NotWhatLivesOn) { EXPECT_THAT(Temporaries(5000, 0.5, false), IsEmpty()); }

TEST(Reuse, NotWhatIsHandedOver) { EXPECT_THAT(Temporaries(5000, 2e-4, true), IsEmpty()); }

// ---- intern

std::vector<Advice> Strings(int count, const std::vector<double>& sizes, Operation operation) {
  SimulatedProcess p(1, 1);
  const size_t site =
      p.AddSite("load", Of(ContainerKind::kString, "std::string", operation, "char"));
  for (int i = 0; i < count; ++i) {
    p.Allocate(site, sizes[static_cast<size_t>(i) % sizes.size()], i * 1e-4);
  }
  return AdviceOn("load", SnapshotsAt(p, kRun));
}

TEST(Intern, ManyStringsOfOneSize) {
  const std::vector<Advice> all = Strings(50'000, {48}, Operation::kCreate);
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kIntern));
  EXPECT_EQ(all[0].text,
            "50.0k live strings (100 % of this line's) are of one size, 48B, 2.29MB in all. If "
            "many are equal, which sizes alone cannot tell, consider interning them: one shared "
            "copy of each.");
  EXPECT_EQ(all[0].evidence, Evidence::kInferred);
}

TEST(Intern, NotStringsOfSeveralSizes) {
  EXPECT_THAT(Strings(50'000, {48, 48, 48, 64}, Operation::kCreate), IsEmpty());
}

TEST(Intern, NotSizesThatGrowthMade) {
  EXPECT_THAT(Strings(50'000, {61}, Operation::kGrow), IsEmpty());
}

TEST(Intern, TheStringsInAVectorButNotInASet) {
  const auto strings_in = [](ContainerKind kind, const char* type) {
    SimulatedProcess p(2, 1);
    const size_t site = p.AddSite("load", Of(kind, type, Operation::kInsert, "std::string"));
    for (int i = 0; i < 50'000; ++i) p.Allocate(site, 48, 1);
    return Kinds(AdviceOn("load", SnapshotsAt(p, kRun)));
  };
  EXPECT_THAT(strings_in(ContainerKind::kSlice, "std::vector<std::string>"),
              ElementsAre(AdviceKind::kIntern));
  EXPECT_THAT(strings_in(ContainerKind::kSet, "std::unordered_set<std::string>"), IsEmpty());
}

// ---- flat

std::vector<Advice> Nodes(int count, double size, std::vector<std::string> libraries,
                          const char* allocator = kTreeNode) {
  SimulatedProcess p(1, 1);
  p.set_libraries(std::move(libraries));
  const size_t site = p.AddSite(
      "index", Of(ContainerKind::kMap, "std::map<int, int>", Operation::kInsert), {}, {allocator});
  for (int i = 0; i < count; ++i) p.Allocate(site, size, 1);
  return AdviceOn("index", SnapshotsAt(p, kRun));
}

TEST(Flat, SmallElementsInATree) {
  const std::vector<Advice> all = Nodes(50'000, 40, {"/lib/libc.so.6"});
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kFlat));
  EXPECT_EQ(all[0].text,
            "50.0k live nodes of 40B (48B in malloc's heap, estimated) for elements of 8B: 83 % of "
            "2.29MB is links and headers. Consider a flat container (sorted vector, "
            "open-addressing hash table), unless pointers into it must stay valid.");
  EXPECT_EQ(all[0].evidence, Evidence::kInferred);
  EXPECT_EQ(Number(all[0], "element_bytes"), 8);
}

TEST(Flat, WithoutMallocsHeadersWhereTheyAreNotKnown) {
  const std::vector<Advice> all = Nodes(50'000, 40, {"/lib/libc.so.6", "/lib/libjemalloc.so.2"});
  EXPECT_THAT(Only(AdviceKind::kFlat, all).text,
              HasSubstr("nodes of 40B for elements of 8B: 80 % of 1.91MB"));
  EXPECT_EQ(all[0].evidence, Evidence::kMeasured);
}

TEST(Flat, NotLargeElements) { EXPECT_THAT(Nodes(50'000, 200, {"/lib/libc.so.6"}), IsEmpty()); }

TEST(Flat, NotFewNodes) { EXPECT_THAT(Nodes(9'000, 120, {"/lib/libc.so.6"}), IsEmpty()); }

TEST(Flat, NotWhatANodesElementOwns) {
  EXPECT_THAT(Nodes(50'000, 40, {"/lib/libc.so.6"},
                    "std::__new_allocator<char>::allocate(unsigned long, void const*)"),
              IsEmpty());
}

// ---- peak

std::vector<Advice> Burst(double freed_s, double others_mb) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("parse", Ints(Operation::kCreate));
  for (int i = 0; i < 20; ++i) p.Allocate(site, 512 * kKb, 40, freed_s);
  const size_t others = p.AddSite("others");
  for (int i = 0; i < others_mb * 10; ++i) p.Allocate(others, 0.1 * kMb, 10);
  p.set_peak(45);
  return AdviceOn("parse", SnapshotsAt(p, {43, 200, 300, 400, 645}));
}

TEST(Peak, WhatWasLargeThen) {
  const std::vector<Advice> all = Burst(50, 30);
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kPeak));
  EXPECT_EQ(all[0].text,
            "Held 10MB (25 % of all) at the process's peak 600s ago, 0 now. If the peak matters, "
            "consider building it in parts, or freeing earlier what is done.");
}

TEST(Peak, NotASmallPartOfIt) { EXPECT_THAT(Burst(50, 60), IsEmpty()); }

TEST(Peak, NotWhatIsHeldStill) { EXPECT_THAT(Burst(kForever, 30), IsEmpty()); }

// ---- what all have in common

// `count` samples of strings of one size, each standing for many.
std::vector<Advice> FewSamplesOf(int count) {
  SimulatedProcess p(1, 524288);
  const size_t site =
      p.AddSite("load", Of(ContainerKind::kString, "std::string", Operation::kCreate, "char"));
  for (int i = 0; i < count; ++i) p.AllocateSampled(site, 64, 1);
  return AdviceOn("load", SnapshotsAt(p, kRun));
}

// Descriptors stay when goroutines end: their number only tells of leaks where it grows.
TEST(Goroutines, AreCountedWhereTheyGrow) {
  for (const bool grows : {true, false}) {
    SimulatedProcess p(1, 1);
    p.set_plain(true);
    const size_t site =
        p.AddSite("runtime.malg", Of(ContainerKind::kObject, "runtime.g", Operation::kCreate));
    for (int i = 0; i < 2000; ++i) p.Allocate(site, 440, grows ? i / 20.0 : 1);
    const std::vector<Advice> advice =
        AdviceOn("runtime.malg", SnapshotsAt(p, {20, 40, 60, 80, 100}));
    ASSERT_EQ(Has(AdviceKind::kGoroutines, advice), grows);
    if (!grows) continue;
    EXPECT_THAT(advice[0].text, HasSubstr("2000 goroutines at once, 1599 more than before"));
  }
}

TEST(Advice, SaysHowManySamplesThereAreWhenTheyAreFew) {
  EXPECT_THAT(FewSamplesOf(9), IsEmpty());
  EXPECT_THAT(Only(AdviceKind::kIntern, FewSamplesOf(23)).text, HasSubstr("in all (23 samples). "));
  EXPECT_THAT(Only(AdviceKind::kIntern, FewSamplesOf(51)).text, HasSubstr("in all. "));
}

TEST(Advice, OfOneKindTheLargerOfTwoContainers) {
  SimulatedProcess p(1, 1);
  for (const auto& [type, count] :
       {std::pair("std::map<int, int>", 30'000), std::pair("std::map<int, char>", 60'000)}) {
    const size_t site =
        p.AddSite("index", Of(ContainerKind::kMap, type, Operation::kInsert), {}, {kTreeNode});
    for (int i = 0; i < count; ++i) p.Allocate(site, 40, 1);
  }
  const std::vector<Advice> all = AdviceOn("index", SnapshotsAt(p, kRun));
  ASSERT_THAT(Kinds(all), ElementsAre(AdviceKind::kFlat));
  EXPECT_EQ(Number(all[0], "nodes"), 60'000);
}

TEST(Advice, NoneForASnapshotWithoutContainers) {
  SimulatedProcess p(1, 1);
  const size_t site = p.AddSite("f");
  for (double t = 0; t < 500; t += 0.01) p.Allocate(site, 100, t);
  EXPECT_THAT(AdviceOn("f", SnapshotsAt(p, kRun)), IsEmpty());
}

}  // namespace
}  // namespace tidemark::leaks
