// Reads the lock profiles that gperftools' relatives (--- contentionz) and Go's mutex and
// block profiles with debug=1 (--- mutex:, --- contention:) write as text, as google/pprof
// does.
//
//   --- mutex:
//   cycles/second=2394230000
//   sampling period=5
//   191500 3 @ 0x45fb1d 0x46a8a1
//
// A sample is CYCLES COUNT; the profile has the count and the delay in nanoseconds, of all
// contentions that the sampled ones stand for.
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_CONTENTION_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_CONTENTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line says so, and it is not Java's profile under the same name.
bool IsLegacyContention(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h).
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyContention(absl::string_view bytes,
                                                                    absl::string_view where,
                                                                    Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_CONTENTION_H_
