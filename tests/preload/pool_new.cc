// operator new of a pool: neither malloc nor a C library stands behind it. Built as a
// library that a program links, and into a program itself.

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace {

constexpr std::size_t kPoolBytes = 512 << 20;
std::atomic<std::size_t> g_used{0};

}  // namespace

extern "C" std::size_t PoolUsed() { return g_used.load(); }

void* operator new(std::size_t size) {
  static char* pool = static_cast<char*>(mmap(nullptr, kPoolBytes, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const std::size_t rounded = (size + 31) / 16 * 16;
  const std::size_t at = g_used.fetch_add(rounded);
  if (at + rounded > kPoolBytes) throw std::bad_alloc();
  return pool + at;
}
void operator delete(void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}
