// Memory that a stack walk reads: nothing is loaded from a page before the kernel said
// that it can be read.
//
// Malloc-safe, signal-safe. One per walk: what was proven may be unmapped afterwards.

#ifndef TIDEMARK_PROFILER_PRELOAD_STACK_MEMORY_H_
#define TIDEMARK_PROFILER_PRELOAD_STACK_MEMORY_H_

#include <cstdint>

#include "profiler/preload/os.h"

namespace tidemark::preload {

class StackMemory {
 public:
  // [low, high) is known to be readable: the pages of the running thread's stack that it
  // has just written, or more of it for a caller who knows its bounds. Page aligned.
  StackMemory(uint64_t low, uint64_t high) : low_(low), high_(high) {}

  // False, and no value, when the address is unaligned or cannot be read.
  bool Load(uint64_t address, uint64_t* value) {
    if (TM_UNLIKELY((address & 7) != 0)) return false;
    if (TM_UNLIKELY(address - low_ >= high_ - low_) && !Prove(address)) return false;
    *value = Word(address);
    return true;
  }

  // True when all of [address, address + bytes) can be read. REQUIRES: bytes <= one page.
  static bool CanRead(uint64_t address, uint64_t bytes) {
    const uint64_t last = address + bytes - 1;
    return IsReadable(address) && (((address ^ last) < kPage) || IsReadable(last));
  }

  // REQUIRES: it can be read.
  __attribute__((no_sanitize_address)) static uint8_t Byte(uint64_t address) {
    return *reinterpret_cast<const volatile uint8_t*>(address);
  }

  // REQUIRES: it can be read; aligned. Stack words of other functions are not objects of
  // ours; asan may have poisoned them.
  __attribute__((no_sanitize_address)) static uint64_t Word(uint64_t address) {
    return *reinterpret_cast<const volatile uint64_t*>(address);
  }

  static constexpr uint64_t kPage = 4096;
  static uint64_t PageOf(uint64_t address) { return address & ~(kPage - 1); }

 private:
  // A stack is walked towards higher addresses: one proven range that grows is enough, and
  // it starts again when the walk moves to another stack.
  bool Prove(uint64_t address) {
    const uint64_t page = PageOf(address);
    if (!IsReadable(page)) return false;
    if (page == high_) {
      high_ += kPage;
    } else {
      low_ = page;
      high_ = page + kPage;
    }
    return true;
  }

  uint64_t low_;
  uint64_t high_;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_STACK_MEMORY_H_
