// Reads the heap profiles that gperftools and Go (debug=1) write as text, as google/pprof
// does (profile/legacy_profile.go): same un-sampling, same addresses, same mappings.
//
//   heap profile:    3:   24 [   5:   40] @ heap_v2/524288
//      2:   16 [   4:   32] @ 0x401234 0x40200a
//   MAPPED_LIBRARIES:
//   00400000-00410000 r-xp 00000000 08:01 1234  /bin/prog
//
// The columns are blocks and bytes in use, in brackets allocated. What stands behind the
// @ tells how to read them: heap_v2/R and heapz_v2/R are samples at a mean distance of R
// bytes, heap/R (Go) at R/2; heapprofile, growthz and fragmentationz hold every block.
//
// Thread class: pure functions. Allocation class: may allocate, in proportion to the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_HEAP_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_HEAP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the first line is a heap profile's.
bool IsLegacyHeap(absl::string_view bytes);

// As ReadPprof: `where` names the input in error messages, which give the byte offset of
// the line at fault. kDataLoss, kCancelled, kResourceExhausted.
absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyHeap(absl::string_view bytes,
                                                              absl::string_view where,
                                                              Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_HEAP_H_
