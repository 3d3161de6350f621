// Reads the heap and contention profiles of Google's Java profiler (--- heapz 1 ---, ---
// contentionz 1 ---), as google/pprof does (profile/legacy_java_profile.go). Addresses in
// it are numbers of frames, which are named at its end:
//
//   --- heapz 1 ---
//   format = java
//   resolution = bytes
//      7048    1 @ 0x00000003 0x00000004
//
//   0x00000003 com.example.Cache.insert (Cache.java:56)
//   0x00000004 com.example.Main.main (Main.java:12)
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_JAVA_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_JAVA_H_

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line says so, and the next ones which Java profile it is.
bool IsLegacyJava(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h).
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyJava(absl::string_view bytes,
                                                              absl::string_view where,
                                                              Progress* progress);

// The names of the frames that samples in `builder` have, from the list behind them:
// "0xNUMBER FUNCTION (FILE:LINE)" and other forms; what is none of them is skipped.
absl::Status ReadJavaLines(LegacyInput& input, LegacyBuilder& builder);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_JAVA_H_
