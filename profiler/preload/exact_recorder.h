// Exact mode: every allocation and every free, each with its full stack, weight 1.
//
// Idea: whatever can be the thread's own is. Its previous stack is checked instead of
// unwound again (fast_capture.h); its sites' counters are cache lines that only it writes,
// found through a small cache of its own; a block's site and size stand in a shadow of the
// heap (address_table.h). No lock is taken and no shared line is written, but for a site or
// a stack that was never seen and, with several threads, the live total every 32 KiB.
// A reader outside adds the threads' counters up.
//
// Counted are sizes as requested. malloc(0) counts as an object of no bytes. realloc is a
// free and an allocation.
//
// Malloc-safe. In a signal handler that interrupts it, it steps aside (counted as
// kLossReentered; the totals are then no longer exact, and say so).

#ifndef TIDEMARK_PROFILER_PRELOAD_EXACT_RECORDER_H_
#define TIDEMARK_PROFILER_PRELOAD_EXACT_RECORDER_H_

#include <stddef.h>
#include <stdint.h>

#include "profiler/preload/address_table.h"
#include "profiler/preload/os.h"
#include "profiler/preload/stack_capture.h"
#include "profiler/preload/state_file.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload::exact {

// Called by StartRecording. `granule_bits`: see AddressTable::Start.
bool Start(const State& state, uint32_t granule_bits);

// What a thread's tables, ThreadState::exact, start with.
struct ThreadHead {
  uint32_t ready;  // 1: they are this process's; in a fork child the kernel made it 0
};

// True when the thread records for this process already: then recording is on.
inline bool ThreadIsReady() {
  const auto* head = static_cast<const ThreadHead*>(t_state.exact);
  return TM_LIKELY(head != nullptr) && TM_LIKELY(head->ready != 0);
}

// All REQUIRE that recording is on, in this process (lifecycle.h).
// The block was just allocated; `caller` as for RecordAllocation.
void Allocation(void* block, size_t size, const Registers& caller);
// Before the allocator's free.
void Free(void* block);
// realloc: Take before; then PutBack (it failed) or CountFree and Allocation.
AddressTable::Block Take(void* block);
void PutBack(void* block, AddressTable::Block taken);
void CountFree(AddressTable::Block taken);

// The program mapped memory (interpose_mmap.h): its site, AddressTable::kNone when it is not
// counted. Then it unmapped `bytes` of it; `last`: nothing of it remains.
uint32_t Mapping(uint64_t bytes, const Registers& caller);
void Unmapping(uint32_t site, uint64_t bytes, bool last);

// The thread is about to end; its slot's counters stay for the next thread there.
void ForgetThread();

// Code was unloaded: the same addresses may mean other code from now on.
void ForgetStacks();

}  // namespace tidemark::preload::exact

#endif  // TIDEMARK_PROFILER_PRELOAD_EXACT_RECORDER_H_
