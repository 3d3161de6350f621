// Allocates the same blocks in every run, through every entry point of the family and
// through containers, from one thread or from several in turn. What is live at the end is
// live on purpose.

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

// Kept from the optimiser.
void* volatile g_kept;

[[gnu::noinline]] void Family(int n) {
  for (int i = 0; i < n; ++i) {
    g_kept = std::malloc(static_cast<size_t>(i));  // malloc(0) too
    if (i % 3 != 0) std::free(g_kept);
    g_kept = std::calloc(static_cast<size_t>(i), 7);
    g_kept = std::realloc(g_kept, static_cast<size_t>(i) * 11 + 1);
    if (i % 5 != 0) std::free(g_kept);
    g_kept = memalign(64, static_cast<size_t>(i) + 1);
    std::free(g_kept);
    void* aligned = nullptr;
    if (posix_memalign(&aligned, 32, static_cast<size_t>(i) * 2 + 1) == 0) g_kept = aligned;
    std::free(g_kept);
    g_kept = std::realloc(nullptr, 33);
    std::free(g_kept);
  }
}

[[gnu::noinline]] void Containers(int n) {
  auto* kept = new std::map<std::string, std::vector<int>>;  // leaked
  for (int i = 0; i < n; ++i) {
    std::vector<int>& v =
        (*kept)["a key that is too long to be stored inside " + std::to_string(i)];
    for (int k = 0; k < i % 50; ++k) v.push_back(k);
    if (i % 2 == 0) kept->erase(kept->begin());
  }
  g_kept = kept;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  Family(2000);
  Containers(3000);
  for (int i = 0; i < threads; ++i) {
    std::thread([] {
      Family(500);
      Containers(500);
    }).join();
  }
  return 0;
}
