// The mark of a thread that is inside the recorder.
//
// A signal handler that interrupts it finds the mark and stays out; the fences keep the
// compiler from moving stores across it. Malloc-safe, signal-safe.

#ifndef TIDEMARK_PROFILER_PRELOAD_INSIDE_H_
#define TIDEMARK_PROFILER_PRELOAD_INSIDE_H_

#include "profiler/preload/thread_state.h"

namespace tidemark::preload {

// REQUIRES: thread->busy == 0.
class Inside {
 public:
  explicit Inside(ThreadState* thread) : thread_(thread) {
    thread_->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
  }
  ~Inside() {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread_->busy = 0;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  ThreadState* thread_;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_INSIDE_H_
