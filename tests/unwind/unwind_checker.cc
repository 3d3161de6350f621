// Preloaded into real programs: on every allocation, compares FastCapture with CaptureStack,
// and on every Nth CaptureStack with libgcc's unwinder, frame by frame (address and CFA),
// timing both.
//
// TIDEMARK_UNWIND_REPORT names the file to which each process appends one JSON line when it
// exits; TIDEMARK_UNWIND_EVERY is N (default 100). The first mismatches are shown in full on
// stderr when TIDEMARK_UNWIND_SHOW is set.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "profiler/preload/fast_capture.h"
#include "profiler/preload/modules.h"
#include "profiler/preload/os.h"
#include "profiler/preload/stack_capture.h"

namespace tidemark::preload {

PathKey g_root_key = {1, 2};  // the recorder's, which is not here

}  // namespace tidemark::preload

namespace {

using tidemark::preload::CapturedStack;
using tidemark::preload::FastCapture;
using tidemark::preload::MonotonicNs;
using tidemark::preload::PathKey;
using tidemark::preload::Registers;
namespace state = tidemark::state;

constexpr uint32_t kMaxLibgccFrames = state::kMaxFrames + 16;

struct LibgccStack {
  uint32_t depth;
  uint64_t pc[kMaxLibgccFrames];   // as CapturedFrame::pc
  uint64_t cfa[kMaxLibgccFrames];  // 0 for the outermost
};

struct Counters {
  uint64_t captures;
  uint64_t identical;
  uint64_t longer;  // equal as far as libgcc got: it found no FDE, the frame pointer did
  uint64_t mismatches;
  uint64_t truncated;  // as CapturedStack says
  uint64_t lost;       // truncated, and libgcc got further: our fault
  uint64_t cut;        // deeper than kMaxFrames
  uint64_t frames;
  uint64_t ns;
  uint64_t libgcc_ns;
  uint64_t fast_captures;
  uint64_t fast_imported;  // CaptureStack did them
  uint64_t fast_wrong;
};

Counters g_counters;
uint64_t g_every = 100;
bool g_show;
bool g_ready;
int g_owner;
state::Totals g_totals;
state::Module g_modules[4096];
char g_strings[256 * 1024];

struct ThreadBuffers {
  uint64_t allocations;
  bool busy;
  FastCapture* fast;
  CapturedStack captured;
  LibgccStack libgcc;
};
__attribute__((tls_model("initial-exec"))) thread_local ThreadBuffers t_buffers;

void Count(uint64_t* counter, uint64_t n = 1) { __atomic_fetch_add(counter, n, __ATOMIC_RELAXED); }

_Unwind_Reason_Code AddFrame(_Unwind_Context* context, void* data) {
  auto* stack = static_cast<LibgccStack*>(data);
  if (stack->depth == kMaxLibgccFrames) return _URC_END_OF_STACK;
  int is_exact = 0;
  const uint64_t ip = _Unwind_GetIPInfo(context, &is_exact);
  if (ip == 0) return _URC_NO_REASON;
  // libgcc tells sp in this frame, which is the CFA of the one before.
  if (stack->depth > 0) stack->cfa[stack->depth - 1] = _Unwind_GetCFA(context);
  stack->pc[stack->depth] = ip + (is_exact != 0 ? 1 : 0);
  stack->cfa[stack->depth++] = 0;
  return _URC_NO_REASON;
}

// CaptureStack leaves out the library's own frames: dlclose's, which calls destructors.
void RemoveOwnFrames(LibgccStack* stack) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < stack->depth; ++i) {
    tidemark::preload::LoadedModule module;
    if (tidemark::preload::FindModule(stack->pc[i] - 1, &module) && module.is_self != 0) continue;
    stack->pc[kept] = stack->pc[i];
    stack->cfa[kept++] = stack->cfa[i];
  }
  stack->depth = kept;
}

void Show(const CapturedStack& ours, const LibgccStack& theirs, uint32_t first, uint32_t differ) {
  dprintf(2, "unwind mismatch at frame %u, truncated=%d\n", differ, ours.truncated);
  const uint32_t behind = theirs.depth - first;
  for (uint32_t i = 0; i < ours.depth || i < behind; ++i) {
    const bool has_ours = i < ours.depth;
    const bool has_theirs = i < behind;
    tidemark::preload::LoadedModule module{};
    const uint64_t pc = has_ours ? ours.frames[i].pc : theirs.pc[first + i];
    const bool known = tidemark::preload::FindModule(pc - 1, &module);
    const state::Module* listed = known ? &g_modules[module.index] : nullptr;
    dprintf(2, "  %3u ours %lx cfa %lx  libgcc %lx cfa %lx  %s+%lx\n", i,
            has_ours ? ours.frames[i].pc : 0, has_ours ? ours.frames[i].cfa : 0,
            has_theirs ? theirs.pc[first + i] : 0, has_theirs ? theirs.cfa[first + i] : 0,
            known ? g_strings + listed->path_offset : "?", known ? pc - listed->load_bias : 0);
  }
}

