// Reads the binary CPU profiles of gperftools (CPUPROFILE=) and of Google's Java profiler, as
// google/pprof does. Words of 32 or 64 bits in either byte order:
//
//   0, 3, 0 (C++) or 1 (Java), period in us, 0
//   count, stack size, addresses leaf first     (repeated)
//   0, 1, 0                                     (the end; it may be missing)
//
// and behind them the memory map as text (C++) or the frames' names (Java). A stack that the
// end of the file cuts is an error; pprof makes up addresses for some of those.
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_CPU_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_CPU_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first words say so.
bool IsLegacyCpu(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h).
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyCpu(absl::string_view bytes,
                                                             absl::string_view where,
                                                             Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_CPU_H_
