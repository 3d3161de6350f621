// Compiled with frame pointers (CMakeLists.txt): each function here was entered by a tail
// jump from an entry point and finds its caller's registers as caller.h says.

#include "profiler/preload/interpose_slow.h"

#include "profiler/preload/caller.h"
#include "profiler/preload/exact_entry.h"
#include "profiler/preload/exact_recorder.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/live_filter.h"
#include "profiler/preload/next_allocator.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"
#include "profiler/preload/recorder.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload {
namespace {

// Counts an allocation that the fast path did not let pass. The countdown is asked again
// here, after the allocator ran: it may have failed (nothing to count), thrown, or have
// allocated through us itself.
void NoteAllocation(void* block, size_t size, const Registers& caller) {
  if (block == nullptr || PassesUnseen(size)) return;
  ++t_state.in_new;
  // The allocation that starts exact mode came before exact mode's functions.
  const bool seen = HasExactEntries();
  if (!EnterRecording()) return;
  if (HasExactEntries() && !seen) exact::Allocation(block, size, caller);
  RecordAllocation(block, size, caller);
}

}  // namespace

extern "C" {

void* TidemarkMalloc(size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* block = g_next.malloc(size);
  NoteAllocation(block, size, caller);
  return block;
}

void* TidemarkCalloc(size_t count, size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(count * size);
  void* block = g_next.calloc(count, size);
  NoteAllocation(block, count * size, caller);  // the entry point checked for overflow
  return block;
}

void* TidemarkMemalign(size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* block = g_next.memalign(alignment, size);
  NoteAllocation(block, size, caller);
  return block;
}

int TidemarkPosixMemalign(void** block, size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  const int result = g_next.posix_memalign(block, alignment, size);
  if (result == 0) NoteAllocation(*block, size, caller);
  return result;
}

void* TidemarkAlignedAlloc(size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* block = g_next.aligned_alloc(alignment, size);
  NoteAllocation(block, size, caller);
  return block;
}

void* TidemarkValloc(size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* block = g_next.valloc(size);
  NoteAllocation(block, size, caller);
  return block;
}

void* TidemarkPvalloc(size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* block = g_next.pvalloc(size);
  NoteAllocation(block, size, caller);
  return block;
}

void* TidemarkRealloc(void* block, size_t size) {
  const Registers caller = TM_CALLER();
  TakeBackCount(size);
  void* moved = g_next.realloc(block, size);
  NoteAllocation(moved, size, caller);
  return moved;
}

// The entry leaves the table before the allocator runs: once realloc has freed the block,
// another thread may get its address and sample it.
void* TidemarkReallocSampled(void* block, size_t size) {
  const Registers caller = TM_CALLER();
  state::LiveEntry taken;
  const bool was_sampled = EnterRecording() && TakeForRealloc(block, &taken);
  void* moved = g_next.realloc(block, size);
  if (!was_sampled) {
    NoteAllocation(moved, size, caller);
  } else if (moved == nullptr && size != 0) {
    PutAfterFailedRealloc(taken);
  } else {  // realloc(block, 0) is a free
    FinishRealloc(taken, moved, size, PassesUnseen(size), caller);
  }
  return moved;
}

void TidemarkFree(void* block) {
  const Registers caller = TM_CALLER();
  if (InRecording() && EnterRecording()) RecordFree(block, caller);
  g_next.free(block);
}

void TidemarkFreeSized(void* block, size_t size) {
  const Registers caller = TM_CALLER();
  if (InRecording() && EnterRecording()) RecordFree(block, caller);
  g_next.free_sized(block, size);
}

void TidemarkFreeAlignedSized(void* block, size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  if (InRecording() && EnterRecording()) RecordFree(block, caller);
  g_next.free_aligned_sized(block, alignment, size);
}

// The next operator new may throw through this frame or never return: nothing is held.
// Whether it came to our malloc shows in the countdown, which every allocation moves, and
// in the number of allocations that took the slow path (they set the countdown anew).
void* TidemarkNew(size_t size, uintptr_t a, uintptr_t b, uint32_t which) {
  const Registers caller = TM_CALLER();
  OperatorMode mode = CurrentOperatorMode();
  if (mode == kOperatorsUnknown) mode = ResolveOperators(false);
  if (mode == kOperatorsUnknown) return NewWithoutRuntime(size, a, which);
  const uint64_t left_before = t_state.left;
  const uint32_t seen_before = t_state.in_new;
  void* block = g_operators.new_functions[which](size, a, b);
  if (block == nullptr || (size == 0 && mode != kOperatorsExact)) return block;
  if (t_state.left != left_before || t_state.in_new != seen_before) return block;
  if (mode == kOperatorsDetect) NoteOperatorsBypassMalloc();
  if (HasExactEntries() && EnterRecording()) exact::Allocation(block, size, caller);
  NoteAllocation(block, size, caller);
  return block;
}

void TidemarkDelete(void* block, uintptr_t a, uintptr_t b, uint32_t which) {
  const Registers caller = TM_CALLER();
  OperatorMode mode = CurrentOperatorMode();
  if (mode == kOperatorsUnknown) mode = ResolveOperators(false);
  if (mode == kOperatorsUnknown) return DeleteWithoutRuntime(block);
  if (block != nullptr && MaySampled(block) && InRecording()) RecordFree(block, caller);
  // Where this delete comes to our free, the block is counted here and unknown there.
  if (block != nullptr && HasExactEntries() && InRecording()) exact::Free(block);
  g_operators.delete_functions[which](block, a, b);
}

}  // extern "C"

}  // namespace tidemark::preload
