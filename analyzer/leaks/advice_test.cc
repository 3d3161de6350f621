// Advice about what stays, and what all advice has in common.

#include "analyzer/leaks/advice.h"

#include <string>
#include <vector>

#include "analyzer/leaks/advice_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

// ---- goroutines

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
