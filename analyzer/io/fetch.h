// Profiles from HTTP servers, such as Go's net/http/pprof.
//
// Thread class: any thread; several fetches may run at once. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_FETCH_H_
#define TIDEMARK_ANALYZER_IO_FETCH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "analyzer/base/progress.h"
#include "analyzer/io/inflate.h"
#include "analyzer/io/url.h"

namespace tidemark::io {

struct FetchOptions {
  int64_t seconds = 0;          // over which the server is to look; 0: what the URL says
  int64_t timeout_seconds = 0;  // 0: 60, or one and a half times `seconds`
};

// `url` with the options' seconds in its query.
Url WithOptions(Url url, const FetchOptions& options);

// What the server answers, at most kLargestAnswer bytes; redirections are followed. Errors name
// the URL without its secrets: kNotFound, kPermissionDenied (status 401, 403, or a certificate
// that does not verify), kDeadlineExceeded, kUnavailable (no connection, other statuses),
// kResourceExhausted, kCancelled. `progress` may be null; it counts bytes.
constexpr uint64_t kLargestAnswer = uint64_t{2} << 30;
absl::StatusOr<Buffer> Fetch(const Url& url, const FetchOptions& options, Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_FETCH_H_
