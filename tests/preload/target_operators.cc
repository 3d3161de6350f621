// Every overload of operator new and delete, called by its name so that the compiler
// cannot leave a pair out. Argument `throw`: what fails must throw.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#define CHECK(condition)                                          \
  do {                                                            \
    if (!(condition)) {                                           \
      std::printf("line %d: not so: %s\n", __LINE__, #condition); \
      std::exit(1);                                               \
    }                                                             \
  } while (0)

namespace {

constexpr std::align_val_t kAlignment{128};

bool IsAligned(const void* block, std::uintptr_t alignment) {
  return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

void* Used(void* block, std::size_t size) {
  CHECK(block != nullptr);
  std::memset(block, 0x5a, size);
  return block;
}

void AllOverloads(std::size_t size) {
  ::operator delete(Used(::operator new(size), size));
  ::operator delete[](Used(::operator new[](size), size));
  ::operator delete(Used(::operator new(size), size), size);
  ::operator delete[](Used(::operator new[](size), size), size);
  ::operator delete(Used(::operator new(size, std::nothrow), size), std::nothrow);
  ::operator delete[](Used(::operator new[](size, std::nothrow), size), std::nothrow);
  void* block = Used(::operator new(size, kAlignment), size);
  CHECK(IsAligned(block, 128));
  ::operator delete(block, kAlignment);
  block = Used(::operator new[](size, kAlignment), size);
  CHECK(IsAligned(block, 128));
  ::operator delete[](block, kAlignment);
  ::operator delete(Used(::operator new(size, kAlignment), size), size, kAlignment);
  ::operator delete[](Used(::operator new[](size, kAlignment), size), size, kAlignment);
  block = Used(::operator new(size, kAlignment, std::nothrow), size);
  CHECK(IsAligned(block, 128));
  ::operator delete(block, kAlignment, std::nothrow);
  block = Used(::operator new[](size, kAlignment, std::nothrow), size);
  ::operator delete[](block, kAlignment, std::nothrow);
  ::operator delete(nullptr);
}

int g_handler_calls = 0;
void GiveUp() {
  if (++g_handler_calls == 3) std::set_new_handler(nullptr);
}

void Failures() {
  volatile std::size_t absurd = SIZE_MAX / 2 - 1000;
  for (int i = 0; i < 100; ++i) {
    bool thrown = false;
    try {
      Used(::operator new(absurd), 1);
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    CHECK(thrown);
    thrown = false;
    try {
      Used(::operator new[](absurd, kAlignment), 1);
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(::operator new(absurd, std::nothrow) == nullptr);
  }
  std::set_new_handler(GiveUp);
  bool thrown = false;
  try {
    Used(::operator new(absurd), 1);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown && g_handler_calls == 3);
}

void Containers() {
  std::unordered_map<int, std::string> map;
  for (int i = 0; i < 20000; ++i) map[i] = std::string(static_cast<std::size_t>(i % 200), 'x');
  std::vector<int> vector;
  for (int i = 0; i < 500000; ++i) vector.push_back(i);
  CHECK(map[150].size() == 150 && vector[499999] == 499999);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 0; i < 50; ++i) {
    for (std::size_t size : {1u, 24u, 1000u, 9000u, 200000u, 3000000u}) AllOverloads(size);
  }
  Failures();
  std::thread other(Containers);
  Containers();
  other.join();
  // What the profile must show as live: 64 MiB.
  if (argc > 1 && std::strcmp(argv[1], "keep") == 0) {
    for (int i = 0; i < 64; ++i) Used(::operator new(1 << 20), 4096);
  }
  std::puts("operators: fine");
}
