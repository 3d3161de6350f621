// The registers of an entry point's caller, for functions that entry points jump to.
//
// In a function compiled with a frame pointer and entered by a tail jump from an entry
// point, right after its prologue (push rbp; mov rbp, rsp)
//
//   caller.bp = [rbp]      caller.pc = [rbp + 8]      caller.sp = rbp + 16
//
// are the registers of the entry point's caller as they will be when the call returns,
// whether or not the caller itself keeps a frame pointer. CMakeLists.txt compiles the
// files that use this with -fno-omit-frame-pointer.

#ifndef TIDEMARK_PROFILER_PRELOAD_CALLER_H_
#define TIDEMARK_PROFILER_PRELOAD_CALLER_H_

#include <stdint.h>

#include "profiler/preload/stack_capture.h"

namespace tidemark::preload {

inline __attribute__((always_inline)) Registers CallerOf(const void* frame) {
  const uint64_t* words = static_cast<const uint64_t*>(frame);
  return {words[1], reinterpret_cast<uint64_t>(words + 2), words[0]};
}
#define TM_CALLER() ::tidemark::preload::CallerOf(__builtin_frame_address(0))

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_CALLER_H_
