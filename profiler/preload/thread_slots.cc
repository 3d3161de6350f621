#include "profiler/preload/thread_slots.h"

#include <sys/prctl.h>

#include "profiler/preload/bounded_lock.h"
#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

// Makes a Thread's sequence odd for its lifetime, so that a reader notices.
class Writing {
 public:
  explicit Writing(state::Thread* thread) : thread_(thread) {
    __atomic_add_fetch(&thread_->sequence, 1, __ATOMIC_ACQ_REL);
  }
  ~Writing() { __atomic_store_n(&thread_->sequence, thread_->sequence + 1, __ATOMIC_RELEASE); }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  state::Thread* thread_;
};

// state::Thread::tid of a thread that may not be asked.
constexpr int kUnknownTid = -1;

uint32_t Least(uint32_t a, uint32_t b) { return a < b ? a : b; }

}  // namespace

void ThreadSlots::Attach(state::Thread* threads, state::Totals* totals, PreviousStack* previous) {
  threads_ = threads;
  totals_ = totals;
  previous_ = previous;
  lock_ = 0;
}

uint32_t ThreadSlots::Claim() {
  const int tid = InSandbox() ? kUnknownTid : GetTid();
  if (!AcquireBounded(&lock_)) return state::kNoThread;
  const uint64_t count = totals_->thread_count;
  uint64_t slot = 0;
  while (slot < count && __atomic_load_n(&threads_[slot].tid, __ATOMIC_RELAXED) != 0) ++slot;
  if (slot == count && count < kThreadCapacity) {
    if (Reach(state::kSectionThreads, &threads_[slot])) {
      __atomic_store_n(&totals_->thread_count, count + 1, __ATOMIC_RELEASE);
    } else {
      slot = kThreadCapacity;
    }
  }
  if (slot < kThreadCapacity) __atomic_store_n(&threads_[slot].tid, tid, __ATOMIC_RELAXED);
  preload::Release(&lock_);
  if (slot >= kThreadCapacity) return state::kNoThread;

  state::Thread* thread = &threads_[slot];
  Writing writing(thread);
  thread->name[0] = '\0';
  if (!InSandbox()) Syscall(SYS_prctl, PR_GET_NAME, AsLong(thread->name));
  thread->depth = 0;
  previous_[slot].depth = 0;
  previous_[slot].claimed_at = thread->event;
  thread->claimed = static_cast<uint32_t>(thread->event);
  return static_cast<uint32_t>(slot);
}

void ThreadSlots::Release(uint32_t slot) {
  Truncate(slot, 0);
  __atomic_store_n(&threads_[slot].tid, 0, __ATOMIC_RELEASE);
}

ThreadSlots::Event ThreadSlots::Note(uint32_t slot, const CapturedStack& stack) {
  state::Thread* thread = &threads_[slot];
  PreviousStack* previous = &previous_[slot];
  const uint64_t event = thread->event + 1;
  const CapturedFrame* frames = stack.frames;
  const uint32_t depth = stack.depth;
  const bool comparable =
      !stack.truncated && depth > 0 &&
      (previous->depth == 0 || previous->frames[0].cfa == frames[depth - 1].cfa);
  if (!comparable) {
    __atomic_store_n(&thread->event, event, __ATOMIC_RELAXED);
    return {event, false};
  }

  // The equal prefix: frame i keeps its activation if it and all frames outside it have
  // the CFA of before and were called from the same place.
  const uint32_t stored = Least(depth, state::kThreadFrames);
  uint32_t same = 0;
  while (same < stored && same < previous->depth &&
         previous->frames[same].cfa == frames[depth - 1 - same].cfa &&
         (same == 0 || previous->frames[same - 1].pc == frames[depth - same].pc)) {
    ++same;
  }
  Writing writing(thread);
  for (uint32_t i = same; i < stored; ++i) thread->activation[i] = event;
  // The last equal frame may be called from elsewhere than before: its pc was not compared.
  for (uint32_t i = same != 0 ? same - 1 : 0; i < stored; ++i) {
    previous->frames[i] = {frames[depth - 1 - i].cfa, frames[depth - 1 - i].pc};
  }
  previous->depth = stored;
  thread->depth = depth;
  __atomic_store_n(&thread->event, event, __ATOMIC_RELAXED);
  return {event, true};
}

void ThreadSlots::NoteStackPointer(uint32_t slot, uint64_t sp) {
  const PreviousStack& previous = previous_[slot];
  // Outside [innermost CFA, outermost CFA) it is another stack, or nothing returned.
  if (previous.depth == 0 || sp >= previous.frames[0].cfa) return;
  uint32_t depth = previous.depth;
  while (depth > 0 && previous.frames[depth - 1].cfa <= sp) --depth;
  if (depth < previous.depth) Truncate(slot, depth);
}

void ThreadSlots::Truncate(uint32_t slot, uint32_t depth) {
  Writing writing(&threads_[slot]);
  threads_[slot].depth = depth;
  previous_[slot].depth = depth;
}

uint32_t ThreadSlots::Outlived(uint32_t slot, uint64_t event, uint32_t depth) const {
  const state::Thread& thread = threads_[slot];
  const uint32_t stored = Least(thread.depth, state::kThreadFrames);
  uint32_t standing = 0;
  while (standing < stored && thread.activation[standing] <= event) ++standing;
  if (standing == state::kThreadFrames && thread.depth > state::kThreadFrames) return 0;
  return depth > standing ? depth - standing : 0;
}

}  // namespace tidemark::preload