// The outermost frame of a stack made by hand is at a function's entry, whose address
// CaptureStack gives as it gives interrupted ones: + 1.
bool IsSameAddress(const CapturedStack& ours, uint32_t frame, uint64_t libgcc_pc) {
  const uint64_t pc = ours.frames[frame].pc;
  const bool is_last = frame + 1 == ours.depth && !ours.truncated;
  return pc == libgcc_pc || (is_last && pc == libgcc_pc + 1);
}

void Compare(const CapturedStack& ours, const LibgccStack& theirs) {
  uint32_t first = 0;
  while (first < theirs.depth && theirs.pc[first] != ours.frames[0].pc) ++first;
  const uint32_t behind = theirs.depth - first;
  uint32_t same = 0;
  while (same < ours.depth && same < behind && IsSameAddress(ours, same, theirs.pc[first + same]) &&
         (theirs.cfa[first + same] == 0 || ours.frames[same].cfa == theirs.cfa[first + same])) {
    ++same;
  }
  Count(&g_counters.captures);
  Count(&g_counters.frames, ours.depth);
  if (ours.truncated) Count(&g_counters.truncated);
  if (same == ours.depth && ours.depth == state::kMaxFrames && behind > same) {
    Count(&g_counters.cut);
  } else if (same == ours.depth && same == behind) {
    Count(&g_counters.identical);
  } else if (same == behind && behind > 0) {
    Count(&g_counters.longer);
  } else {
    Count(same == ours.depth && ours.truncated ? &g_counters.lost : &g_counters.mismatches);
    static int shown = 0;
    if (g_show && __atomic_fetch_add(&shown, 1, __ATOMIC_RELAXED) < 3) {
      Show(ours, theirs, first, same);
    }
  }
}

// The first frame, counted from the root, in which the two differ; kMaxFrames when none.
uint32_t FirstDifference(const CapturedStack& stack, const FastCapture& fast) {
  PathKey key = tidemark::preload::g_root_key;
  if (stack.truncated) key = key.Extended(state::kPcTruncated);
  if (fast.depth() != stack.depth || fast.truncated() != stack.truncated) return 0;
  for (uint32_t i = 0; i < stack.depth; ++i) {
    const tidemark::preload::CapturedFrame& frame = stack.frames[stack.depth - 1 - i];
    key = key.Extended(frame.pc);
    if (fast.pc(i) != frame.pc || fast.module(i) != frame.module || !(fast.key(i) == key)) {
      return i;
    }
  }
  return fast.key() == key ? state::kMaxFrames : stack.depth;
}

void CompareFast(const Registers& start, ThreadBuffers* buffers) {
  if (buffers->fast == nullptr) {
    buffers->fast =
        static_cast<FastCapture*>(tidemark::preload::MapPrivate(sizeof(*buffers->fast)));
    if (buffers->fast == nullptr) return;
  }
  const FastCapture& fast = *buffers->fast;
  buffers->fast->Capture(start);
  Count(&g_counters.fast_captures);
  if (fast.was_imported()) Count(&g_counters.fast_imported);
  const uint32_t first = FirstDifference(buffers->captured, fast);
  if (first == state::kMaxFrames) return;
  Count(&g_counters.fast_wrong);
  static int shown = 0;
  if (!g_show || __atomic_fetch_add(&shown, 1, __ATOMIC_RELAXED) >= 3) return;
  const CapturedStack& stack = buffers->captured;
  dprintf(2, "FastCapture differs at frame %u, truncated=%d, imported=%d\n", first,
          fast.truncated(), fast.was_imported());
  for (uint32_t i = 0; i < stack.depth || i < fast.depth(); ++i) {
    dprintf(2, "  %3u CaptureStack %lx FastCapture %lx\n", i,
            i < stack.depth ? stack.frames[stack.depth - 1 - i].pc : 0,
            i < fast.depth() ? fast.pc(i) : 0);
  }
}

