#include "profiler/preload/exact_recorder.h"

#include "profiler/preload/bounded_lock.h"
#include "profiler/preload/fast_capture.h"
#include "profiler/preload/inside.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"
#include "profiler/preload/path_map.h"
#include "profiler/preload/recorder.h"
#include "profiler/preload/thread_state.h"
#include "proto/buckets.h"

namespace tidemark::preload {

PathKey g_root_key;

namespace exact {
namespace {

constexpr uint32_t kCacheEntries = 2048;
// What one thread's live bytes may be off in the global total while others run; what the
// peak may be missed by, per thread.
constexpr int64_t kPendingBytes = 32 << 10;

// Where a thread finds a site it used lately, by 107 bits of its key.
struct CacheEntry {
  uint64_t key_b;
  uint32_t key_a;  // its upper half; the lower bits tell the entry
  uint32_t site;   // + 1; 0: empty
};

struct ThreadTables {
  ThreadHead head;
  FastCapture capture;
  int64_t pending;  // live bytes not yet in Totals
  uint32_t lock;    // of the tables that threads without a slot share
  uint32_t slot;    // of its chunks
  CacheEntry cache[kCacheEntries];
  state::ExactChunk* chunks[kExactSiteCapacity / state::kExactChunkSites];
};

constinit State g_state = {};
constinit PathMap g_nodes;  // path -> node
constinit PathMap g_sites;  // path and size bucket -> site + 1
constinit AddressTable g_blocks;
constinit uint32_t g_lock = 0;                               // of everything above
constinit ThreadTables* g_tables[kThreadCapacity + 1] = {};  // the last is shared
constinit uint32_t g_threads = 0;  // that ever recorded; with one, no atomics

constexpr uint32_t kSharedSlot = kThreadCapacity;

// The tables of the calling thread, made at its first event. nullptr: no memory.
[[gnu::noinline]] ThreadTables* MakeTables(ThreadState* t) {
  if (t->exact != nullptr) return static_cast<ThreadTables*>(t->exact);
  const uint32_t claimed = ClaimThreadSlot(t);
  const uint32_t slot = claimed == state::kNoThread ? kSharedSlot : claimed;
  ThreadTables* tables = __atomic_load_n(&g_tables[slot], __ATOMIC_ACQUIRE);
  if (tables == nullptr) {
    bool wiped;
    tables = static_cast<ThreadTables*>(MapWipedOnFork(sizeof(ThreadTables), &wiped));
    if (tables == nullptr) return nullptr;
    tables->head.ready = wiped ? 1 : 0;
    tables->slot = slot;
    ThreadTables* expected = nullptr;
    if (!__atomic_compare_exchange_n(&g_tables[slot], &expected, tables, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
      Unmap(tables, sizeof(ThreadTables));
      tables = expected;
    }
  }
  __atomic_add_fetch(&g_threads, 1, __ATOMIC_RELAXED);
  tables->capture.Reset();
  t->exact = tables;
  return tables;
}

// Held while a thread without a slot of its own uses the shared tables.
class Hold {
 public:
  explicit Hold(ThreadTables* tables) : tables_(tables) {
    if (TM_UNLIKELY(tables_->slot == kSharedSlot) && !AcquireBounded(&tables_->lock)) {
      tables_ = nullptr;
    }
  }
  ~Hold() {
    if (tables_ != nullptr && TM_UNLIKELY(tables_->slot == kSharedSlot)) Release(&tables_->lock);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  bool held() const { return tables_ != nullptr; }

 private:
  ThreadTables* tables_;
};

// What a mapping's path is extended by.
PathKey MappingPath(const FastCapture& stack) { return stack.key().Extended(state::kPcMmap); }

// The node of the stack just captured, with the mark of a mapping if it is one.
// REQUIRES: g_lock. kRootNode: full.
uint32_t InternStack(const FastCapture& stack, bool is_mapping) {
  uint32_t depth = stack.depth();
  while (depth > 1 && IsInOperatorNew(stack.pc(depth - 1))) --depth;  // as recorder.cc does
  // Most of a new stack is known: find how much, from the leaf outwards.
  uint32_t known = depth;
  uint32_t node = state::kRootNode;
  while (known > 0 && (node = g_nodes.Find(stack.key(known - 1))) == PathMap::kAbsent) --known;
  uint64_t count = g_state.totals->node_count;
  auto add = [&](uint64_t pc, uint32_t module, const PathKey& key) {
    if (count >= kExactNodeCapacity || !Reach(state::kSectionNodes, &g_state.nodes[count]) ||
        !g_nodes.Insert(key, static_cast<uint32_t>(count))) {
      return false;
    }
    g_state.nodes[count] = {pc, node, module};
    node = static_cast<uint32_t>(count++);
    __atomic_store_n(&g_state.totals->node_count, count, __ATOMIC_RELEASE);
    return true;
  };
  if (known == 0 && stack.truncated()) {
    const PathKey cut = g_root_key.Extended(state::kPcTruncated);
    node = g_nodes.Find(cut);
    if (node == PathMap::kAbsent && !add(state::kPcTruncated, state::kNoModule, cut)) {
      return state::kRootNode;
    }
  }
  for (uint32_t i = known; i < depth; ++i) {
    if (!add(stack.pc(i), stack.module(i), stack.key(i))) return state::kRootNode;
  }
  if (is_mapping) {
    const PathKey path = MappingPath(stack);
    const uint32_t mark = g_nodes.Find(path);
    if (mark != PathMap::kAbsent) return mark;
    if (!add(state::kPcMmap, state::kNoModule, path)) return state::kRootNode;
  }
  return node;
}

// The site of the stack just captured with a size bucket, as site + 1; 0: lost, counted.
[[gnu::noinline]] uint32_t FindOrAddSite(const FastCapture& stack, PathKey key, uint32_t bucket,
                                         bool is_mapping) {
  uint32_t number = g_sites.Find(key);
  if (number != PathMap::kAbsent) return number;
  if (!AcquireBounded(&g_lock)) {
    CountLoss(state::kLossLiveBusy);
    return 0;
  }
  number = g_sites.Find(key);
  if (number == PathMap::kAbsent) {
    const uint64_t count = g_state.totals->exact_site_count;
    const uint32_t node = InternStack(stack, is_mapping);
    if (node == state::kRootNode) {
      CountLoss(state::kLossNodesFull);
    } else if (count >= kExactSiteCapacity ||
               !Reach(state::kSectionExactSites, &g_state.exact_sites[count]) ||
               !g_sites.Insert(key, static_cast<uint32_t>(count + 1))) {
      CountLoss(state::kLossSitesFull);
    } else {
      g_state.exact_sites[count] = {node, bucket};
      __atomic_store_n(&g_state.totals->exact_site_count, count + 1, __ATOMIC_RELEASE);
      number = static_cast<uint32_t>(count + 1);
      if (stack.truncated()) CountLoss(state::kLossStackTruncated);
    }
  }
  Release(&g_lock);
  return number;
}

// Gives the thread counters of the sites around `site`; false: no room, counted.
[[gnu::noinline]] bool AddChunk(ThreadTables* tables, uint32_t site) {
  if (!AcquireBounded(&g_lock)) {
    CountLoss(state::kLossLiveBusy);
    return false;
  }
  const uint64_t count = g_state.totals->exact_chunk_count;
  state::ExactChunk* chunk = &g_state.exact_chunks[count];
  const bool has_room = count < kExactChunkCapacity && Reach(state::kSectionExactChunks, chunk);
  if (has_room) {
    chunk->thread = tables->slot;
    chunk->first_site = site / state::kExactChunkSites * state::kExactChunkSites;
    __atomic_store_n(&g_state.totals->exact_chunk_count, count + 1, __ATOMIC_RELEASE);
    tables->chunks[site / state::kExactChunkSites] = chunk;
  }
  Release(&g_lock);
  if (!has_room) CountLoss(state::kLossSitesFull);
  return has_room;
}

// The thread's counters of a site; nullptr: no room, counted.
inline state::ExactCounter* CounterOf(ThreadTables* tables, uint32_t site) {
  state::ExactChunk** chunk = &tables->chunks[site / state::kExactChunkSites];
  if (TM_UNLIKELY(*chunk == nullptr) && !AddChunk(tables, site)) return nullptr;
  return &(*chunk)->counters[site % state::kExactChunkSites];
}

// Counters have one writer; readers outside load them at any time.
void Add(uint64_t* counter, uint64_t n) {
  __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

// As SiteCounters::SettlePeak: a change after a new peak first keeps what was live at it.
inline void SettlePeak(state::ExactCounter* c) {
  const uint64_t epoch = __atomic_load_n(&g_state.totals->peak_epoch, __ATOMIC_RELAXED);
  if (c->peak_epoch == epoch) return;
  c->peak_objects = c->alloc_objects - c->freed_objects;
  c->peak_bytes = c->alloc_bytes - c->freed_bytes;
  __atomic_store_n(&c->peak_epoch, epoch, __ATOMIC_RELEASE);
}

void RaisePeak(uint64_t live) {
  state::Totals* totals = g_state.totals;
  uint64_t peak = __atomic_load_n(&totals->peak_bytes, __ATOMIC_RELAXED);
  // A live total below zero (frees that ran ahead of pending allocations) is no peak.
  while (static_cast<int64_t>(live) > static_cast<int64_t>(peak)) {
    if (__atomic_compare_exchange_n(&totals->peak_bytes, &peak, live, true, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      __atomic_add_fetch(&totals->peak_epoch, 1, __ATOMIC_RELAXED);
      return;
    }
  }
}

[[gnu::noinline]] void Flush(ThreadTables* tables) {
  const uint64_t live = __atomic_add_fetch(
      &g_state.totals->live_bytes, static_cast<uint64_t>(tables->pending), __ATOMIC_RELAXED);
  tables->pending = 0;
  RaisePeak(live);
}

// live = live + bytes; at once while one thread records, else in steps.
inline void AddLive(ThreadTables* tables, int64_t bytes) {
  if (TM_LIKELY(__atomic_load_n(&g_threads, __ATOMIC_RELAXED) == 1)) {
    state::Totals* totals = g_state.totals;
    const uint64_t live = totals->live_bytes + static_cast<uint64_t>(bytes);
    __atomic_store_n(&totals->live_bytes, live, __ATOMIC_RELAXED);
    if (live > totals->peak_bytes) {
      __atomic_store_n(&totals->peak_bytes, live, __ATOMIC_RELAXED);
      __atomic_store_n(&totals->peak_epoch, totals->peak_epoch + 1, __ATOMIC_RELAXED);
    }
    return;
  }
  tables->pending += bytes;
  if (tables->pending > kPendingBytes || tables->pending < -kPendingBytes) Flush(tables);
}

inline void CountFreeIn(ThreadTables* tables, AddressTable::Block taken) {
  state::ExactCounter* counter = CounterOf(tables, taken.site);
  if (TM_UNLIKELY(counter == nullptr)) return;
  SettlePeak(counter);
  Add(&counter->freed_objects, 1);
  Add(&counter->freed_bytes, taken.size);
  AddLive(tables, -static_cast<int64_t>(taken.size));
}

// The site of the stack just captured with a size bucket, as site + 1; 0: lost, counted.
uint32_t SiteOf(ThreadTables* tables, uint32_t bucket) {
  PathKey key = tables->capture.key();
  key.a += (uint64_t{bucket} + 1) * 0x9e3779b97f4a7c15u;
  CacheEntry* cached = &tables->cache[key.a % kCacheEntries];
  const uint32_t key_a = static_cast<uint32_t>(key.a >> 32);
  if (TM_UNLIKELY(cached->key_b != key.b || cached->key_a != key_a || cached->site == 0)) {
    const uint32_t number = FindOrAddSite(tables->capture, key, bucket, false);
    if (number != 0) *cached = {key.b, key_a, number};
    return number;
  }
  return cached->site;
}

inline void AllocationIn(ThreadTables* tables, void* block, size_t size, const Registers& caller) {
  tables->capture.Capture(caller);
  const uint32_t bucket = SizeBucket(size);
  uint32_t number = tables->capture.Recalled(bucket);
  if (TM_UNLIKELY(number == 0)) {
    number = SiteOf(tables, bucket);
    if (TM_UNLIKELY(number == 0)) return;
    tables->capture.Remember(bucket, number);
  }
  const uint32_t site = number - 1;
  state::ExactCounter* counter = CounterOf(tables, site);
  if (TM_UNLIKELY(counter == nullptr)) return;
  AddressTable::Block missed = {AddressTable::kNone, 0};
  if (TM_UNLIKELY(!g_blocks.Put(block, site, size, &missed))) {
    CountLoss(state::kLossLiveFull);
    return;
  }
  if (TM_UNLIKELY(missed.site != AddressTable::kNone)) {
    CountFreeIn(tables, missed);
    CountLoss(state::kLossFreeMissed);
  }
  SettlePeak(counter);
  Add(&counter->alloc_objects, 1);
  Add(&counter->alloc_bytes, size);
  AddLive(tables, static_cast<int64_t>(size));
}

// The site; AddressTable::kNone: lost, counted.
uint32_t MappingIn(ThreadTables* tables, uint64_t bytes, const Registers& caller) {
  tables->capture.Capture(caller);
  const uint32_t bucket = SizeBucket(bytes);
  PathKey key = MappingPath(tables->capture);
  key.a += (uint64_t{bucket} + 1) * 0x9e3779b97f4a7c15u;
  const uint32_t number = FindOrAddSite(tables->capture, key, bucket, true);
  if (number == 0) return AddressTable::kNone;
  state::ExactCounter* counter = CounterOf(tables, number - 1);
  if (counter == nullptr) return AddressTable::kNone;
  SettlePeak(counter);
  Add(&counter->alloc_objects, 1);
  Add(&counter->alloc_bytes, bytes);
  AddLive(tables, static_cast<int64_t>(bytes));
  return number - 1;
}

void UnmappingIn(ThreadTables* tables, uint32_t site, uint64_t bytes, bool last) {
  state::ExactCounter* counter = CounterOf(tables, site);
  if (counter == nullptr) return;
  SettlePeak(counter);
  Add(&counter->freed_objects, last ? 1 : 0);
  Add(&counter->freed_bytes, bytes);
  AddLive(tables, -static_cast<int64_t>(bytes));
}

// Runs `event(ThreadTables*)` as the calling thread, unless it is inside already.
template <class Event>
inline void Run(Event&& event) {
  ThreadState* t = &t_state;
  const bool ready = ThreadIsReady() && t->busy == 0;
  if (TM_UNLIKELY(!ready) && !EnsureThreadCurrent(t)) {
    CountLoss(state::kLossReentered);
    return;
  }
  Inside inside(t);
  auto* tables = ready ? static_cast<ThreadTables*>(t->exact) : MakeTables(t);
  if (TM_UNLIKELY(tables == nullptr)) {
    CountLoss(state::kLossLiveFull);
    return;
  }
  Hold hold(tables);
  if (TM_LIKELY(hold.held())) {
    event(tables);
  } else {
    CountLoss(state::kLossLiveBusy);
  }
}

}  // namespace

bool Start(const State& state, uint32_t granule_bits) {
  g_state = state;
  g_lock = 0;
  g_threads = 0;
  for (ThreadTables*& tables : g_tables) tables = nullptr;
  g_root_key = PathKey{state.header->process_id, ~state.header->process_id}.Extended(1);
  if (!g_nodes.Start(1 << 14) || !g_sites.Start(1 << 13) || !g_blocks.Start(granule_bits) ||
      !Reach(state::kSectionNodes, &state.nodes[state::kRootNode])) {
    return false;
  }
  state.nodes[state::kRootNode] = {0, state::kRootNode, state::kNoModule};
  __atomic_store_n(&state.totals->node_count, uint64_t{1}, __ATOMIC_RELEASE);
  return true;
}

void Allocation(void* block, size_t size, const Registers& caller) {
  if (TM_UNLIKELY(state::IsPaused(*g_state.control))) return;  // its free will find nothing either
  Run([&](ThreadTables* tables) { AllocationIn(tables, block, size, caller); });
}

void Free(void* block) {
  const AddressTable::Block taken = g_blocks.Take(block);
  if (taken.site == AddressTable::kNone) return;
  Run([&](ThreadTables* tables) { CountFreeIn(tables, taken); });
}

AddressTable::Block Take(void* block) { return g_blocks.Take(block); }

void PutBack(void* block, AddressTable::Block taken) {
  if (taken.site != AddressTable::kNone) g_blocks.Put(block, taken.site, taken.size);
}

void CountFree(AddressTable::Block taken) {
  Run([&](ThreadTables* tables) { CountFreeIn(tables, taken); });
}

uint32_t Mapping(uint64_t bytes, const Registers& caller) {
  uint32_t site = AddressTable::kNone;
  if (TM_UNLIKELY(state::IsPaused(*g_state.control))) return site;
  Run([&](ThreadTables* tables) { site = MappingIn(tables, bytes, caller); });
  return site;
}

void Unmapping(uint32_t site, uint64_t bytes, bool last) {
  if (site == AddressTable::kNone) return;
  Run([&](ThreadTables* tables) { UnmappingIn(tables, site, bytes, last); });
}

void ForgetThread() {
  ThreadState* t = &t_state;
  if (t->exact == nullptr) return;
  Inside inside(t);
  ThreadTables* tables = static_cast<ThreadTables*>(t->exact);
  Hold hold(tables);
  if (hold.held()) Flush(tables);
  t->exact = nullptr;
}

void ForgetStacks() {
  g_root_key = g_root_key.Extended(2);
  ForgetFastCaptures();
}

}  // namespace exact
}  // namespace tidemark::preload
