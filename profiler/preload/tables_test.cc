// The tables of the recorder, on private memory instead of a state file.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "profiler/preload/live_filter.h"
#include "profiler/preload/live_table.h"
#include "profiler/preload/site_counters.h"
#include "profiler/preload/stack_table.h"
#include "profiler/preload/thread_slots.h"
#include "proto/buckets.h"

namespace tidemark::preload {
namespace {

template <class T>
struct Zeroed {
  explicit Zeroed(size_t n) : memory(static_cast<T*>(std::calloc(n, sizeof(T)))) {}
  ~Zeroed() { std::free(memory); }
  Zeroed(const Zeroed&) = delete;
  Zeroed& operator=(const Zeroed&) = delete;
  T* memory;
};

struct LiveFixture {
  LiveFixture() : shards(state::kLiveShards), entries(kLiveCapacity) {
    table.Attach(shards.memory, entries.memory);
  }
  size_t Used() const {
    size_t n = 0;
    for (uint32_t i = 0; i < state::kLiveShards; ++i) n += shards.memory[i].used;
    return n;
  }
  Zeroed<state::LiveShard> shards;
  Zeroed<state::LiveEntry> entries;
  LiveTable table;
};

state::LiveEntry Entry(uint64_t address, uint64_t size = 64) {
  state::LiveEntry e{};
  e.address = address;
  e.size_bytes = size;
  e.weight_bytes = size * 10;
  e.weight_objects = 10;
  return e;
}

// Random inserts and removes against std::map, at a fill where probe runs are long.
TEST(LiveTable, AgreesWithAMap) {
  LiveFixture f;
  std::map<uint64_t, uint64_t> model;
  std::mt19937_64 random(7);
  state::LiveEntry other;
  for (int step = 0; step < 600000; ++step) {
    const uint64_t address = 0x7f0000000000 + (random() % 150000) * 16;
    if (random() % 3 != 0 && model.size() < 100000) {
      const uint64_t size = random() % 1000 + 1;
      const LiveTable::Put put = f.table.Insert(Entry(address, size), &other);
      auto [it, fresh] = model.emplace(address, size);
      ASSERT_EQ(put, fresh ? LiveTable::Put::kDone : LiveTable::Put::kReplaced);
      if (!fresh) {
        ASSERT_EQ(other.size_bytes, it->second);
        it->second = size;
      }
    } else {
      const LiveTable::Take take = f.table.Remove(address, &other);
      auto it = model.find(address);
      ASSERT_EQ(take, it == model.end() ? LiveTable::Take::kAbsent : LiveTable::Take::kTaken);
      if (it != model.end()) {
        ASSERT_EQ(other.size_bytes, it->second);
        model.erase(it);
      }
    }
  }
  EXPECT_EQ(f.Used(), model.size());
  for (const auto& [address, size] : model) {
    ASSERT_EQ(f.table.Remove(address, &other), LiveTable::Take::kTaken);
    ASSERT_EQ(other.check, state::LiveCheck(other));
  }
  EXPECT_EQ(f.Used(), 0u);
}

TEST(LiveTable, HoldsAHundredThousandBeforeAnyShardIsFull) {
  LiveFixture f;
  std::mt19937_64 random(8);
  state::LiveEntry other;
  for (int i = 0; i < 100000; ++i) {
    ASSERT_NE(f.table.Insert(Entry((random() >> 17) * 16), &other), LiveTable::Put::kFull);
  }
}

TEST(LiveTable, ThinVisitsEachEntryOnceAndRemovesTheRefused) {
  LiveFixture f;
  state::LiveEntry other;
  for (uint64_t i = 1; i <= 90000; ++i) f.table.Insert(Entry(i * 48), &other);
  std::set<uint64_t> seen;
  EXPECT_TRUE(f.table.Thin([&](state::LiveEntry* e) {
    EXPECT_TRUE(seen.insert(e->address).second) << "visited twice";
    return e->address % 96 == 0;
  }));
  EXPECT_EQ(seen.size(), 90000u);
  EXPECT_EQ(f.Used(), 45000u);
  for (uint64_t i = 1; i <= 90000; ++i) {
    ASSERT_EQ(f.table.Remove(i * 48, &other),
              i % 2 == 0 ? LiveTable::Take::kTaken : LiveTable::Take::kAbsent);
  }
}

TEST(LiveTable, ThreadsDoNotLoseEntries) {
  LiveFixture f;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&f, t] {
      state::LiveEntry other;
      for (uint64_t i = 0; i < 20000; ++i) {
        const uint64_t address = ((t << 32) + i + 1) * 16;
        ASSERT_EQ(f.table.Insert(Entry(address), &other), LiveTable::Put::kDone);
        if (i % 2 == 0) {
          ASSERT_EQ(f.table.Remove(address, &other), LiveTable::Take::kTaken);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(f.Used(), 40000u);
}

TEST(LiveFilter, NeverForgetsABlockAndRarelyInventsOne) {
  FilterClear();
  std::mt19937_64 random(9);
  std::set<uint64_t> blocks;
  while (blocks.size() < 114688) blocks.insert((random() >> 18) * 16);
  for (uint64_t b : blocks) FilterAdd(reinterpret_cast<void*>(b));
  for (uint64_t b : blocks) ASSERT_TRUE(FilterMatches(reinterpret_cast<void*>(b)));
  int invented = 0;
  for (int i = 0; i < 1000000; ++i) {
    const uint64_t b = (random() >> 18) * 16;
    if (blocks.count(b) == 0 && FilterMatches(reinterpret_cast<void*>(b))) ++invented;
  }
  EXPECT_LE(invented, 10000);  // 1 % at capacity
  for (uint64_t b : blocks) FilterRemove(reinterpret_cast<void*>(b));
  size_t left = 0;
  for (uint8_t cell : g_live_filter) left += cell != 0 ? 1 : 0;
  EXPECT_EQ(left, 0u);
}

std::unique_ptr<CapturedStack> Stack(std::vector<uint64_t> leaf_first, uint64_t root_cfa = 0x9000,
                                     bool truncated = false) {
  auto s = std::make_unique<CapturedStack>();
  s->depth = static_cast<uint32_t>(leaf_first.size());
  s->truncated = truncated;
  for (uint32_t i = 0; i < s->depth; ++i) {
    s->frames[i] = {leaf_first[i], root_cfa - 0x100 * (s->depth - 1 - i), 0, 0};
  }
  return s;
}

struct StackFixture {
  StackFixture() : nodes(kNodeCapacity), totals(1), slots(StackTable::kSlots) {
    table.Attach(nodes.memory, totals.memory, slots.memory);
  }
  std::vector<uint64_t> Frames(uint32_t node) const {
    std::vector<uint64_t> pcs;
    for (; node != state::kRootNode; node = nodes.memory[node].parent) {
      pcs.push_back(nodes.memory[node].pc);
    }
    return pcs;
  }
  Zeroed<state::Node> nodes;
  Zeroed<state::Totals> totals;
  Zeroed<uint32_t> slots;
  StackTable table;
  bool full = false;
};

TEST(StackTable, SharesPrefixesAndGivesStacksBack) {
  StackFixture f;
  const uint32_t a = f.table.Intern(*Stack({30, 20, 10}), &f.full);
  const uint32_t b = f.table.Intern(*Stack({31, 20, 10}), &f.full);
  EXPECT_EQ(f.table.Intern(*Stack({30, 20, 10}), &f.full), a);
  EXPECT_NE(a, b);
  EXPECT_EQ(f.Frames(a), (std::vector<uint64_t>{30, 20, 10}));
  EXPECT_EQ(f.totals.memory->node_count, 5u);
  const uint32_t cut = f.table.Intern(*Stack({30, 20, 10}, 0x9000, true), &f.full);
  EXPECT_EQ(f.Frames(cut), (std::vector<uint64_t>{30, 20, 10, state::kPcTruncated}));
}

TEST(StackTable, RetiredAddressesGetNewNodes) {
  StackFixture f;
  const uint32_t a = f.table.Intern(*Stack({0x5005, 0x1000}), &f.full);
  f.table.Retire(0x5000, 0x6000);
  const uint32_t b = f.table.Intern(*Stack({0x5005, 0x1000}), &f.full);
  EXPECT_NE(a, b);
  EXPECT_EQ(f.Frames(a)[0], 0x5005 | state::kPcRetired);
  EXPECT_EQ(f.Frames(b)[0], 0x5005u);
}

TEST(StackTable, SaysWhenItIsFull) {
  StackFixture f;
  for (uint64_t i = 1; i < kNodeCapacity; ++i) {
    ASSERT_NE(f.table.Intern(*Stack({i * 4}), &f.full), state::kRootNode);
  }
  EXPECT_EQ(f.table.Intern(*Stack({3}), &f.full), state::kRootNode);
  EXPECT_TRUE(f.full);
  EXPECT_NE(f.table.Intern(*Stack({4}), &f.full), state::kRootNode);
}

struct SiteFixture {
  SiteFixture()
      : totals(1),
        sites(kSiteCapacity),
        freed(kFreedCapacity),
        site_slots(SiteCounters::kSiteSlots),
        freed_slots(SiteCounters::kFreedSlots) {
    State s{};
    s.totals = totals.memory;
    s.sites = sites.memory;
    s.freed = freed.memory;
    counters.Attach(s, site_slots.memory, freed_slots.memory);
  }
  state::LiveEntry Sample(uint32_t stack, uint64_t bytes) {
    state::LiveEntry e = Entry(16, bytes);
    e.weight_bytes = bytes;
    e.weight_objects = 1;
    bool full;
    e.site = counters.FindOrAdd(stack, SizeBucket(bytes), &full);
    return e;
  }
  // What a reader computes as the site's value at the peak.
  uint64_t PeakBytes(uint32_t site) const {
    const state::Site& s = sites.memory[site];
    return s.peak_epoch == totals.memory->peak_epoch ? s.peak_bytes : s.alloc_bytes - s.freed_bytes;
  }
  Zeroed<state::Totals> totals;
  Zeroed<state::Site> sites;
  Zeroed<state::Freed> freed;
  Zeroed<uint32_t> site_slots;
  Zeroed<uint32_t> freed_slots;
  SiteCounters counters;
};

TEST(SiteCounters, KeepsEverySitesValueAtTheGlobalPeak) {
  SiteFixture f;
  std::mt19937_64 random(10);
  std::vector<state::LiveEntry> live;
  std::map<uint32_t, uint64_t> now;
  std::map<uint32_t, uint64_t> at_peak;
  uint64_t total = 0;
  uint64_t peak = 0;
  bool freed_full;
  for (int step = 0; step < 50000; ++step) {
    // Alternate phases that mostly grow and mostly shrink.
    if (random() % 100 < (step / 5000 % 2 == 0 ? 70u : 35u) || live.empty()) {
      live.push_back(f.Sample(static_cast<uint32_t>(random() % 50 + 1), random() % 5000 + 1));
      ASSERT_TRUE(f.counters.CountAllocation(live.back(), 1));
      now[live.back().site] += live.back().weight_bytes;
      total += live.back().weight_bytes;
    } else {
      std::swap(live[random() % live.size()], live.back());
      ASSERT_TRUE(f.counters.CountFree(live.back(), {1, 2, 0}, &freed_full));
      now[live.back().site] -= live.back().weight_bytes;
      total -= live.back().weight_bytes;
      live.pop_back();
    }
    if (total > peak) {
      peak = total;
      at_peak = now;
    }
  }
  EXPECT_EQ(f.totals.memory->peak_bytes, peak);
  EXPECT_EQ(f.totals.memory->live_bytes, total);
  for (const auto& [site, bytes] : now) EXPECT_EQ(f.PeakBytes(site), at_peak[site]) << site;
}

TEST(SiteCounters, FreedEvidenceIsSummedPerKind) {
  SiteFixture f;
  const state::LiveEntry a = f.Sample(1, 100);
  bool freed_full;
  for (int i = 0; i < 5; ++i) {
    f.counters.CountAllocation(a, 1);
    f.counters.CountFree(a, {20, static_cast<uint8_t>(i % 2), 0}, &freed_full);
  }
  ASSERT_EQ(f.totals.memory->freed_count, 2u);
  EXPECT_EQ(f.freed.memory[0].samples, 3u);
  EXPECT_EQ(f.freed.memory[1].bytes, 200u);
  EXPECT_EQ(f.totals.memory->live_samples, 0u);
}

TEST(SiteCounters, RestatementKeepsLiveEqualToAllocatedMinusFreed) {
  SiteFixture f;
  const state::LiveEntry a = f.Sample(1, 100);
  f.counters.CountAllocation(a, 1);
  f.counters.CountAllocation(a, 1);
  state::LiveEntry doubled = a;
  doubled.weight_bytes = 200;
  doubled.weight_objects = 2;
  ASSERT_TRUE(f.counters.Restate(a, doubled, true));
  ASSERT_TRUE(f.counters.Restate(a, doubled, false));
  EXPECT_EQ(f.sites.memory[0].alloc_bytes, 200u);
  EXPECT_EQ(f.sites.memory[0].alloc_objects, 2u);
  EXPECT_EQ(f.sites.memory[0].alloc_samples, 1u);
  EXPECT_EQ(f.totals.memory->live_bytes, 200u);
  EXPECT_EQ(f.totals.memory->live_samples, 1u);
}

struct SlotFixture {
  SlotFixture() : threads(kThreadCapacity), totals(1), previous(kThreadCapacity) {
    slots.Attach(threads.memory, totals.memory, previous.memory);
  }
  Zeroed<state::Thread> threads;
  Zeroed<state::Totals> totals;
  Zeroed<PreviousStack> previous;
  ThreadSlots slots;
};

TEST(ThreadSlots, FramesThatChangedHaveReturned) {
  SlotFixture f;
  const uint32_t slot = f.slots.Claim();
  // main(10) -> loop(20) -> parse(30) allocates.
  const ThreadSlots::Event e = f.slots.Note(slot, *Stack({30, 20, 10}));
  ASSERT_TRUE(e.comparable);
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 0u);
  // The same path again may be the same activation: nothing is claimed.
  f.slots.Note(slot, *Stack({30, 20, 10}));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 0u);
  // loop calls something else (20 -> 21): parse has returned, loop may stand.
  f.slots.Note(slot, *Stack({40, 21, 10}));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 1u);
  // Back at the old path: what returned stays returned.
  f.slots.Note(slot, *Stack({30, 20, 10}));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 1u);
  // main calls something else: loop has returned too.
  f.slots.Note(slot, *Stack({50, 11}));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 2u);
}

