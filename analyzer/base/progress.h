// Progress and cancellation of one long operation, shared between the thread that
// works and the one that watches.

#ifndef TIDEMARK_ANALYZER_BASE_PROGRESS_H_
#define TIDEMARK_ANALYZER_BASE_PROGRESS_H_

#include <atomic>
#include <cstdint>

namespace tidemark {

// Thread class: every member may be used from any thread.
struct Progress {
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> total{0};  // 0: not known yet
  std::atomic<bool> cancelled{false};
};

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_PROGRESS_H_