// `frame`: of the entry point: its saved bp, its return address, then the caller's stack.
[[gnu::noinline]] void CompareAt(const uint64_t* frame, bool with_libgcc) {
  ThreadBuffers& buffers = t_buffers;
  if (!g_ready || buffers.busy) return;
  buffers.busy = true;
  if (const int pid = tidemark::preload::GetPid(); pid != g_owner) {
    g_owner = pid;
    g_counters = {};
    g_totals = {};
    tidemark::preload::AttachModules(g_modules, 4096, g_strings, sizeof(g_strings), &g_totals,
                                     MonotonicNs());
  }
  const Registers start = {frame[1], reinterpret_cast<uint64_t>(frame + 2), frame[0]};
  const uint64_t begin = MonotonicNs();
  CaptureStack(start, &buffers.captured);
  const uint64_t middle = MonotonicNs();
  if (with_libgcc) {
    buffers.libgcc.depth = 0;
    _Unwind_Backtrace(&AddFrame, &buffers.libgcc);
    Count(&g_counters.ns, middle - begin);
    Count(&g_counters.libgcc_ns, MonotonicNs() - middle);
    RemoveOwnFrames(&buffers.libgcc);
    Compare(buffers.captured, buffers.libgcc);
  }
  CompareFast(start, &buffers);
  buffers.busy = false;
}

[[gnu::noinline]] void OnAllocation(const uint64_t* frame) {
  CompareAt(frame, ++t_buffers.allocations % g_every == 0);
}

// Earlier than our turn among the constructors when another one asks for a comparison.
__attribute__((constructor)) void Start() {
  if (g_ready) return;
  if (const char* every = getenv("TIDEMARK_UNWIND_EVERY")) g_every = strtoull(every, nullptr, 10);
  if (g_every == 0) g_every = 1;
  g_show = getenv("TIDEMARK_UNWIND_SHOW") != nullptr;
  g_owner = tidemark::preload::GetPid();
  tidemark::preload::AttachModules(g_modules, 4096, g_strings, sizeof(g_strings), &g_totals,
                                   MonotonicNs());
  g_ready = true;
}

__attribute__((destructor)) void Finish() {
  g_ready = false;
  const char* path = getenv("TIDEMARK_UNWIND_REPORT");
  if (path == nullptr || g_owner != tidemark::preload::GetPid()) return;
  char exe[256] = "";
  if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0) return;
  const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const Counters& c = g_counters;
  dprintf(fd,
          "{\"program\": \"%s\", \"captures\": %lu, \"identical\": %lu, \"longer\": %lu, "
          "\"mismatches\": %lu, \"lost\": %lu, \"cut\": %lu, \"truncated\": %lu, "
          "\"frames\": %lu, \"ns\": %lu, \"libgcc_ns\": %lu, \"modules\": %lu, "
          "\"fast_captures\": %lu, \"fast_imported\": %lu, \"fast_wrong\": %lu}\n",
          exe, c.captures, c.identical, c.longer, c.mismatches, c.lost, c.cut, c.truncated,
          c.frames, c.ns, c.libgcc_ns, g_totals.module_count, c.fast_captures, c.fast_imported,
          c.fast_wrong);
  close(fd);
}

// The target's own allocator: redis-server's is jemalloc.
struct NextAllocator {
  void* (*malloc)(size_t);
  void* (*calloc)(size_t, size_t);
  void* (*realloc)(void*, size_t);
  int (*dlclose)(void*);
};
NextAllocator g_next;
const NextAllocator& Next() {
  NextAllocator& next = g_next;
  if (next.dlclose == nullptr) {
    next.malloc = reinterpret_cast<void* (*)(size_t)>(dlsym(RTLD_NEXT, "malloc"));
    next.calloc = reinterpret_cast<void* (*)(size_t, size_t)>(dlsym(RTLD_NEXT, "calloc"));
    next.realloc = reinterpret_cast<void* (*)(void*, size_t)>(dlsym(RTLD_NEXT, "realloc"));
    next.dlclose = reinterpret_cast<int (*)(void*)>(dlsym(RTLD_NEXT, "dlclose"));
  }
  return next;
}

}  // namespace

extern "C" {

#define FRAME static_cast<const uint64_t*>(__builtin_frame_address(0))

__attribute__((visibility("default"))) void* malloc(size_t size) {
  void* block = Next().malloc(size);
  OnAllocation(FRAME);
  return block;
}
__attribute__((visibility("default"))) void* calloc(size_t count, size_t size) {
  void* block = Next().calloc(count, size);
  OnAllocation(FRAME);
  return block;
}
__attribute__((visibility("default"))) void* realloc(void* old, size_t size) {
  void* block = Next().realloc(old, size);
  OnAllocation(FRAME);
  return block;
}
__attribute__((visibility("default"))) int dlclose(void* handle) {
  const int result = Next().dlclose(handle);
  tidemark::preload::ForgetUnloadedModules();
  tidemark::preload::ForgetFastCaptures();
  return result;
}
// For programs that want a comparison at a place of their choice.
__attribute__((visibility("default"))) void tidemark_check_unwind() {
  if (g_owner == 0) Start();
  CompareAt(FRAME, true);
}
}
