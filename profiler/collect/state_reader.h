// Copies another process's state while it runs, or after it died.
//
// The file is hostile input: it is read with pread (never mapped: a file that shrinks
// would raise SIGBUS), another magic or layout version is refused, and every offset and
// count is bounded before it is used. A missing tail reads as zeroes: targets crash.
//
// Order of reading, so that a state that changes meanwhile gives a true picture: freed
// evidence, threads, live entries, then sites, nodes and modules; what a block moves to is
// read before what it leaves, and what an entry refers to after the entry.
//
// Thread class: objects are confined to one thread at a time. May allocate: about the
// size of the used part of the state, at most kMaxCopyBytes.

#ifndef TIDEMARK_PROFILER_COLLECT_STATE_READER_H_
#define TIDEMARK_PROFILER_COLLECT_STATE_READER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "profiler/collect/process.h"
#include "proto/state.h"
#include "proto/state_view.h"

namespace tidemark::collect {

inline constexpr uint64_t kMaxCopyBytes = uint64_t{1} << 30;

// Where a state can be read: a file, or the memory of a process that maps one which has no
// name here (memfd, another mount namespace).
class StateSource {
 public:
  // kNotFound, kPermissionDenied, kInvalidArgument (not a regular file).
  static absl::StatusOr<StateSource> OpenFile(const std::string& path);
  // The state that a process maps. kNotFound when it maps none: it is not profiled.
  // kReadWrite is for its control page (profiler/collect/control.h).
  enum class Access { kRead, kReadWrite };
  static absl::StatusOr<StateSource> OpenProcess(pid_t pid, Access access = Access::kRead);

  // For messages; the file's path unless it was reached through a process's memory.
  const std::string& name() const { return name_; }

  // Reads up to `bytes` at `offset` of the state; less only at its end.
  absl::StatusOr<uint64_t> ReadAt(uint64_t offset, void* to, uint64_t bytes) const;
  // Writes all of it. REQUIRES: opened with kReadWrite.
  absl::Status WriteAt(uint64_t offset, const void* from, uint64_t bytes) const;

 private:
  friend class StateSourceFinder;
  static absl::StatusOr<StateSource> Open(const std::string& path, Access access);
  StateSource(UniqueFd fd, uint64_t base, std::string name)
      : fd_(std::move(fd)), base_(base), name_(std::move(name)) {}

  UniqueFd fd_;
  uint64_t base_;  // of the state in fd_
  std::string name_;
};

// A bounded copy of one state.
class StateCopy {
 public:
  const StateView& view() const { return view_; }
  const state::Header& header() const { return *header_; }
  const state::Totals& totals() const { return *totals_; }
  // Shards whose writer did not leave within the bounded retries (it may be dead); their
  // entries were taken one by one, by their check.
  uint32_t unsettled_shards() const { return unsettled_shards_; }

  // Gives threads the names that they have now in the running process `pid`: the state has
  // those of their first samples, often taken before a thread was named.
  void RenameThreads(pid_t pid);

 private:
  friend class StateCopier;
  StateView view_ = {};
  std::unique_ptr<state::Header> header_;
  std::unique_ptr<state::Totals> totals_;
  std::vector<state::Node> nodes_;
  std::vector<state::LiveEntry> live_;
  std::vector<state::Site> sites_;
  std::vector<state::Freed> freed_;
  std::vector<state::Thread> threads_;
  std::vector<state::Module> modules_;
  std::vector<char> strings_;
  uint32_t unsettled_shards_ = 0;
};

// kUnavailable: being created just now. kUnimplemented: another layout version.
// kDataLoss: not a state, or a corrupt one; the message has the byte offset.
absl::StatusOr<StateCopy> CopyState(const StateSource& source);

// Only the first pages: identity and counters. Errors as CopyState.
struct StateSummary {
  state::Header header;
  state::Totals totals;
};
absl::StatusOr<StateSummary> SummarizeState(const StateSource& source);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_STATE_READER_H_
