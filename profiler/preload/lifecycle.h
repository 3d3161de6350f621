// When recording starts and ends: program start, fork, exec, exit, the end of a thread.
//
// Recording starts with the constructor, or with the first allocation that leaves the fast
// path once libc is set up, whichever is first. A fork child is noticed by a page that
// the kernel wipes at fork (no handler, no lock), and starts afresh at its first such
// allocation; one that only execs or exits leaves no trace. A vfork child shares its
// parent's memory: its allocations are its parent's, and what it does to the process (it
// may only exec or _exit) is told by its PID.
//
// Malloc-safe, signal-safe.

#ifndef TIDEMARK_PROFILER_PRELOAD_LIFECYCLE_H_
#define TIDEMARK_PROFILER_PRELOAD_LIFECYCLE_H_

#include <stdint.h>

#include "proto/state.h"

namespace tidemark::preload {

enum Phase : uint32_t {
  kPhaseFresh = 0,     // nothing happened yet in this process; what a fork child finds
  kPhaseStarting = 1,  // a thread is at it; what is allocated meanwhile passes unseen
  kPhaseRecording = 2,
  kPhaseInert = 3,  // impossible or not wanted, for good
};

// Is this process recording? False in a fork child that has not started yet.
bool InRecording();

// The same, but starts recording where that was not tried yet, and has the end of this
// thread noticed. Where it is false the countdown was set so that the thread does not
// come again in vain.
bool EnterRecording();

// The process is about to end or to be replaced by another program. Writes the final
// profile and seals the state; once, and only in the process that owns the state.
void FinishRecording(state::Seal seal, int exit_status);

// The same before a call that ends the process only if it succeeds (exec, daemon). Should
// it return, ResumeRecording undoes what was done: no profile, and the state is there again.
void SuspendRecording(state::Seal seal);
void ResumeRecording();

// Is this the process that TIDEMARK_CHILDREN was meant for? A program that it becomes by exec
// is still the one that was meant. False where all are recorded.
bool IsFirstProcess();

// A dlclose returned.
void AfterDlclose();

// The process has put itself under seccomp. From now on files are left alone: the system
// calls they need may be deadly. What was recorded remains in the state. `strict`: no
// system call at all may be made, so recording is over.
// BeforeSandbox makes ready what cannot be made afterwards; SandboxRefused: it came to nothing.
void BeforeSandbox();
void SandboxRefused();
void EnterSandbox(bool strict);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_LIFECYCLE_H_
