// Opens profiles of every supported format: files, standard input, URLs, bytes.

#ifndef TIDEMARK_ANALYZER_IO_OPEN_H_
#define TIDEMARK_ANALYZER_IO_OPEN_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/io/fetch.h"
#include "analyzer/io/url.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Reads and parses one file ("-" is standard input): what formats.h lists and heaptrack's
// recordings, plain or in gzip or zstd. Errors name the path, the byte offset and what was
// expected. kNotFound, kPermissionDenied, kDataLoss (corrupt), kInvalidArgument (empty, unknown
// format), kResourceExhausted (larger than the limits), kCancelled.
absl::StatusOr<std::shared_ptr<const Profile>> OpenFile(const std::string& path,
                                                        Progress* progress = nullptr);

// The same for a file or, when there is no such file, a URL (url.h). Errors are as those of
// OpenFile and Fetch.
absl::StatusOr<std::shared_ptr<const Profile>> OpenSource(const std::string& source,
                                                          const FetchOptions& options,
                                                          Progress* progress = nullptr);

// The URL that `source` is taken for, if it is.
std::optional<Url> UrlOfSource(const std::string& source);

// The same from memory; `name` is used in error messages only.
absl::StatusOr<std::shared_ptr<const Profile>> OpenBytes(absl::string_view bytes,
                                                         absl::string_view name,
                                                         Progress* progress = nullptr);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_OPEN_H_
