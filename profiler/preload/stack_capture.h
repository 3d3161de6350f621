// Unwinds the calling thread's stack from its own registers.
//
// Malloc-safe, signal-safe: allocates nothing, takes no lock that a malloc caller could
// hold, touches no memory that it did not first prove readable. Uses <= 256 bytes of the
// thread's stack, <= 768 when an address is seen for the first time; the frames, and the walk's
// own state, go to the caller's buffer. Frames of libtidemark.so itself are left out.

#ifndef TIDEMARK_PROFILER_PRELOAD_STACK_CAPTURE_H_
#define TIDEMARK_PROFILER_PRELOAD_STACK_CAPTURE_H_

#include <cstdint>

#include "proto/state.h"

namespace tidemark::preload {

// The state of the caller of an entry point, as if the call had just returned:
// pc = return address, sp = stack pointer after the return, bp = its frame pointer.
struct Registers {
  uint64_t pc;
  uint64_t sp;
  uint64_t bp;
};

// One physical frame. `pc` is a return address (for a frame interrupted by a signal: the
// interrupted address + 1, and for the never called outermost function of a stack that was
// made by hand, as makecontext does, its entry + 1: so that pc - 1 is inside the instruction).
// `cfa` is the frame's canonical frame address: the caller's sp after this frame returned; of
// the outermost frame, its own sp.
struct CapturedFrame {
  uint64_t pc;
  uint64_t cfa;
  uint32_t module;  // index into the state's modules, state::kNoModule when unknown
  uint32_t pad;
};

struct CapturedStack {
  uint32_t depth;
  bool truncated;  // did not end at the thread's outermost frame, as CFI or a null return
                   // address tell it
  CapturedFrame frames[state::kMaxFrames];  // leaf first
  // Of the walk: the target's stack may be short.
  alignas(16) char workspace[256];
};

void CaptureStack(const Registers& start, CapturedStack* stack);

// To be called after a dlclose returned: forgets every rule and marks unloaded modules.
void ForgetUnloadedModules();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_STACK_CAPTURE_H_
