// Reads an uncompressed pprof protobuf into a Profile, by pprof's own rules of what is
// valid (google/pprof profile/encode.go and Profile.CheckValid): what pprof opens opens
// here, what it refuses is refused.
//
// Thread class: pure function. Allocation class: may allocate; memory is in proportion to
// the size of the input.

#ifndef TIDEMARK_ANALYZER_IO_PPROF_READER_H_
#define TIDEMARK_ANALYZER_IO_PPROF_READER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// `where` names the input in error messages: "reading the profile: sample refers to
// location 7, which does not exist (WHERE, byte offset 812)". The offset is that of the
// top-level message that does not fit. kDataLoss, kCancelled, kResourceExhausted.
// `progress` may be null; it counts bytes.
absl::StatusOr<std::shared_ptr<const Profile>> ReadPprof(absl::string_view bytes,
                                                         absl::string_view where,
                                                         Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_PPROF_READER_H_
