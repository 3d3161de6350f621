// Work on as many threads as there are processors.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_PARALLEL_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace tidemark::symbolize {

// Calls run(0) … run(count - 1), each once, on at most 8 threads (the memory of that many
// modules' indexes is in use at once), and waits for all.
template <class Run>
void ForEachParallel(size_t count, Run run) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;) run(i);
  };
  const size_t threads =
      std::min<size_t>({count, std::max(1u, std::thread::hardware_concurrency()), size_t{8}});
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
}

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_PARALLEL_H_
