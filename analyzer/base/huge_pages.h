// Large tables in large pages: a profile of a million samples takes some 80,000 page faults
// otherwise, a good part of the time that reading it takes.
//
// Thread class: any thread. Allocation class: allocates nothing.

#ifndef TIDEMARK_ANALYZER_BASE_HUGE_PAGES_H_
#define TIDEMARK_ANALYZER_BASE_HUGE_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark {

// Asks the kernel to back memory that is about to be written with huge pages. A hint: where
// they are switched off, or the memory is too small to hold one, nothing happens.
inline void AdviseHugePages(const void* data, size_t bytes) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t last = (begin + bytes) & ~(kHugePage - 1);
  if (first >= last) return;
  (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

// The same for what reserve() gave a vector.
template <typename T>
void AdviseHugePages(const std::vector<T>& reserved) {
  AdviseHugePages(reserved.data(), reserved.capacity() * sizeof(T));
}

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_HUGE_PAGES_H_
