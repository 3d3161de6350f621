// Allocates in every way, in threads, and says what it did: blocks and bytes requested, and
// of that what it keeps. Argument: how often (0: nothing, for comparison; what the C
// library and the threads themselves allocate is the same then).
//
// It also sums up malloc_usable_size over fresh blocks: a recorder that changed any block
// would change that sum.

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

#define CHECK(condition)                                          \
  do {                                                            \
    if (!(condition)) {                                           \
      std::printf("line %d: not so: %s\n", __LINE__, #condition); \
      std::exit(1);                                               \
    }                                                             \
  } while (0)

namespace {

constexpr std::size_t kMib = 1 << 20;
constexpr std::align_val_t kAlignment{64};

struct Counts {
  std::size_t objects = 0;
  std::size_t bytes = 0;
  std::size_t live_objects = 0;
  std::size_t live_bytes = 0;

  void Add(const Counts& other) {
    objects += other.objects;
    bytes += other.bytes;
    live_objects += other.live_objects;
    live_bytes += other.live_bytes;
  }
};

void* New(Counts* counts, void* block, std::size_t size) {
  CHECK(block != nullptr && malloc_usable_size(block) >= size);
  std::memset(block, 0x5a, size < 4096 ? size : 4096);
  ++counts->objects;
  ++counts->live_objects;
  counts->bytes += size;
  counts->live_bytes += size;
  return block;
}

template <class Free>
void Gone(Counts* counts, std::size_t size, Free&& free_it) {
  --counts->live_objects;
  counts->live_bytes -= size;
  free_it();
}

// `size` is a multiple of 64.
void CFamily(Counts* c, std::size_t size) {
  void* p = New(c, std::malloc(size), size);
  Gone(c, size, [&] { p = std::realloc(p, 2 * size); });
  New(c, p, 2 * size);
  Gone(c, 2 * size, [&] { p = reallocarray(p, 3, size); });
  New(c, p, 3 * size);
  Gone(c, 3 * size, [&] { std::free(p); });
  p = New(c, std::calloc(4, size / 4), size);
  Gone(c, size, [&] { std::free(p); });
  CHECK(posix_memalign(&p, 64, size) == 0 && reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
  New(c, p, size);
  Gone(c, size, [&] { std::free(p); });
  p = New(c, aligned_alloc(64, size), size);
  Gone(c, size, [&] { std::free(p); });
  p = New(c, memalign(4096, size), size);
  Gone(c, size, [&] { p = std::realloc(p, size + 64); });
  New(c, p, size + 64);
  Gone(c, size + 64, [&] { std::free(p); });
  p = New(c, valloc(size), size);
  Gone(c, size, [&] { std::free(p); });
}

void Operators(Counts* c, std::size_t size) {
  void* p = New(c, ::operator new(size), size);
  Gone(c, size, [&] { ::operator delete(p); });
  p = New(c, ::operator new(size), size);
  Gone(c, size, [&] { ::operator delete(p, size); });
  p = New(c, ::operator new[](size), size);
  Gone(c, size, [&] { ::operator delete[](p); });
  p = New(c, ::operator new[](size), size);
  Gone(c, size, [&] { ::operator delete[](p, size); });
  p = New(c, ::operator new(size, std::nothrow), size);
  Gone(c, size, [&] { ::operator delete(p, std::nothrow); });
  p = New(c, ::operator new[](size, std::nothrow), size);
  Gone(c, size, [&] { ::operator delete[](p, std::nothrow); });
  p = New(c, ::operator new(size, kAlignment), size);
  Gone(c, size, [&] { ::operator delete(p, kAlignment); });
  p = New(c, ::operator new[](size, kAlignment), size);
  Gone(c, size, [&] { ::operator delete[](p, size, kAlignment); });
  p = New(c, ::operator new(size, kAlignment, std::nothrow), size);
  Gone(c, size, [&] { ::operator delete(p, size, kAlignment); });
  p = New(c, ::operator new[](size, kAlignment, std::nothrow), size);
  Gone(c, size, [&] { ::operator delete[](p, kAlignment, std::nothrow); });
}

// Keeps 8 MiB a round in blocks of 1 MiB, half of them made by operator new.
Counts Work(int rounds) {
  Counts c;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t size : {64u, 192u, 1024u, 9024u, 70016u, 1048576u}) {
      for (int i = 0; i < 5; ++i) {
        CFamily(&c, size);
        Operators(&c, size);
      }
    }
    for (int i = 0; i < 4; ++i) {
      New(&c, std::malloc(kMib), kMib);
      New(&c, ::operator new(kMib), kMib);
    }
  }
  return c;
}

// Of blocks side by side: nothing is freed before all are made.
std::size_t UsableBytes() {
  static void* blocks[600];
  std::size_t sum = 0;
  int n = 0;
  for (std::size_t size : {2000u, 9000u, 20000u, 50000u, 100000u, 300000u}) {
    for (int i = 0; i < 50; ++i) {
      blocks[n++] = std::malloc(size);
      blocks[n++] = ::operator new(size);
      sum += malloc_usable_size(blocks[n - 2]) + malloc_usable_size(blocks[n - 1]);
    }
  }
  for (int i = 0; i < n; i += 2) {
    std::free(blocks[i]);
    ::operator delete(blocks[i + 1]);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 0;
  const std::size_t usable = UsableBytes();
  Counts parts[4];
  std::thread threads[3];
  for (int i = 0; i < 3; ++i) {
    threads[i] = std::thread([part = &parts[i], rounds] { *part = Work(rounds); });
  }
  parts[3] = Work(rounds);
  for (std::thread& thread : threads) thread.join();
  Counts sum;
  for (const Counts& part : parts) sum.Add(part);
  std::printf("known: fine: %zu %zu %zu %zu usable %zu\n", sum.objects, sum.bytes, sum.live_objects,
              sum.live_bytes, usable);
}
