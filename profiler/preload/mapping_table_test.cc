#include "profiler/preload/mapping_table.h"

#include <map>
#include <memory>
#include <random>

#include "gtest/gtest.h"

namespace tidemark::preload {
namespace {

using Piece = MappingTable::Piece;

class MappingTableTest : public testing::Test {
 protected:
  // "number:bytes", with a star behind the last piece of a mapping.
  std::string Cut(uint64_t start, uint64_t limit, uint64_t newest = 1000) {
    std::string text;
    Piece piece;
    while (table_->Cut(start, limit, newest, &piece)) {
      EXPECT_EQ(piece.site, piece.number + 7);
      EXPECT_FALSE(piece.overflowed);
      text += (text.empty() ? "" : " ") + std::to_string(piece.number) + ":" +
              std::to_string(piece.bytes) + (piece.last ? "*" : "");
    }
    return text;
  }
  void Insert(uint64_t start, uint64_t limit, uint64_t number) {
    ASSERT_TRUE(table_->Insert(start, limit, number, static_cast<uint32_t>(number) + 7));
  }

  std::unique_ptr<MappingTable> table_ = std::make_unique<MappingTable>();
};

TEST_F(MappingTableTest, WholeMappingsInAnyOrder) {
  Insert(300, 400, 1);
  Insert(100, 200, 2);
  Insert(200, 300, 3);
  EXPECT_TRUE(table_->Contains(100));
  EXPECT_TRUE(table_->Contains(399));
  EXPECT_FALSE(table_->Contains(99));
  EXPECT_FALSE(table_->Contains(400));
  EXPECT_EQ(Cut(200, 300), "3:100*");
  EXPECT_FALSE(table_->Contains(200));
  EXPECT_EQ(Cut(0, 1000), "2:100* 1:100*");
  EXPECT_EQ(Cut(0, 1000), "");
}

TEST_F(MappingTableTest, HeadAndTail) {
  Insert(100, 200, 1);
  EXPECT_EQ(Cut(50, 120), "1:20");
  EXPECT_EQ(Cut(190, 250), "1:10");
  EXPECT_EQ(Cut(100, 120), "");
  EXPECT_EQ(Cut(120, 190), "1:70*");
}

TEST_F(MappingTableTest, OnlyTheLastOfSeveralRangesEndsAMapping) {
  Insert(100, 200, 1);
  EXPECT_EQ(Cut(120, 140), "1:20");
  EXPECT_EQ(Cut(160, 170), "1:10");
  EXPECT_EQ(Cut(140, 160), "1:20");
  EXPECT_EQ(Cut(100, 120), "1:20");
  EXPECT_EQ(Cut(170, 200), "1:30*");
}

TEST_F(MappingTableTest, NewerMappingsAreLeftAlone) {
  Insert(100, 200, 5);
  Insert(200, 300, 9);
  EXPECT_EQ(Cut(100, 300, 8), "5:100*");
  EXPECT_EQ(Cut(100, 300, 8), "");
  EXPECT_EQ(Cut(100, 300, 9), "9:100*");
}

TEST_F(MappingTableTest, FullTable) {
  for (uint64_t i = 0; i < MappingTable::kCapacity; ++i) {
    ASSERT_TRUE(table_->Insert(i * 10, i * 10 + 5, i + 1, 0));
  }
  EXPECT_FALSE(table_->Insert(1000000, 1000010, 9999, 0));
  Piece piece;
  ASSERT_TRUE(table_->Cut(1, 2, 9999, &piece));  // no room for what remains behind the cut
  EXPECT_TRUE(piece.overflowed);
  EXPECT_EQ(piece.bytes, 4u);
  EXPECT_FALSE(piece.last);
  EXPECT_TRUE(table_->Contains(0));
  EXPECT_FALSE(table_->Contains(3));
}

// Against a model that knows the owner of every single address.
TEST_F(MappingTableTest, AgreesWithAModel) {
  std::mt19937 random(7);
  std::map<uint64_t, uint64_t> owner;  // address -> number
  for (uint64_t number = 1; number <= 3000; ++number) {
    const uint64_t start = random() % 500;
    const uint64_t limit = start + 1 + random() % 60;
    std::map<uint64_t, uint64_t> want;  // number -> bytes removed
    for (uint64_t a = start; a < limit; ++a) {
      if (owner.count(a) != 0) ++want[owner[a]];
      owner.erase(a);
    }
    std::map<uint64_t, uint64_t> got;
    std::map<uint64_t, bool> ended;
    Piece piece;
    while (table_->Cut(start, limit, number, &piece)) {
      got[piece.number] += piece.bytes;
      ended[piece.number] |= piece.last;
    }
    ASSERT_EQ(got, want);
    for (const auto& [n, last] : ended) {
      bool remains = false;
      for (const auto& [address, o] : owner) remains |= o == n;
      ASSERT_EQ(last, !remains) << "mapping " << n;
    }
    if (random() % 3 != 0) {
      Insert(start, limit, number);
      for (uint64_t a = start; a < limit; ++a) owner[a] = number;
    }
    for (uint64_t a = 0; a < 570; a += 7) ASSERT_EQ(table_->Contains(a), owner.count(a) != 0);
  }
}

}  // namespace
}  // namespace tidemark::preload
