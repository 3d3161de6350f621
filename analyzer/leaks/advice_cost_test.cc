// Advice about what containers cost.

#include <cmath>
#include <string>
#include <vector>

#include "analyzer/leaks/advice.h"
#include "analyzer/leaks/advice_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace tidemark::leaks
