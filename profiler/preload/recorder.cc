#include "profiler/preload/recorder.h"

#include <string.h>

#include "profiler/preload/exact_recorder.h"
#include "profiler/preload/inside.h"
#include "profiler/preload/live_table.h"
#include "profiler/preload/modules.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"
#include "profiler/preload/process_identity.h"
#include "profiler/preload/sampler.h"
#include "profiler/preload/site_counters.h"
#include "profiler/preload/stack_table.h"
#include "profiler/preload/state_file.h"
#include "profiler/preload/thread_slots.h"
#include "proto/buckets.h"

namespace tidemark::preload {

constinit thread_local ThreadState t_state
    __attribute__((tls_model("initial-exec"), visibility("hidden"))) = {};

namespace {

constexpr uint64_t kModeExact = 1;             // state::Header::mode
constexpr uint32_t kSlotRefused = 0xffffffff;  // ThreadState::slot: none to be had
constexpr uint32_t kScratchStacks = 64;

struct ScratchStack {
  uint32_t in_use;
  uint32_t pad;
  CapturedStack stack;
  state::LiveEntry entry;  // of the sample that is being taken
};

// Tables that no reader needs. One private mapping, empty again in a fork child.
struct PrivateTables {
  uint32_t node_slots[StackTable::kSlots];
  uint32_t site_slots[SiteCounters::kSiteSlots];
  uint32_t freed_slots[SiteCounters::kFreedSlots];
  PreviousStack previous[kThreadCapacity];
  ScratchStack scratch[kScratchStacks];
};

constinit State g_state = {};  // header == nullptr: not recording
constinit PrivateTables* g_tables = nullptr;
constinit StackTable g_stacks;
constinit LiveTable g_live;
constinit SiteCounters g_sites;
constinit ThreadSlots g_threads;
constinit void* g_base = nullptr;      // of the mapped state; the same in every fork child
constinit uint64_t g_state_bytes = 0;  // of that mapping
constinit uint32_t g_epoch = 0;        // of the state: threads with another one start afresh
constinit uint64_t g_start_ns = 0;
constinit uint64_t g_rate_floor = 1;  // raised when the live table is thinned
constinit uint32_t g_thinning = 0;

uint64_t SinceStart() { return MonotonicNs() - g_start_ns; }

// Buffers off the target's stack.
class Scratch {
 public:
  explicit Scratch(const ThreadState& thread) {
    const uint32_t start = thread.slot + static_cast<uint32_t>(thread.random);
    for (uint32_t i = 0; i < kScratchStacks; ++i) {
      ScratchStack* s = &g_tables->scratch[(start + i) % kScratchStacks];
      if (__atomic_exchange_n(&s->in_use, 1u, __ATOMIC_ACQUIRE) == 0) {
        scratch_ = s;
        return;
      }
    }
  }
  ~Scratch() {
    if (scratch_ != nullptr) __atomic_store_n(&scratch_->in_use, 0u, __ATOMIC_RELEASE);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  // nullptr: all are in use.
  CapturedStack* stack() const { return scratch_ == nullptr ? nullptr : &scratch_->stack; }
  // REQUIRES: stack() != nullptr.
  state::LiveEntry* entry() const { return &scratch_->entry; }

 private:
  ScratchStack* scratch_ = nullptr;
};

// The thread's first visit, or its first in a fork child. A child goes on with the gap of
// its parent: what remains of one is as good as a fresh one, and covers the blocks that the
// child allocated before it came here.
void EnsureCurrent(ThreadState* t) {
  if (TM_LIKELY(t->epoch == g_epoch)) return;
  const ThreadState before = *t;
  const uint64_t seed =
      g_state.header->process_id ^ Mix(reinterpret_cast<uint64_t>(t)) ^ Mix(MonotonicNs());
  *t = ThreadState{};
  t->left = before.left;
  t->rest = before.rest;
  t->rate = before.rate;
  t->epoch = g_epoch;
  t->random = Mix(seed) | 1;
}

uint64_t RateInForce() {
  uint64_t rate = __atomic_load_n(&g_state.control->rate_bytes, __ATOMIC_RELAXED);
  if (rate == 0) rate = g_state.header->initial_rate_bytes;
  const uint64_t floor = __atomic_load_n(&g_rate_floor, __ATOMIC_RELAXED);
  if (rate < floor) rate = floor;
  if (rate > kMaxRateBytes) rate = kMaxRateBytes;
  if (__atomic_load_n(&g_state.totals->rate_bytes, __ATOMIC_RELAXED) != rate) {
    __atomic_store_n(&g_state.totals->rate_bytes, rate, __ATOMIC_RELAXED);
  }
  return rate;
}

// (left, rest) = (min(gap, kControlBytes), gap - left)
void SetCountdown(ThreadState* t, uint64_t gap) {
  t->left = gap < kControlBytes ? gap : kControlBytes;
  t->rest = gap - t->left;
}

// The evidence a free gives; `slot` is the freeing thread's.
SiteCounters::FreeEvidence EvidenceOf(const state::LiveEntry& taken, uint32_t slot) {
  SiteCounters::FreeEvidence e{};
  const uint64_t now = SinceStart();
  e.lifetime_bucket =
      static_cast<uint8_t>(Log2Bucket(now > taken.time_ns ? now - taken.time_ns : 0));
  if (slot == state::kNoThread || taken.thread != slot ||
      !g_threads.IsOwn(slot, taken.activation)) {
    e.flags = state::kFreedByOtherThread;
  } else {
    e.outlives_bucket = static_cast<uint8_t>(
        OutlivesBucket(g_threads.Outlived(slot, taken.activation, taken.depth)));
  }
  return e;
}

void CountFreeOf(const state::LiveEntry& taken, const SiteCounters::FreeEvidence& evidence) {
  bool freed_full;
  if (!g_sites.CountFree(taken, evidence, &freed_full)) {
    CountLoss(state::kLossFreeMissed);
  } else if (freed_full) {
    CountLoss(state::kLossFreedFull);
  }
}

// Notes where the thread stands, then counts the free.
void CountFreeHere(ThreadState* t, const state::LiveEntry& taken, const Registers& caller) {
  const uint32_t slot = ClaimThreadSlot(t);
  if (slot != state::kNoThread) {
    Scratch scratch(*t);
    if (scratch.stack() != nullptr) {
      CaptureStack(caller, scratch.stack());
      g_threads.Note(slot, *scratch.stack());
    }
  }
  CountFreeOf(taken, EvidenceOf(taken, slot));
}

// The live table is full: doubles the rate and keeps of each live sample as many as that
// rate would have taken. New samples are not dropped instead: they are the leak.
void ThinLiveTable(ThreadState* t) {
  if (__atomic_exchange_n(&g_thinning, 1u, __ATOMIC_ACQUIRE) != 0) return;
  const uint64_t old_rate = RateInForce();
  const uint64_t new_rate = old_rate * 2;
  __atomic_store_n(&g_rate_floor, new_rate, __ATOMIC_RELAXED);
  RateInForce();
  g_live.Thin([&](state::LiveEntry* entry) {
    const Thinned thinned =
        ThinSample(entry->size_bytes, {entry->weight_bytes, entry->weight_objects}, new_rate,
                   NextRandom(&t->random), NextRandom(&t->random));
    const bool keep = thinned.kept;
    state::LiveEntry after = *entry;
    after.weight_bytes = thinned.weight.bytes;
    after.weight_objects = thinned.weight.objects;
    if (!g_sites.Restate(*entry, after, keep)) return true;  // left at its old weight
    if (!keep) FilterRemove(reinterpret_cast<void*>(entry->address));
    *entry = after;
    return keep;
  });
  __atomic_add_fetch(&g_state.totals->rate_doublings, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&g_thinning, 0u, __ATOMIC_RELEASE);
}

// Puts the entry and its filter count in; false if the sample is lost (counted).
bool InsertLive(ThreadState* t, const state::LiveEntry& entry) {
  void* block = reinterpret_cast<void*>(entry.address);
  state::LiveEntry replaced;
  LiveTable::Put put = g_live.Insert(entry, &replaced);
  if (put == LiveTable::Put::kFull) {
    ThinLiveTable(t);
    put = g_live.Insert(entry, &replaced);
  }
  switch (put) {
    case LiveTable::Put::kDone:
      FilterAdd(block);
      return true;
    case LiveTable::Put::kReplaced: {  // the filter counts the address already
      SiteCounters::FreeEvidence unknown{};
      unknown.flags = state::kFreedByOtherThread;
      CountFreeOf(replaced, unknown);
      CountLoss(state::kLossFreeMissed);
      return true;
    }
    case LiveTable::Put::kFull:
    case LiveTable::Put::kNoSpace:
      CountLoss(state::kLossLiveFull);
      return false;
    case LiveTable::Put::kBusy:
      CountLoss(state::kLossLiveBusy);
      return false;
  }
  return false;
}

// operator new is not where a program allocates: location[0] is its caller.
void LeaveOutOperatorNew(CapturedStack* stack) {
  uint32_t inner = 0;
  while (inner + 1 < stack->depth && IsInOperatorNew(stack->frames[inner].pc)) ++inner;
  if (inner == 0) return;
  stack->depth -= inner;
  memmove(stack->frames, stack->frames + inner, stack->depth * sizeof(stack->frames[0]));
}

// What stands for a mapping where blocks have their address.
void* MappingKey(uint64_t number) {
  return reinterpret_cast<void*>(state::kMappingMark | number << 4);
}
bool IsMapping(const state::LiveEntry& entry) { return (entry.address & state::kMappingMark) != 0; }

void TakeSample(ThreadState* t, void* block, size_t size, uint64_t rate, uint32_t chain,
                const Registers& caller) {
  Scratch scratch(*t);
  CapturedStack* stack = scratch.stack();
  if (stack == nullptr) {
    CountLoss(state::kLossLiveBusy);
    return;
  }
  CaptureStack(caller, stack);
  LeaveOutOperatorNew(stack);

  state::LiveEntry& entry = *scratch.entry();
  entry = {};
  entry.address = reinterpret_cast<uint64_t>(block);
  entry.size_bytes = size;
  entry.time_ns = SinceStart();
  entry.chain = chain;
  entry.thread = ClaimThreadSlot(t);
  if (entry.thread != state::kNoThread) {
    const ThreadSlots::Event event = g_threads.Note(entry.thread, *stack);
    entry.activation = event.number;
    entry.depth = event.comparable ? stack->depth : 0;
  }
  const Weight weight = WeightOf(size, rate, NextRandom(&t->random));
  entry.weight_bytes = weight.bytes;
  entry.weight_objects = weight.objects;

  bool full;
  uint32_t node = g_stacks.Intern(*stack, &full);
  if (IsMapping(entry) && node != state::kRootNode) {
    node = g_stacks.Mark(node, state::kPcMmap, &full);
  }
  if (node == state::kRootNode) {
    CountLoss(full ? state::kLossNodesFull : state::kLossLiveBusy);
    return;
  }
  entry.site = g_sites.FindOrAdd(node, SizeBucket(size), &full);
  if (entry.site == SiteCounters::kNoSite) {
    CountLoss(full ? state::kLossSitesFull : state::kLossLiveBusy);
    return;
  }
  if (stack->truncated) CountLoss(state::kLossStackTruncated);
  if (!InsertLive(t, entry)) return;
  if (!g_sites.CountAllocation(entry, entry.time_ns)) {
    state::LiveEntry taken;
    if (g_live.Remove(entry.address, &taken) == LiveTable::Take::kTaken) FilterRemove(block);
    CountLoss(state::kLossLiveBusy);
  }
}

// The countdown ran out at a block of `size`: (remaining gap) = left + rest. Takes the
// sample if the gap ends inside the block, and sets the countdown.
void Advance(ThreadState* t, void* block, size_t size, uint32_t chain, const Registers& caller) {
  if (state::IsPaused(*g_state.control)) {
    t->rate = 0;
    SetCountdown(t, kControlBytes);
    return;
  }
  const uint64_t rate = RateInForce();
  if (t->rate == 0) {
    t->rate = rate;
    SetCountdown(t, DrawGap(NextRandom(&t->random), rate));
  }
  uint64_t gap = t->left + t->rest;
  if (size <= gap) {
    gap -= size;
    // No point of the process lies in what passed, so the rest may be drawn anew.
    if (t->rate != rate) gap = DrawGap(NextRandom(&t->random), rate);
    if (t->slot != 0 && t->slot != kSlotRefused) g_threads.NoteStackPointer(t->slot - 1, caller.sp);
  } else {
    TakeSample(t, block, size, t->rate, chain, caller);
    gap = DrawGap(NextRandom(&t->random), rate);
  }
  t->rate = rate;
  SetCountdown(t, gap);
}

void RecordAt(void* block, size_t size, uint32_t chain, const Registers& caller) {
  ThreadState* t = &t_state;
  if (block == nullptr) return;
  if (g_state.header == nullptr) {
    SetCountdown(t, kControlBytes);
    t->rate = 0;
    return;
  }
  if (!EnsureThreadCurrent(t)) {
    CountLoss(state::kLossReentered);
    return;
  }
  if (g_state.header->mode == kModeExact) {  // exact_entry.cc saw it already
    t->left = ~uint64_t{0};
    return;
  }
  Inside inside(t);
  Advance(t, block, size, chain, caller);
}

// Removes a sampled block from filter and table. False: it was not sampled.
bool TakeBlock(void* block, state::LiveEntry* taken) {
  if (!FilterMatches(block)) return false;
  switch (g_live.Remove(reinterpret_cast<uint64_t>(block), taken)) {
    case LiveTable::Take::kTaken:
      FilterRemove(block);
      return true;
    case LiveTable::Take::kAbsent:
    case LiveTable::Take::kBusy:  // noticed, and counted, when the address comes back
      return false;
  }
  return false;
}

bool MayEnter(ThreadState* t) { return g_state.header != nullptr && EnsureThreadCurrent(t); }

bool MapPrivateTables() {
  if (g_tables != nullptr) return true;
  g_tables = static_cast<PrivateTables*>(MapWipedOnFork(sizeof(PrivateTables)));
  return g_tables != nullptr;
}

// Where the parent's state was mapped, harmless memory: an interrupted hook may still
// store there.
void ReplaceInheritedState() {
  Syscall(SYS_mmap, AsLong(g_base), static_cast<long>(g_state_bytes), PROT_READ | PROT_WRITE,
          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

// Its nodes keep their meaning, and get no more samples.
void RetireSampled(uint64_t start, uint64_t limit) { g_stacks.Retire(start, limit); }
void RetireExact(uint64_t, uint64_t) { exact::ForgetStacks(); }

// glibc aligns every block to 16 bytes; other allocators pack small ones to 8.
bool IsGlibcsMalloc(const State& s, const void* malloc) {
  const uint64_t at = reinterpret_cast<uint64_t>(malloc);
  for (uint64_t i = 0; i < s.totals->module_count; ++i) {
    const state::Module& m = s.modules[i];
    if (at - m.start >= m.limit - m.start) continue;
    const char* path = s.strings + m.path_offset;
    uint32_t name = m.path_bytes;
    while (name > 0 && path[name - 1] != '/') --name;
    constexpr char kLibc[] = "libc.so.6";
    return m.path_bytes - name == sizeof(kLibc) - 1 &&
           memcmp(path + name, kLibc, sizeof(kLibc) - 1) == 0;
  }
  return false;
}

char g_state_path[kMaxPath];

}  // namespace

bool StartRecording(const StartOptions& options) {
  const bool forked = g_base != nullptr;
  if (!MapPrivateTables()) return false;
  if (forked) {
    // Wiped by the kernel unless it is older than MADV_WIPEONFORK.
    if (g_tables->node_slots[0] != 0 || g_tables->previous[0].depth != 0) {
      memset(g_tables, 0, sizeof(*g_tables));
    }
    FilterClear();
  }
  const uint64_t now = MonotonicNs();
  const StateFileOptions file{options.state_path, options.output_directory, MakeProcessId(now),
                              options.exact};
  void* base = CreateStateFile(file, g_base, g_state_path);
  if (base == nullptr) {
    if (forked) {
      CountLoss(state::kLossChildUnprofiled);  // in the parent's state
      ReplaceInheritedState();
    }
    g_state.header = nullptr;
    return false;
  }
  State s = StateAt(base);
  g_base = base;
  g_state_bytes = s.header->file_bytes;
  g_start_ns = now;
  g_rate_floor = 1;
  g_thinning = 0;
  DescribeProcess(s.header, options.output_directory);
  s.header->process_id = file.process_id;
  s.header->start_realtime_ns = RealtimeNs();
  s.header->start_monotonic_ns = g_start_ns;
  s.header->initial_rate_bytes = options.rate_bytes;
  s.totals->rate_bytes = options.rate_bytes;
  s.control->paused = options.active ? 0 : 1;
  g_threads.Attach(s.threads, s.totals, g_tables->previous);
  SetRetireRange(options.exact ? RetireExact : RetireSampled);
  AttachModules(s.modules, kModuleCapacity, s.strings, kStringCapacity, s.totals, g_start_ns);
  if (s.totals->module_count > 0) s.header->main_module_base = s.modules[0].load_bias;
  if (options.exact) {
    s.header->mode = kModeExact;
    if (!exact::Start(s, IsGlibcsMalloc(s, options.allocator) ? 4 : 3)) {
      ReplaceInheritedState();
      return false;
    }
  } else {
    g_stacks.Attach(s.nodes, s.totals, g_tables->node_slots);
    g_live.Attach(s.shards, s.live);
    g_sites.Attach(s, g_tables->site_slots, g_tables->freed_slots);
  }
  g_state = s;
  ++g_epoch;
  __atomic_store_n(&s.header->ready, 1u, __ATOMIC_RELEASE);
  return true;
}

bool IsRecording() { return g_state.header != nullptr; }

const state::Header* CurrentState() { return g_state.header; }

const char* CurrentStatePath() { return g_state_path; }

bool RenewState() {
  const state::Header& header = *g_state.header;
  const StateFileOptions file{nullptr, header.output_directory, header.process_id,
                              header.mode == kModeExact};
  return RenewStateFile(file, g_base, g_state_path);
}

void Seal(state::Seal seal, int exit_status) {
  if (g_state.header == nullptr) return;
  g_state.totals->exit_status = exit_status;
  __atomic_store_n(&g_state.totals->seal, static_cast<uint32_t>(seal), __ATOMIC_RELEASE);
}

void CountLoss(state::Loss loss, uint64_t n) {
  if (g_state.header == nullptr) return;
  __atomic_add_fetch(&g_state.totals->losses[loss], n, __ATOMIC_RELAXED);
}

void RecordAllocation(void* block, size_t size, const Registers& caller) {
  RecordAt(block, size, 0, caller);
}

void RecordFree(void* block, const Registers& caller) {
  ThreadState* t = &t_state;
  if (!MayEnter(t)) return;
  Inside inside(t);
  state::LiveEntry taken;
  if (TakeBlock(block, &taken)) CountFreeHere(t, taken, caller);
}

bool TakeForRealloc(void* block, state::LiveEntry* taken) {
  ThreadState* t = &t_state;
  if (!MayEnter(t)) return false;
  Inside inside(t);
  return TakeBlock(block, taken);
}

void PutAfterFailedRealloc(const state::LiveEntry& taken) {
  ThreadState* t = &t_state;
  if (!MayEnter(t)) return;
  Inside inside(t);
  InsertLive(t, taken);
}

void FinishRealloc(const state::LiveEntry& taken, void* moved_to, size_t new_size, bool unseen,
                   const Registers& caller) {
  ThreadState* t = &t_state;
  if (MayEnter(t)) {
    Inside inside(t);
    CountFreeHere(t, taken, caller);
  }
  if (!unseen) RecordAt(moved_to, new_size, taken.chain + 1, caller);
}

void RecordMapping(uint64_t number, uint64_t bytes, const Registers& caller) {
  if (!PassesUnseen(bytes)) RecordAt(MappingKey(number), bytes, 0, caller);
}

void RecordUnmapping(uint64_t number, uint64_t bytes, bool last, const Registers& caller) {
  ThreadState* t = &t_state;
  if (!MayEnter(t)) return;
  Inside inside(t);
  state::LiveEntry entry;
  if (!TakeBlock(MappingKey(number), &entry)) return;
  if (last || bytes >= entry.size_bytes) {
    CountFreeHere(t, entry, caller);
    return;
  }
  // (weight, size) = (weight * (size - bytes) / size, size - bytes): the odds of its being
  // sampled were those of the whole.
  const uint64_t part =
      static_cast<uint64_t>(fixed::Wide{entry.weight_bytes} * bytes / entry.size_bytes);
  if (g_sites.CountPartialFree(entry, part)) {
    entry.size_bytes -= bytes;
    entry.weight_bytes -= part;
  } else {
    CountLoss(state::kLossLiveBusy);
  }
  InsertLive(t, entry);
}

bool EnsureThreadCurrent(ThreadState* thread) {
  if (TM_LIKELY(thread->epoch == g_epoch)) return thread->busy == 0;
  EnsureCurrent(thread);
  return true;
}

uint32_t ClaimThreadSlot(ThreadState* t) {
  if (t->slot == 0) {
    const uint32_t slot = g_threads.Claim();
    t->slot = slot == state::kNoThread ? kSlotRefused : slot + 1;
    if (t->slot == kSlotRefused) CountLoss(state::kLossThreadsFull);
  }
  return t->slot == kSlotRefused ? state::kNoThread : t->slot - 1;
}

void ForgetThread() {
  ThreadState* t = &t_state;
  if (g_state.header == nullptr || t->epoch != g_epoch) return;
  exact::ForgetThread();
  if (t->slot != 0 && t->slot != kSlotRefused) {
    Inside inside(t);
    g_threads.Release(t->slot - 1);
  }
  t->slot = kSlotRefused;  // later destructors of this thread claim no slot again
}

}  // namespace tidemark::preload
