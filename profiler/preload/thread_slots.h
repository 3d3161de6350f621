// Which frames of a thread are known to have returned: the evidence behind `outlives`.
// proto/state.h (Thread) states the idea and its proof obligation; this file keeps it.
//
// A frame's activation is told apart by its CFA and by its caller's resume address. Two
// events are compared only if both stacks start at the same outermost CFA: a coroutine's
// stack says nothing about the frames of the stack that it interrupted.
//
// Thread class: a slot belongs to one thread. Malloc-safe. Not signal-safe by itself: the
// recorder's `busy` mark keeps a handler out.

#ifndef TIDEMARK_PROFILER_PRELOAD_THREAD_SLOTS_H_
#define TIDEMARK_PROFILER_PRELOAD_THREAD_SLOTS_H_

#include <stdint.h>

#include "profiler/preload/stack_capture.h"
#include "profiler/preload/state_file.h"
#include "proto/state.h"

namespace tidemark::preload {

// The thread's stack at its previous event, root first, outermost kThreadFrames frames.
struct PreviousStack {
  struct Frame {
    uint64_t cfa;
    uint64_t pc;
  };
  uint64_t claimed_at;  // the slot's event number when its present thread got it
  uint32_t depth;       // frames stored below
  Frame frames[state::kThreadFrames];
};

class ThreadSlots {
 public:
  // `previous`: kThreadCapacity zeroed entries in private memory.
  void Attach(state::Thread* threads, state::Totals* totals, PreviousStack* previous);

  // A slot for the calling thread, kNoThread when there is none. Names it.
  uint32_t Claim();
  // The thread ends: all its frames have returned.
  void Release(uint32_t slot);

  struct Event {
    uint64_t number;  // of this event
    bool comparable;  // false: nothing can be said of this stack's frames
  };
  // A sampled allocation or free with `stack`: updates the activations.
  Event Note(uint32_t slot, const CapturedStack& stack);
  // The thread was seen with this stack pointer: frames at or below it have returned.
  void NoteStackPointer(uint32_t slot, uint64_t sp);

  // Was event number `event` of this slot one of its present thread's?
  bool IsOwn(uint32_t slot, uint64_t event) const { return event > previous_[slot].claimed_at; }

  // How many frames, innermost first, of a block allocated by `slot` at `event` with
  // `depth` frames are known to have returned. REQUIRES: called by the slot's own thread.
  uint32_t Outlived(uint32_t slot, uint64_t event, uint32_t depth) const;

 private:
  void Truncate(uint32_t slot, uint32_t depth);

  state::Thread* threads_ = nullptr;
  state::Totals* totals_ = nullptr;
  PreviousStack* previous_ = nullptr;
  uint32_t lock_ = 0;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_THREAD_SLOTS_H_