TEST(ThreadSlots, AHigherStackPointerEndsFrames) {
  SlotFixture f;
  const uint32_t slot = f.slots.Claim();
  const ThreadSlots::Event e = f.slots.Note(slot, *Stack({30, 20, 10}));  // CFAs 8e00 8f00 9000
  f.slots.NoteStackPointer(slot, 0x8d00);
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 0u);
  f.slots.NoteStackPointer(slot, 0x9100);  // beyond the outermost frame: another stack
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 0u);
  f.slots.NoteStackPointer(slot, 0x8f00);
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 2u);
}

TEST(ThreadSlots, OtherStacksAndCutStacksSayNothing) {
  SlotFixture f;
  const uint32_t slot = f.slots.Claim();
  const ThreadSlots::Event e = f.slots.Note(slot, *Stack({30, 20, 10}));
  EXPECT_FALSE(f.slots.Note(slot, *Stack({70, 60}, 0x5000)).comparable);
  EXPECT_FALSE(f.slots.Note(slot, *Stack({99}, 0x9000, true)).comparable);
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 0u);
}

TEST(ThreadSlots, AnEndedThreadHasReturnedFromEverything) {
  SlotFixture f;
  const uint32_t slot = f.slots.Claim();
  const ThreadSlots::Event e = f.slots.Note(slot, *Stack({30, 20, 10}));
  EXPECT_TRUE(f.slots.IsOwn(slot, e.number));
  f.slots.Release(slot);
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 3u);
  ASSERT_EQ(f.slots.Claim(), slot);
  EXPECT_FALSE(f.slots.IsOwn(slot, e.number));
  f.slots.Note(slot, *Stack({30, 20, 10}));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 3), 3u);
}

TEST(ThreadSlots, StacksDeeperThanTheStoredPartClaimNothingBeyondIt) {
  SlotFixture f;
  const uint32_t slot = f.slots.Claim();
  std::vector<uint64_t> deep(200);
  for (size_t i = 0; i < deep.size(); ++i) deep[i] = 1000 + i;
  const ThreadSlots::Event e = f.slots.Note(slot, *Stack(deep, 0x900000));
  deep[0] = 5;
  deep[1] = 6;  // changes only in the innermost frames, which are not stored
  f.slots.Note(slot, *Stack(deep, 0x900000));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 200), 0u);
  f.slots.Note(slot, *Stack({20, 1199}, 0x900000));
  EXPECT_EQ(f.slots.Outlived(slot, e.number, 200), 198u);
}

TEST(ThreadSlots, RefusesMoreThreadsThanItHolds) {
  SlotFixture f;
  for (uint64_t i = 0; i < kThreadCapacity; ++i) ASSERT_NE(f.slots.Claim(), state::kNoThread);
  EXPECT_EQ(f.slots.Claim(), state::kNoThread);
  f.slots.Release(17);
  EXPECT_EQ(f.slots.Claim(), 17u);
}

}  // namespace
}  // namespace tidemark::preload
