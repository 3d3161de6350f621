// Reads jemalloc's own heap dumps (MALLOC_CONF=prof:true…), which pprof cannot read; the
// numbers are jeprof's.
//
//   heap_v2/524288
//     t*: 3: 1600 [5: 2600]
//     t0: 2: 1536 [4: 2536] worker
//     t1: 1: 64 [1: 64]
//   @ 0x55d0e1 0x7f22b2
//     t*: 3: 1600 [5: 2600]
//     t0: …
//
//   MAPPED_LIBRARIES:
//   00400000-00410000 r-xp 00000000 08:01 1234  /bin/prog
//
// Samples are taken at a mean distance of as many bytes as the first line says. Columns are
// blocks and bytes in use, in brackets allocated (0 unless prof_accum is on). Line "t*" is the
// sum over all threads: what it stands for is shared out among the threads in proportion to
// what their own lines stand for, so that the sums are jeprof's and each sample has a thread.
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_JEMALLOC_HEAP_H_
#define TIDEMARK_ANALYZER_IO_JEMALLOC_HEAP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line is "heap_v2/NUMBER".
bool IsJemallocHeap(absl::string_view bytes);

// As ReadLegacyHeap (legacy_heap.h). Labels: `bytes`, the mean block size as sampled, and
// `thread`, its name and number.
absl::StatusOr<std::shared_ptr<const Profile>> ReadJemallocHeap(absl::string_view bytes,
                                                                absl::string_view where,
                                                                Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_JEMALLOC_HEAP_H_
