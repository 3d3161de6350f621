// A program to record and to list: allocations in a function, in one that it inlines, on one
// line several times, and in a container.
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace app {

struct Store {
  __attribute__((noinline)) void Add(size_t size) {
    blocks.push_back(static_cast<char*>(std::malloc(size)));
  }
  std::vector<char*> blocks;
};

__attribute__((always_inline)) inline char* Wrapped(size_t size) {
  return static_cast<char*>(std::malloc(size));
}

__attribute__((noinline)) void Fill(Store& store, int count) {
  for (int i = 0; i < count; ++i) {
    store.Add(1000 + static_cast<size_t>(i) % 7);
    if (i % 3 == 0) {
      store.blocks.push_back(Wrapped(3000));
      store.blocks.push_back(Wrapped(5000)), store.Add(70);
    }
  }
}

// Recursion counts once.
__attribute__((noinline)) int FillDeep(Store& store, int depth) {
  store.Add(2000);
  const int below = depth == 0 ? 0 : FillDeep(store, depth - 1);
  store.Add(100);
  return below + 1;
}

}  // namespace app

int main() {
  app::Store store;
  app::Fill(store, 8000);
  int depth = 0;
  for (int i = 0; i < 200; ++i) depth += app::FillDeep(store, 20);
  std::printf("%zu blocks, %d deep\n", store.blocks.size(), depth);
  return 0;
}
