// Debug files from debuginfod servers, which the user names in $DEBUGINFOD_URLS.
//
// libdebuginfod is loaded when the first file is asked for: it brings libcurl and thirty more
// libraries along, which nobody should wait for who asks no server. It keeps what it fetched,
// and for some minutes what was not there, in its own cache ($DEBUGINFOD_CACHE_PATH).
//
// Thread class: any thread; requests of several threads are made at the same time. May
// allocate; talks to the network.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DEBUGINFOD_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DEBUGINFOD_H_

#include <chrono>
#include <mutex>
#include <string>

#include "analyzer/base/progress.h"

namespace tidemark::symbolize {

class Debuginfod {
 public:
  // All requests together take at most `limit`; progress->cancelled ends them. `progress` may
  // be null, else it must outlive this.
  Debuginfod(std::chrono::milliseconds limit, const Progress* progress);

  // Whether $DEBUGINFOD_URLS names a server. While it does not, nothing here does anything.
  static bool Configured();

  enum class Kind { kDebugInfo, kExecutable };
  // The path of a local copy of the file with this build id (lower-case hex), or "". After a
  // failure (not: after a server without the file) no more requests are made.
  std::string Find(Kind kind, const std::string& build_id);

  // Why requests failed, in one line; "" when none did.
  std::string problem() const;

 private:
  static int Watch(void* client, long done, long total);
  bool Expired() const { return std::chrono::steady_clock::now() >= deadline_; }
  void Fail(std::string problem);

  const std::chrono::milliseconds limit_;
  const std::chrono::steady_clock::time_point deadline_;
  const Progress* const progress_;
  mutable std::mutex mutex_;
  std::string problem_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DEBUGINFOD_H_
