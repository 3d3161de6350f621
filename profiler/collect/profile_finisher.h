// Finishes raw profiles (not symbolized, stored gzip) in the background, so that slow
// symbolization never delays a signal for the target or the next snapshot.

#ifndef TIDEMARK_PROFILER_COLLECT_PROFILE_FINISHER_H_
#define TIDEMARK_PROFILER_COLLECT_PROFILE_FINISHER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace tidemark::collect {

// What a recorder says at its end about a profile.
struct ProfileFacts {
  uint64_t rows = 0;
  std::map<std::string, uint64_t> losses;  // by the names in docs/FORMAT.md
};

// Symbolizes `profile` (pprof, gzip or not), writes it compressed to `path`, replacing what
// is there in one step, and returns the facts. Called from one other thread.
using ProfileWriter = std::function<absl::StatusOr<ProfileFacts>(const std::string& path,
                                                                 const std::string& profile)>;

// Thread class: all members from one thread. Signals must be blocked when it is made: its
// thread inherits that.
class ProfileFinisher {
 public:
  explicit ProfileFinisher(ProfileWriter writer);
  ~ProfileFinisher();
  ProfileFinisher(const ProfileFinisher&) = delete;
  ProfileFinisher& operator=(const ProfileFinisher&) = delete;

  // Finishes the raw profile at `path` some time.
  void Add(const std::string& path);

  struct Finished {
    std::string path;
    absl::StatusOr<ProfileFacts> facts;  // not OK: the file is as it was
  };
  // Waits until all that was added is finished, at most `longest`; false: it is not yet.
  bool WaitFor(std::chrono::milliseconds longest);
  // What was finished since the last call, in the order of Add.
  std::vector<Finished> TakeFinished();

 private:
  void Run();

  ProfileWriter writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;   // guarded by mutex_
  std::vector<Finished> finished_;  // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

// True for a file that libtidemark.so or WriteRawProfile made and nobody finished since.
bool IsRawProfile(const std::string& path);

// Writes `pprof` to `path` as stored gzip, through a temporary file beside it.
absl::Status WriteRawProfile(const std::string& path, const std::string& pprof);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_PROFILE_FINISHER_H_
