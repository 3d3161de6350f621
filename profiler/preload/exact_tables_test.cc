// Exact mode's tables on their own.

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "profiler/preload/address_table.h"
#include "profiler/preload/path_map.h"

namespace tidemark::preload {
namespace {

PathKey KeyOf(uint64_t i) { return PathKey{1, 2}.Extended(i).Extended(i * 3); }

TEST(PathMap, FindsAllAfterGrowingManyTimes) {
  PathMap map;
  ASSERT_TRUE(map.Start(16));
  for (uint32_t i = 1; i <= 100000; ++i) ASSERT_TRUE(map.Insert(KeyOf(i), i));
  for (uint32_t i = 1; i <= 100000; ++i) ASSERT_EQ(map.Find(KeyOf(i)), i);
  for (uint32_t i = 100001; i <= 200000; ++i) ASSERT_EQ(map.Find(KeyOf(i)), PathMap::kAbsent);
}

TEST(PathMap, CanBeReadWhileItGrows) {
  PathMap map;
  ASSERT_TRUE(map.Start(16));
  uint32_t published = 0;
  std::thread reader([&] {
    for (uint32_t n = 0; n < 50000;) {
      n = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
      for (uint32_t i = n > 100 ? n - 100 : 1; i <= n; ++i) ASSERT_EQ(map.Find(KeyOf(i)), i);
    }
  });
  for (uint32_t i = 1; i <= 50000; ++i) {
    ASSERT_TRUE(map.Insert(KeyOf(i), i));
    __atomic_store_n(&published, i, __ATOMIC_RELEASE);
  }
  reader.join();
}

TEST(PathKey, DependsOnOrderAndOnEveryFrame) {
  const PathKey root{7, 9};
  EXPECT_FALSE(root.Extended(1).Extended(2) == root.Extended(2).Extended(1));
  EXPECT_FALSE(root.Extended(1) == root.Extended(2));
  EXPECT_FALSE(root.Extended(0) == root);
  EXPECT_TRUE(root.Extended(5).Extended(6) == root.Extended(5).Extended(6));
}

class AddressTableTest : public testing::TestWithParam<uint32_t> {};

TEST_P(AddressTableTest, AgreesWithAMap) {
  AddressTable table;
  ASSERT_TRUE(table.Start(GetParam()));
  const uint64_t granule = 1ull << GetParam();
  std::map<uint64_t, AddressTable::Block> model;
  std::mt19937_64 random(3);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t address =
        (random() % 2 != 0 ? 0x7f1200000000 : 0x5500000000) + random() % 100000 * granule * 2;
    void* block = reinterpret_cast<void*>(address);
    const AddressTable::Block taken = table.Take(block);
    const auto it = model.find(address);
    ASSERT_EQ(taken.site, it == model.end() ? AddressTable::kNone : it->second.site);
    if (it != model.end()) {
      ASSERT_EQ(taken.size, it->second.size);
      model.erase(it);
    } else {
      const AddressTable::Block put{static_cast<uint32_t>(random() % AddressTable::kMaxSites),
                                    random() % 100000};
      ASSERT_TRUE(table.Put(block, put.site, put.size));
      model[address] = put;
    }
  }
}

TEST_P(AddressTableTest, KeepsHugeSizesAndRefusesForeignAddresses) {
  AddressTable table;
  ASSERT_TRUE(table.Start(GetParam()));
  // The last granule of a leaf: its neighbour cell lies behind the leaf's own.
  void* block = reinterpret_cast<void*>(0x7f0004000000 - (1ull << GetParam()));
  ASSERT_TRUE(table.Put(block, 5, uint64_t{1} << 45));
  const AddressTable::Block taken = table.Take(block);
  EXPECT_EQ(taken.site, 5u);
  EXPECT_EQ(taken.size, uint64_t{1} << 45);
  EXPECT_EQ(table.Take(block).site, AddressTable::kNone);
  EXPECT_FALSE(table.Put(reinterpret_cast<void*>(0xffff800000000000), 1, 1));
  EXPECT_EQ(table.Take(reinterpret_cast<void*>(0xffff800000000000)).site, AddressTable::kNone);
}

TEST_P(AddressTableTest, GivesBackABlockWhoseFreeWasMissed) {
  AddressTable table;
  ASSERT_TRUE(table.Start(GetParam()));
  char* block = reinterpret_cast<char*>(0x7f0004000000);
  AddressTable::Block missed = {AddressTable::kNone, 0};
  ASSERT_TRUE(table.Put(block, 5, uint64_t{1} << 40, &missed));
  EXPECT_EQ(missed.site, AddressTable::kNone);
  ASSERT_TRUE(table.Put(block, 6, 100, &missed));
  EXPECT_EQ(missed.site, 5u);
  EXPECT_EQ(missed.size, uint64_t{1} << 40);
  // Nothing of the huge one is left at its second granule.
  missed.site = AddressTable::kNone;
  ASSERT_TRUE(table.Put(block + (1ull << GetParam()), 7, 100, &missed));
  EXPECT_EQ(missed.site, AddressTable::kNone);
  EXPECT_EQ(table.Take(block).site, 6u);
}

INSTANTIATE_TEST_SUITE_P(Granules, AddressTableTest, testing::Values(3u, 4u));

}  // namespace
}  // namespace tidemark::preload
