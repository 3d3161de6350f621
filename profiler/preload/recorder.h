// What happens on a sampled malloc and on the free of a sampled block.
//
// Malloc-safe, signal-safe (a signal handler that interrupts the recorder loses its
// sample, counted), preserves errno (it calls nothing that sets it). Uses <= 1 KiB of the
// caller's stack. No lock is held while the allocator runs: call these before or after
// the allocator, never around it.

#ifndef TIDEMARK_PROFILER_PRELOAD_RECORDER_H_
#define TIDEMARK_PROFILER_PRELOAD_RECORDER_H_

#include <stddef.h>
#include <stdint.h>

#include "profiler/preload/live_filter.h"
#include "profiler/preload/stack_capture.h"
#include "profiler/preload/thread_state.h"
#include "proto/state.h"

namespace tidemark::preload {

// `block` was just allocated with `size` requested bytes and PassesUnseen(size) said
// false. Takes a sample if the gap ended inside it; sets the countdown anew either way.
// block == nullptr (the allocator failed): nothing was allocated, nothing happens.
void RecordAllocation(void* block, size_t size, const Registers& caller);

// free, before the allocator's free. REQUIRES: MaySampled(block).
void RecordFree(void* block, const Registers& caller);

// realloc. Take before the allocator's realloc runs, then exactly one of Put (it failed:
// the block is as before) or Drop (it succeeded: counts as a free) if Take said true.
// REQUIRES of TakeForRealloc: MaySampled(block).
bool TakeForRealloc(void* block, state::LiveEntry* taken);
void PutAfterFailedRealloc(const state::LiveEntry& taken);
// `moved_to`, of `new_size` bytes, continues the chain if it is sampled itself;
// `unseen` is what PassesUnseen(new_size) said.
void FinishRealloc(const state::LiveEntry& taken, void* moved_to, size_t new_size, bool unseen,
                   const Registers& caller);

// The program mapped memory (interpose_mmap.h), counted as one block of `bytes`; `number` is
// never used again. Then it unmapped `bytes` of it; `last`: nothing of it remains.
void RecordMapping(uint64_t number, uint64_t bytes, const Registers& caller);
void RecordUnmapping(uint64_t number, uint64_t bytes, bool last, const Registers& caller);

// Creates the state and starts recording; false (and every call above does nothing) when
// that is impossible. Called once at start and once in each fork child.
struct StartOptions {
  uint64_t rate_bytes;
  bool exact;                    // everything, weight 1 (exact_recorder.h)
  const void* allocator;         // the real malloc
  bool active;                   // false: dormant until Control resumes it
  const char* state_path;        // TIDEMARK_STATE, or nullptr for the default places
  const char* output_directory;  // absolute
};
bool StartRecording(const StartOptions& options);
bool IsRecording();

// The state of this process; nullptr when not recording.
const state::Header* CurrentState();
// Its file; "" when it is a memfd.
const char* CurrentStatePath();
// Its file was removed, but recording goes on: makes one anew (RenewStateFile).
bool RenewState();
void Seal(state::Seal seal, int exit_status);
void CountLoss(state::Loss loss, uint64_t n = 1);

// The thread is about to end: its frames are gone, its slot is free.
void ForgetThread();

// For exact_recorder.cc. Makes the thread's state this process's; false when the thread is
// inside the recorder already (a signal handler).
bool EnsureThreadCurrent(ThreadState* thread);
// The thread's slot in the state, claimed at its first use; kNoThread when refused.
uint32_t ClaimThreadSlot(ThreadState* thread);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_RECORDER_H_
