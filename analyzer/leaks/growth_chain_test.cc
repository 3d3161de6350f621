#include "analyzer/leaks/growth_chain.h"

#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

// As the label `bytes`: eight steps in each octave.
int64_t Label(double size) {
  const double step = std::exp2(std::floor(std::log2(size)) - 3);
  return static_cast<int64_t>(std::floor(size / step) * step);
}

// Blocks of these sizes, all recorded.
std::vector<BlocksOfSize> Sizes(const std::vector<double>& blocks) {
  std::map<int64_t, BlocksOfSize> sizes;
  for (double size : blocks) {
    BlocksOfSize& of = sizes[Label(size)];
    of.size_bytes = Label(size);
    of.grown += {.bytes = {size, 1, 0}, .objects = 1};
    of.alloc += {.bytes = {size, 1, 0}, .objects = 1};
  }
  std::vector<BlocksOfSize> result;
  for (const auto& [label, of] : sizes) result.push_back(of);
  return result;
}

// `arrays`, each from `first` through `next` to a size of its own up to `last`.
std::vector<double> Chains(int arrays, double first, double last,
                           const std::function<double(double)>& next) {
  std::mt19937 random(1);
  std::vector<double> blocks;
  for (int i = 0; i < arrays; ++i) {
    const double octaves =
        std::uniform_real_distribution<double>(std::log2(first) + 4, std::log2(last))(random);
    for (double size = first; size <= std::exp2(octaves); size = next(size)) blocks.push_back(size);
  }
  return blocks;
}

bool IsChain(const std::vector<double>& blocks) { return FindGrowthChain(Sizes(blocks)).is_chain; }

TEST(GrowthChain, DoublingInSizesOfAnyElement) {
  for (double element : {4, 24, 40, 56, 72}) {
    EXPECT_TRUE(IsChain(Chains(100, element, 1e6, [](double size) { return 2 * size; })))
        << element;
  }
}

TEST(GrowthChain, OtherFactors) {
  EXPECT_TRUE(IsChain(Chains(100, 16, 1e6, [](double size) { return std::floor(1.5 * size); })));
  // Go's slices, beyond 256 elements of 8 bytes.
  EXPECT_TRUE(IsChain(Chains(100, 4096, 1e6, [](double size) {
    return 64 * std::floor((size + size / 4 + 192 * 8) / 64);
  })));
  // The primes of libstdc++'s hash tables.
  EXPECT_TRUE(IsChain(
      Chains(100, 13 * 8, 1e6, [](double size) { return std::floor(2.1 * size / 8) * 8; })));
}

TEST(GrowthChain, SeveralSideBySide) {
  std::vector<double> blocks;
  for (double first : {37, 41, 73, 160}) {
    const auto more = Chains(50, first, 1e5, [](double size) { return 2 * size; });
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(IsChain(blocks));
}

TEST(GrowthChain, NotSizesOfOnesOwn) {
  std::mt19937 random(2);
  std::uniform_real_distribution<double> octaves(5, 18);
  std::vector<double> any;
  for (int i = 0; i < 3000; ++i) any.push_back(std::exp2(octaves(random)));
  EXPECT_FALSE(IsChain(any));
}

TEST(GrowthChain, NotFewFixedSizes) {
  std::vector<double> fixed;
  for (int i = 0; i < 300; ++i) fixed.push_back(i % 3 == 0 ? 128 : i % 3 == 1 ? 1024 : 65536);
  EXPECT_FALSE(IsChain(fixed));
  EXPECT_FALSE(IsChain(std::vector<double>(300, 4096)));
}

TEST(GrowthChain, NotMoreLargeBlocksThanSmall) {
  std::vector<double> blocks;
  for (double size = 64; size <= 4096; size *= 2) {
    for (int i = 0; i < size * size / 4096; ++i) blocks.push_back(size);
  }
  EXPECT_FALSE(IsChain(blocks));
}

TEST(GrowthChain, NothingOfNothing) { EXPECT_FALSE(FindGrowthChain({}).is_chain); }

TEST(FillsOctaveBelow, OnlyWithAllSizes) {
  std::vector<double> steps, doubling;
  for (double size = 1000; size <= 1e6; size += 1000) steps.push_back(size);
  for (double size = 1000; size <= 1e6; size *= 2) doubling.push_back(size);
  EXPECT_TRUE(FillsOctaveBelow(Label(1e6), Sizes(steps)));
  EXPECT_FALSE(FillsOctaveBelow(Label(1e6), Sizes(doubling)));
}

}  // namespace
}  // namespace tidemark::leaks
