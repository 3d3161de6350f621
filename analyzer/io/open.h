// Opens profile files of every supported format and merges several into one.

#ifndef TIDEMARK_ANALYZER_IO_OPEN_H_
#define TIDEMARK_ANALYZER_IO_OPEN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Reads and parses one file (gz or raw pprof, gperftools legacy heap text; "-" is
// standard input). Errors name the path, the byte offset and what was expected.
// kNotFound, kPermissionDenied, kDataLoss (corrupt), kInvalidArgument (empty, unknown
// format), kResourceExhausted (larger than the limits), kCancelled.
absl::StatusOr<std::shared_ptr<const Profile>> OpenFile(const std::string& path,
                                                        Progress* progress = nullptr);

// The same from memory; `name` is used in error messages only.
absl::StatusOr<std::shared_ptr<const Profile>> OpenBytes(absl::string_view bytes,
                                                         absl::string_view name,
                                                         Progress* progress = nullptr);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_OPEN_H_
