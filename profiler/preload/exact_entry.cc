// Compiled with frame pointers, as interpose_slow.cc and for the same reason.

#include "profiler/preload/exact_entry.h"

#include "profiler/preload/caller.h"
#include "profiler/preload/exact_recorder.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/next_allocator.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

NextAllocator g_real;
bool g_installed;

inline void Note(void* block, size_t size, const Registers& caller) {
  if (TM_LIKELY(block != nullptr) && (exact::ThreadIsReady() || EnterRecording())) {
    exact::Allocation(block, size, caller);
  }
}

// A thread that only frees is to be noticed when it ends, too; a fork child that only frees
// is not worth a state of its own.
inline bool MayCountFree() { return exact::ThreadIsReady() || (InRecording() && EnterRecording()); }

inline void NoteFree(void* block) {
  if (TM_LIKELY(MayCountFree())) exact::Free(block);
}

void* ExactMalloc(size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.malloc(size);
  Note(block, size, caller);
  return block;
}

void* ExactCalloc(size_t count, size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.calloc(count, size);
  Note(block, count * size, caller);  // a product that overflows gave no block
  return block;
}

// The block leaves the table before the allocator runs: once realloc has freed it, another
// thread may get its address.
void* ExactRealloc(void* block, size_t size) {
  const Registers caller = TM_CALLER();
  if (!EnterRecording()) return g_real.realloc(block, size);
  const AddressTable::Block taken = exact::Take(block);
  void* moved = g_real.realloc(block, size);
  if (moved == nullptr && size != 0) {
    exact::PutBack(block, taken);
    return moved;
  }
  if (taken.site != AddressTable::kNone) exact::CountFree(taken);
  Note(moved, size, caller);
  return moved;
}

void ExactFree(void* block) {
  NoteFree(block);
  g_real.free(block);
}

void ExactFreeSized(void* block, size_t size) {
  NoteFree(block);
  g_real.free_sized(block, size);
}

void ExactFreeAlignedSized(void* block, size_t alignment, size_t size) {
  NoteFree(block);
  g_real.free_aligned_sized(block, alignment, size);
}

void* ExactMemalign(size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.memalign(alignment, size);
  Note(block, size, caller);
  return block;
}

int ExactPosixMemalign(void** block, size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  const int result = g_real.posix_memalign(block, alignment, size);
  if (result == 0) Note(*block, size, caller);
  return result;
}

void* ExactAlignedAlloc(size_t alignment, size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.aligned_alloc(alignment, size);
  Note(block, size, caller);
  return block;
}

void* ExactValloc(size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.valloc(size);
  Note(block, size, caller);
  return block;
}

void* ExactPvalloc(size_t size) {
  const Registers caller = TM_CALLER();
  void* block = g_real.pvalloc(size);
  Note(block, size, caller);
  return block;
}

// In the place of the standard operators.
template <uint32_t kWhich>
void* ExactNew(size_t size, uintptr_t a, uintptr_t b) {
  const Registers caller = TM_CALLER();
  void* block = g_real.malloc(size != 0 ? size : 1);
  if (TM_UNLIKELY(block == nullptr)) return g_operators.real_new[kWhich](size, a, b);
  Note(block, size != 0 ? size : 1, caller);
  return block;
}

void ExactDelete(void* block, uintptr_t, uintptr_t) {
  NoteFree(block);
  g_real.free(block);
}

}  // namespace

void InstallExactEntries() {
  if (g_installed) return;
  g_real = g_next;
  g_next.malloc = ExactMalloc;
  g_next.calloc = ExactCalloc;
  g_next.realloc = ExactRealloc;
  g_next.free = ExactFree;
  g_next.memalign = ExactMemalign;
  g_next.posix_memalign = ExactPosixMemalign;
  g_next.aligned_alloc = ExactAlignedAlloc;
  g_next.valloc = ExactValloc;
  g_next.pvalloc = ExactPvalloc;
  g_next.free_sized = ExactFreeSized;
  g_next.free_aligned_sized = ExactFreeAlignedSized;
  g_installed = true;
  CountEveryOperator({ExactNew<0>, ExactNew<1>, ExactNew<2>, ExactNew<3>}, ExactDelete);
}

bool HasExactEntries() { return g_installed; }

void* RealMalloc() { return reinterpret_cast<void*>(g_installed ? g_real.malloc : g_next.malloc); }

}  // namespace tidemark::preload
