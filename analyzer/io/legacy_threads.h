// Reads the lists of threads and their stacks that Google's C++ servers write (threadz), as
// google/pprof does.
//
//   --- threadz 1 ---
//
//   --- Thread 7f12a0001700 (name: main/311) stack: ---
//     PC: 0x40a1c7: epoll_loop(Server *)
//     0x40b302: main
//   --- Memory map: ---
//
// Each thread counts for its stack.
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_THREADS_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_THREADS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line that is no comment begins such a list or a thread.
bool IsLegacyThreads(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h).
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyThreads(absl::string_view bytes,
                                                                 absl::string_view where,
                                                                 Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_THREADS_H_
