// Reads the counts that Go writes as text (goroutine and threadcreate with debug=1, and
// programs' own pprof.NewProfile), as google/pprof does.
//
//   goroutine profile: total 4
//   2 @ 0x43f0ee 0x44ff05 0x6a7d3e
//   #	0x44ff04	net.(*conn).Read+0x44	/usr/go/src/net/net.go:194
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_COUNT_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_COUNT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line that is no comment is "NAME profile: total NUMBER".
bool IsLegacyCount(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h).
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyCount(absl::string_view bytes,
                                                               absl::string_view where,
                                                               Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_COUNT_H_
