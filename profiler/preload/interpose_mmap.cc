// The entry points only: no frame, no decision. libc's declarations are kept away from them
// by their assembler names: mremap is variadic there.

#include "profiler/preload/interpose_mmap.h"

#include <errno.h>

#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/os.h"
#include "profiler/preload/symbol_lookup.h"

namespace tidemark::preload {
namespace {

void* FirstMmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset);
int FirstMunmap(void* at, size_t bytes);
void* FirstMremap(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to);
constexpr MmapCalls kFirstCalls = {FirstMmap, FirstMunmap, FirstMremap};
constinit MmapCalls g_next_calls = kFirstCalls;

// At load time, or at the first call of another library's constructor before that.
__attribute__((constructor)) void FindMmapCalls() {
  if (g_next_calls.mmap != FirstMmap) return;
  MmapCalls found = kFirstCalls;
  const auto look = [](const char* name, auto* entry) {
    void* function = FindNext(name, Search::kAtStart).function;
    if (function != nullptr) *entry = reinterpret_cast<decltype(+*entry)>(function);
  };
  look("mmap", &found.mmap);
  look("munmap", &found.munmap);
  look("mremap", &found.mremap);
  g_next_calls = found;
  g_mmap_calls = found;
}

long FailedAs(long result) {
  errno = static_cast<int>(-result);
  return -1;
}
bool IsError(long result) { return result < 0 && result > -4096; }

void* FirstMmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  FindMmapCalls();
  if (g_mmap_calls.mmap != FirstMmap)
    return g_mmap_calls.mmap(at, bytes, protection, flags, fd, offset);
  const long result =
      Syscall(SYS_mmap, AsLong(at), static_cast<long>(bytes), protection, flags, fd, offset);
  return reinterpret_cast<void*>(IsError(result) ? FailedAs(result) : result);
}

int FirstMunmap(void* at, size_t bytes) {
  FindMmapCalls();
  if (g_mmap_calls.munmap != FirstMunmap) return g_mmap_calls.munmap(at, bytes);
  const long result = Syscall(SYS_munmap, AsLong(at), static_cast<long>(bytes));
  return static_cast<int>(IsError(result) ? FailedAs(result) : result);
}

void* FirstMremap(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to) {
  FindMmapCalls();
  if (g_mmap_calls.mremap != FirstMremap)
    return g_mmap_calls.mremap(at, old_bytes, new_bytes, flags, to);
  const long result = Syscall(SYS_mremap, AsLong(at), static_cast<long>(old_bytes),
                              static_cast<long>(new_bytes), flags, AsLong(to));
  return reinterpret_cast<void*>(IsError(result) ? FailedAs(result) : result);
}

}  // namespace

constinit MmapCalls g_mmap_calls = kFirstCalls;

const MmapCalls& NextMmapCalls() {
  FindMmapCalls();
  return g_next_calls;
}

extern "C" {

TM_EXPORT void* EntryMmap(void* at, size_t bytes, int protection, int flags, int fd,
                          off_t offset) __asm__("mmap");
TM_EXPORT void* EntryMmap64(void* at, size_t bytes, int protection, int flags, int fd,
                            off_t offset) __asm__("mmap64");
TM_EXPORT int EntryMunmap(void* at, size_t bytes) __asm__("munmap");
TM_EXPORT void* EntryMremap(void* at, size_t old_bytes, size_t new_bytes, int flags,
                            void* to) __asm__("mremap");

void* EntryMmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return g_mmap_calls.mmap(at, bytes, protection, flags, fd, offset);
}
void* EntryMmap64(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return g_mmap_calls.mmap(at, bytes, protection, flags, fd, offset);
}
int EntryMunmap(void* at, size_t bytes) { return g_mmap_calls.munmap(at, bytes); }
void* EntryMremap(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to) {
  return g_mmap_calls.mremap(at, old_bytes, new_bytes, flags, to);
}

}  // extern "C"

}  // namespace tidemark::preload
