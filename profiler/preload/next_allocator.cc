#include "profiler/preload/next_allocator.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "profiler/preload/symbol_lookup.h"

namespace tidemark::preload {
namespace {

// --- the arena ------------------------------------------------------------------------

// What the dynamic linker and early constructors ask for is a few KiB.
constexpr size_t kArenaBytes = 64 << 10;
constexpr size_t kArenaAlignment = 16;

alignas(4096) char g_arena[kArenaBytes];
size_t g_arena_used;  // (atomic) 0: the arena never served a block

bool InArena(const void* block) {
  return reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(g_arena) < kArenaBytes;
}

// The bytes of an arena block stand in the word before it.
size_t ArenaSize(const void* block) {
  size_t size;
  memcpy(&size, static_cast<const char*>(block) - sizeof(size), sizeof(size));
  return size;
}

// Zeroed, as the arena is never used twice. Sets errno when it fails, as malloc does.
void* ArenaAllocate(size_t alignment, size_t size) {
  if (alignment < kArenaAlignment) alignment = kArenaAlignment;
  if (alignment <= 4096 && size <= kArenaBytes) {
    size_t used = __atomic_load_n(&g_arena_used, __ATOMIC_RELAXED);
    for (;;) {
      const size_t at = (used + sizeof(size) + alignment - 1) / alignment * alignment;
      if (at > kArenaBytes - size) break;
      if (!__atomic_compare_exchange_n(&g_arena_used, &used, at + size, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED)) {
        continue;
      }
      memcpy(g_arena + at - sizeof(size), &size, sizeof(size));
      return g_arena + at;
    }
  }
  errno = ENOMEM;
  return nullptr;
}

// --- the table ------------------------------------------------------------------------

void Resolve();
void* FirstFrontRealloc(void* block, size_t size);
void FirstFrontFree(void* block);
extern const NextAllocator kStubs;
// What the wrappers below lead to once the table is filled in.
NextAllocator g_real;

// A stub's answer: the table's entry now, nullptr when it is still the stub itself.
template <class F>
F Resolved(F NextAllocator::*entry) {
  Resolve();
  return g_next.*entry == kStubs.*entry ? nullptr : g_next.*entry;
}

void* StubMalloc(size_t size) {
  auto next = Resolved(&NextAllocator::malloc);
  return next != nullptr ? next(size) : ArenaAllocate(kArenaAlignment, size);
}
void* StubCalloc(size_t count, size_t size) {
  auto next = Resolved(&NextAllocator::calloc);
  if (next != nullptr) return next(count, size);
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
  return ArenaAllocate(kArenaAlignment, bytes);
}
void* StubRealloc(void* block, size_t size) {
  auto next = Resolved(&NextAllocator::realloc);
  if (next != nullptr) return next(block, size);
  void* moved = ArenaAllocate(kArenaAlignment, size);
  if (moved != nullptr && block != nullptr) {
    const size_t old = ArenaSize(block);
    memcpy(moved, block, old < size ? old : size);
  }
  return moved;
}
void StubFree(void* block) {
  auto next = Resolved(&NextAllocator::free);
  if (next != nullptr) next(block);
}
void* StubMemalign(size_t alignment, size_t size) {
  auto next = Resolved(&NextAllocator::memalign);
  return next != nullptr ? next(alignment, size) : ArenaAllocate(alignment, size);
}
int StubPosixMemalign(void** block, size_t alignment, size_t size) {
  auto next = Resolved(&NextAllocator::posix_memalign);
  if (next != nullptr) return next(block, alignment, size);
  const int saved_errno = errno;
  void* made = ArenaAllocate(alignment, size);
  errno = saved_errno;
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}
void* StubAlignedAlloc(size_t alignment, size_t size) {
  auto next = Resolved(&NextAllocator::aligned_alloc);
  return next != nullptr ? next(alignment, size) : ArenaAllocate(alignment, size);
}
void* StubValloc(size_t size) {
  auto next = Resolved(&NextAllocator::valloc);
  return next != nullptr ? next(size) : ArenaAllocate(4096, size);
}
void* StubPvalloc(size_t size) {
  auto next = Resolved(&NextAllocator::pvalloc);
  return next != nullptr ? next(size) : ArenaAllocate(4096, size);
}
size_t StubUsableSize(void* block) {
  auto next = Resolved(&NextAllocator::malloc_usable_size);
  if (next != nullptr) return next(block);
  return InArena(block) ? ArenaSize(block) : 0;
}
void StubFreeSized(void* block, size_t size) {
  auto next = Resolved(&NextAllocator::free_sized);
  if (next != nullptr) next(block, size);
}
void StubFreeAlignedSized(void* block, size_t alignment, size_t size) {
  auto next = Resolved(&NextAllocator::free_aligned_sized);
  if (next != nullptr) next(block, alignment, size);
}

constexpr NextAllocator kStubTable = {
    StubMalloc,       StubCalloc, StubRealloc, StubFree,       StubMemalign,  StubPosixMemalign,
    StubAlignedAlloc, StubValloc, StubPvalloc, StubUsableSize, StubFreeSized, StubFreeAlignedSized};
const NextAllocator kStubs = kStubTable;

// Before C23 nobody defines these two; they mean free.
void FreeSizedAsFree(void* block, size_t) { g_next.free(block); }
void FreeAlignedSizedAsFree(void* block, size_t, size_t) { g_next.free(block); }

void FreeKnowingArena(void* block) {
  if (!InArena(block)) g_real.free(block);
}
void* ReallocKnowingArena(void* block, size_t size) {
  if (!InArena(block)) return g_real.realloc(block, size);
  void* moved = g_next.malloc(size);
  if (moved != nullptr) {
    const size_t old = ArenaSize(block);
    memcpy(moved, block, old < size ? old : size);
  }
  return moved;
}
size_t UsableSizeKnowingArena(void* block) {
  return InArena(block) ? ArenaSize(block) : g_real.malloc_usable_size(block);
}
void FreeSizedKnowingArena(void* block, size_t size) {
  if (!InArena(block)) g_real.free_sized(block, size);
}
void FreeAlignedSizedKnowingArena(void* block, size_t alignment, size_t size) {
  if (!InArena(block)) g_real.free_aligned_sized(block, alignment, size);
}

template <class F>
void Look(const char* name, F* entry) {
  void* found = FindNext(name, Search::kAtStart).function;
  if (found != nullptr) *entry = reinterpret_cast<F>(found);
}

// Fills the table in. A call from inside (a resolver that allocates) finds the stubs
// still there and gets a block of the arena.
void Resolve() {
  static int resolving;
  if (__atomic_exchange_n(&resolving, 1, __ATOMIC_ACQUIRE) != 0) return;
  NextAllocator real = kStubs;
  real.free_sized = FreeSizedAsFree;
  real.free_aligned_sized = FreeAlignedSizedAsFree;
  Look("malloc", &real.malloc);
  Look("calloc", &real.calloc);
  Look("realloc", &real.realloc);
  Look("free", &real.free);
  Look("memalign", &real.memalign);
  Look("posix_memalign", &real.posix_memalign);
  Look("aligned_alloc", &real.aligned_alloc);
  Look("valloc", &real.valloc);
  Look("pvalloc", &real.pvalloc);
  Look("malloc_usable_size", &real.malloc_usable_size);
  Look("free_sized", &real.free_sized);
  Look("free_aligned_sized", &real.free_aligned_sized);
  const bool complete = real.malloc != StubMalloc && real.calloc != StubCalloc &&
                        real.realloc != StubRealloc && real.free != StubFree;
  if (complete) {
    g_front.realloc = reinterpret_cast<void* (*)(void*, size_t)>(
        FindInFront("realloc", Search::kAtStart).function);
    g_front.free =
        reinterpret_cast<void (*)(void*)>(FindInFront("free", Search::kAtStart).function);
    g_real = real;
    if (__atomic_load_n(&g_arena_used, __ATOMIC_RELAXED) != 0) {
      real.free = FreeKnowingArena;
      real.realloc = ReallocKnowingArena;
      real.malloc_usable_size = UsableSizeKnowingArena;
      real.free_sized = FreeSizedKnowingArena;
      real.free_aligned_sized = FreeAlignedSizedKnowingArena;
    }
    g_next = real;
  }
  __atomic_store_n(&resolving, 0, __ATOMIC_RELEASE);
}

void* FirstFrontRealloc(void* block, size_t size) {
  Resolve();
  const auto front = g_front.realloc;
  return front != nullptr && front != FirstFrontRealloc ? front(block, size)
                                                        : g_next.realloc(block, size);
}
void FirstFrontFree(void* block) {
  Resolve();
  const auto front = g_front.free;
  return front != nullptr && front != FirstFrontFree ? front(block) : g_next.free(block);
}

// Before the first call where possible: then those of the front need no check of their own.
__attribute__((constructor)) void ResolveAtStart() {
  if (g_front.free == FirstFrontFree) Resolve();
}

}  // namespace

constinit NextAllocator g_next = kStubTable;
constinit FrontAllocator g_front = {FirstFrontRealloc, FirstFrontFree};

}  // namespace tidemark::preload
