// usage: target_errno [libstdc++] [-pvalloc] [-reallocarray] [-new], for what only libstdc++'s
// operators do, and for what an allocator lacks.
//
// Every entry point with arguments that must succeed, fail or be odd: prints what each
// returned and what errno was then, to be compared with the same program alone.
//
// Pointers are printed as null, not null or "as before"; what succeeded is freed. For each
// call there is a small block that passes unseen, and one that is large enough to be
// sampled.

#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

namespace {

// Volatile, so that no compiler knows them.
volatile std::size_t g_sizes[] = {0,
                                  1,
                                  24,
                                  1000,
                                  100000,
                                  5000000,
                                  PTRDIFF_MAX,
                                  SIZE_MAX / 2,
                                  SIZE_MAX,
                                  SIZE_MAX - 8,
                                  SIZE_MAX - 4096,
                                  std::size_t{1} << 63,
                                  std::size_t{1} << 47};
volatile std::size_t g_counts[] = {0, 1, 3, SIZE_MAX / 16, SIZE_MAX / 2 + 2, SIZE_MAX};
volatile std::size_t g_alignments[] = {0, 1, 3, 4, 8, 16, 24, 64, 4096, std::size_t{1} << 20};

void Say(const char* name, std::size_t a, std::size_t b, const char* result) {
  const int error = errno;
  std::printf("%s(%zx, %zx): %s, errno %d\n", name, a, b, result, error);
}

const char* Kind(const void* block) { return block == nullptr ? "null" : "block"; }

// Runs `call`, prints it and gives back what came.
template <class Call>
void Try(const char* name, std::size_t a, std::size_t b, Call&& call) {
  errno = 77;
  void* block = call();
  Say(name, a, b, Kind(block));
  errno = 78;
  std::free(block);
  if (errno != 78) std::printf("free changed errno to %d\n", errno);
}

template <class Call>
void TryRealloc(const char* name, std::size_t old_size, std::size_t size, Call&& call) {
  char* block = old_size == 0 ? nullptr : static_cast<char*>(std::malloc(old_size));
  if (block != nullptr) std::memset(block, 0x5a, old_size);
  errno = 77;
  char* moved = static_cast<char*>(call(block));
  Say(name, old_size, size, Kind(moved));
  if (moved != nullptr && old_size != 0 && size != 0 && moved[0] != 0x5a) std::puts("lost");
  if (moved != nullptr) {
    std::free(moved);
  } else if (size != 0 && block != nullptr) {
    if (block[0] != 0x5a || block[old_size - 1] != 0x5a) std::puts("changed");
    std::free(block);
  }
}

void CFamily(bool with_pvalloc, bool with_reallocarray) {
  for (std::size_t size : g_sizes) {
    Try("malloc", size, 0, [&] { return std::malloc(size); });
    Try("valloc", size, 0, [&] { return valloc(size); });
    if (with_pvalloc) Try("pvalloc", size, 0, [&] { return pvalloc(size); });
    for (std::size_t count : g_counts) {
      Try("calloc", count, size, [&] { return std::calloc(count, size); });
      if (!with_reallocarray) continue;
      TryRealloc("reallocarray", 100, count * size,
                 [&](void* block) { return reallocarray(block, count, size); });
    }
    for (const std::size_t old_size : {0u, 10u, 1000000u}) {
      TryRealloc("realloc", old_size, size, [&](void* block) { return std::realloc(block, size); });
    }
    for (std::size_t alignment : g_alignments) {
      Try("memalign", alignment, size, [&] { return memalign(alignment, size); });
      Try("aligned_alloc", alignment, size, [&] { return aligned_alloc(alignment, size); });
      void* block = &block;
      errno = 77;
      const int result = posix_memalign(&block, alignment, size);
      std::printf("posix_memalign(%zx, %zx): %d, %s, errno %d\n", alignment, size, result,
                  block == &block ? "as before" : Kind(block), errno);
      if (result == 0) std::free(block);
    }
  }
  errno = 77;
  std::printf("malloc_usable_size(null): %zu, errno %d\n", malloc_usable_size(nullptr), errno);
}

int g_handler_calls;
void Handler() {
  if (++g_handler_calls % 3 == 0) std::set_new_handler(nullptr);
}
[[noreturn]] void ThrowingHandler() { throw 5; }

bool Has(char** argv, const char* word) {
  while (*argv != nullptr && std::strcmp(*argv, word) != 0) ++argv;
  return *argv != nullptr;
}

// Where an operator is nothrow and its new_handler throws, only libstdc++'s returns null.
bool g_libstdcxx = false;

template <class Call>
void TryNew(const char* name, std::size_t size, Call&& call) {
  const bool nothrow = std::strstr(name, "nothrow") != nullptr;
  for (int way = 0; way < (nothrow && !g_libstdcxx ? 2 : 3); ++way) {
    std::set_new_handler(way == 0 ? nullptr : way == 1 ? Handler : ThrowingHandler);
    g_handler_calls = 0;
    errno = 77;
    const char* result = "block";
    try {
      if (call() == nullptr) result = "null";
    } catch (const std::bad_alloc&) {
      result = "bad_alloc";
    } catch (int) {
      result = "the handler's";
    }
    std::printf("%s(%zx) way %d: %s, errno %d, %d calls\n", name, size, way, result, errno,
                g_handler_calls);
  }
  std::set_new_handler(nullptr);
}

void Operators() {
  constexpr std::align_val_t kAlignment{256};
  for (std::size_t size : g_sizes) {
    TryNew("new", size, [&] {
      void* block = ::operator new(size);
      ::operator delete(block);
      return block;
    });
    TryNew("new[]", size, [&] {
      void* block = ::operator new[](size);
      ::operator delete[](block, size);
      return block;
    });
    TryNew("aligned new", size, [&] {
      void* block = ::operator new(size, kAlignment);
      ::operator delete(block, kAlignment);
      return block;
    });
    TryNew("aligned new[]", size, [&] {
      void* block = ::operator new[](size, kAlignment);
      ::operator delete[](block, size, kAlignment);
      return block;
    });
    TryNew("nothrow new", size, [&] {
      void* block = ::operator new(size, std::nothrow);
      ::operator delete(block, std::nothrow);
      return block;
    });
    TryNew("nothrow new[]", size, [&] {
      void* block = ::operator new[](size, std::nothrow);
      ::operator delete[](block, std::nothrow);
      return block;
    });
    TryNew("aligned nothrow new", size, [&] {
      void* block = ::operator new(size, kAlignment, std::nothrow);
      ::operator delete(block, kAlignment, std::nothrow);
      return block;
    });
    TryNew("aligned nothrow new[]", size, [&] {
      void* block = ::operator new[](size, kAlignment, std::nothrow);
      ::operator delete[](block, kAlignment, std::nothrow);
      return block;
    });
  }
}

}  // namespace

int main(int, char** argv) {
  g_libstdcxx = Has(argv, "libstdc++");
  static char buffer[1 << 16];
  std::setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
  CFamily(!Has(argv, "-pvalloc"), !Has(argv, "-reallocarray"));
  if (!Has(argv, "-new")) Operators();
  std::puts("errno: fine");
}
