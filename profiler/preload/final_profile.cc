#include "profiler/preload/final_profile.h"

#include <string.h>
#include <sys/resource.h>

#include "profiler/preload/bounded_lock.h"
#include "profiler/preload/os.h"
#include "profiler/preload/text.h"
#include "proto/exact_sites.h"
#include "proto/file_names.h"
#include "proto/state_profile.h"
#include "proto/state_view.h"
#include "proto/stored_gzip.h"

namespace tidemark::preload {
namespace {

constexpr long kExists = -17;      // -EEXIST
constexpr long kInterrupted = -4;  // -EINTR
constexpr uint32_t kMaxSequence = 9999;
constexpr uint64_t kBufferBytes = 64 << 10;

// A file that is written in order through a buffer and never beyond RLIMIT_FSIZE.
class File {
 public:
  File(int fd, char* buffer) : fd_(fd), buffer_(buffer) {
    rlimit limit;
    if (Syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, AsLong(&limit)) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
      limit_ = limit.rlim_cur;
    }
  }

  bool Append(const void* data, uint64_t bytes) {
    const char* from = static_cast<const char*>(data);
    while (bytes > 0) {
      const uint64_t room = kBufferBytes - used_;
      const uint64_t piece = bytes < room ? bytes : room;
      memcpy(buffer_ + used_, from, piece);
      used_ += piece;
      from += piece;
      bytes -= piece;
      if (used_ == kBufferBytes && !Flush()) return false;
    }
    return true;
  }

  bool Flush() {
    if (used_ > limit_ - written_) return false;
    for (uint64_t at = 0; at < used_;) {
      const long n = Write(fd_, buffer_ + at, used_ - at);
      if (n == kInterrupted) continue;
      if (n <= 0) return false;
      at += static_cast<uint64_t>(n);
    }
    written_ += used_;
    used_ = 0;
    return true;
  }

 private:
  int fd_;
  char* buffer_;
  uint64_t used_ = 0;
  uint64_t written_ = 0;
  uint64_t limit_ = UINT64_MAX;
};

// From statm, which the kernel has at hand; smaps_rollup would walk over all pages.
void ReadMemory(StateProfileInfo* info) {
  char text[128];
  const int fd = Open("/proc/self/statm", O_RDONLY);
  if (fd < 0) return;
  const long n = Read(fd, text, sizeof(text) - 1);
  Close(fd);
  if (n <= 0) return;
  text[n] = '\0';
  uint64_t pages[3] = {};  // size, resident, shared
  const char* at = text;
  for (uint64_t& value : pages) {
    while (*at == ' ') ++at;
    for (; *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<uint64_t>(*at - '0');
  }
  info->rss_bytes = pages[1] * 4096;
  info->anonymous_bytes = pages[1] > pages[2] ? (pages[1] - pages[2]) * 4096 : 0;
}

// The live entries in use, one after the other. A short program uses a few of the table's
// pages: looking at all of them would be most of what its profile costs.
class LiveCopy {
 public:
  explicit LiveCopy(const StateView& view) {
    if (view.live_count == 0) return;
    // The state is this process's own: the locks in it are for us too.
    auto* shards = reinterpret_cast<state::LiveShard*>(const_cast<state::LiveEntry*>(view.live)) -
                   state::kLiveShards;
    const uint64_t per_shard = view.live_count / state::kLiveShards;
    room_ = kSpareEntries;
    for (uint32_t i = 0; i < state::kLiveShards; ++i) {
      room_ += __atomic_load_n(&shards[i].used, __ATOMIC_RELAXED);
    }
    entries_ = static_cast<state::LiveEntry*>(MapPrivate(room_ * sizeof(state::LiveEntry)));
    for (uint32_t i = 0; i < state::kLiveShards && entries_ != nullptr; ++i) {
      CopyShard(&shards[i], view.live + i * per_shard, per_shard);
    }
  }
  ~LiveCopy() {
    if (entries_ != nullptr) Unmap(entries_, room_ * sizeof(state::LiveEntry));
  }
  LiveCopy(const LiveCopy&) = delete;
  LiveCopy& operator=(const LiveCopy&) = delete;

  bool ok() const { return room_ == 0 || entries_ != nullptr; }
  const state::LiveEntry* entries() const { return entries_; }
  uint64_t count() const { return count_; }

 private:
  // Other threads may go on: an entry that moves while it is copied would be missed, so
  // they are kept out. A shard whose lock is not to be had (its holder may be the very
  // thread that a signal handler ends) is copied as it is; torn entries fail their check.
  void CopyShard(state::LiveShard* shard, const state::LiveEntry* from, uint64_t capacity) {
    if (__atomic_load_n(&shard->used, __ATOMIC_RELAXED) == 0) return;
    const bool locked = AcquireBounded(&shard->lock);
    const uint32_t pages = __atomic_load_n(&shard->pages, __ATOMIC_ACQUIRE);
    for (uint64_t at = 0; at < capacity && count_ < room_; ++at) {
      if ((pages >> (at * sizeof(*from) / state::kPageBytes) & 1) == 0) continue;
      if (__atomic_load_n(&from[at].address, __ATOMIC_RELAXED) != 0) entries_[count_++] = from[at];
    }
    if (locked) Release(&shard->lock);
  }

  // For what other threads add until their shard is copied.
  static constexpr uint64_t kSpareEntries = 1024;

  uint64_t room_ = 0;
  state::LiveEntry* entries_ = nullptr;
  uint64_t count_ = 0;
};

bool WriteProfileTo(int fd, const state::Header* header, const FinalProfileOptions& options) {
  StateView view = OwnStateView(header);
  StateProfileInfo info{};
  info.reason = options.reason;
  info.threads = options.threads;
  info.paused = state::IsPaused(*reinterpret_cast<const state::Control*>(
      reinterpret_cast<const char*>(header) + state::kPageBytes));
  info.duration_ns = MonotonicNs() - header->start_monotonic_ns;
  ReadMemory(&info);

  const LiveCopy live(view);
  if (!live.ok()) return false;
  view.live = live.entries();
  view.live_count = live.count();
  const bool exact = header->mode == 1;
  if (exact) view.site_count = view.exact_site_count;
  const uint64_t sum_bytes = exact ? view.site_count * sizeof(state::Site) : 0;
  const uint64_t scratch_bytes = StateProfileScratchBytes(view);
  const uint64_t memory_bytes = kBufferBytes + sum_bytes + scratch_bytes;
  char* memory = static_cast<char*>(MapPrivate(memory_bytes));
  if (memory == nullptr) return false;
  if (exact) {
    state::Site* sums = reinterpret_cast<state::Site*>(memory + kBufferBytes);
    SumExactSites(view.exact_sites, view.exact_site_count, view.exact_chunks,
                  view.exact_chunk_count, view.totals->peak_epoch, sums);
    view.sites = sums;
  }

  File file(fd, memory);
  StoredGzip gzip({[](void* to, const void* data, uint64_t bytes) {
                     return static_cast<File*>(to)->Append(data, bytes);
                   },
                   &file});
  const Scratch scratch{memory + kBufferBytes + sum_bytes, scratch_bytes};
  const bool written =
      WriteStateProfile(view, info, scratch, gzip.AsSink()) && gzip.Finish() && file.Flush();
  Unmap(memory, memory_bytes);
  return written;
}

// Gives the finished file its name, the first free one in sequence.
bool Publish(const state::Header* header, const char* temporary, char (&path)[kMaxProfilePath]) {
  for (uint32_t sequence = 1; sequence <= kMaxSequence; ++sequence) {
    char name[kMaxFileNameBytes];
    ProfileFileName(name, header->comm, static_cast<uint32_t>(header->pid), header->process_id,
                    sequence);
    if (TextBuffer(path).Add(header->output_directory).AddChar('/').Add(name).overflowed()) {
      return false;
    }
    // Unlike rename, link never replaces what another process wrote.
    long result = Syscall(SYS_link, AsLong(temporary), AsLong(path));
    if (result == kExists) continue;
    if (result < 0) {  // a file system without hard links
      constexpr long kNoReplace = 1;
      result =
          Syscall(SYS_renameat2, AT_FDCWD, AsLong(temporary), AT_FDCWD, AsLong(path), kNoReplace);
      if (result == kExists) continue;
    }
    return result == 0;
  }
  return false;
}

// A program that closed its standard streams may still write to them.
int AboveStandard(int fd) {
  if (fd < 0 || fd > 2) return fd;
  const long moved = Syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
  Close(fd);
  return static_cast<int>(moved);
}

}  // namespace

bool MakeDirectories(const char* path) {
  char part[kMaxProfilePath];
  TextBuffer text(part);
  for (const char* at = path; *at != '\0'; ++at) {
    if (*at == '/' && text.size() > 0) Syscall(SYS_mkdir, AsLong(part), 0700);
    text.AddChar(*at);
  }
  if (text.overflowed()) return false;
  Syscall(SYS_mkdir, AsLong(part), 0700);
  const int fd = Open(part, O_PATH | O_DIRECTORY);
  if (fd < 0) return false;
  Close(fd);
  return true;
}

bool WriteFinalProfile(const state::Header* header, const FinalProfileOptions& options,
                       char (&path)[kMaxProfilePath]) {
  path[0] = '\0';
  char temporary[kMaxProfilePath];
  if (!MakeDirectories(header->output_directory) ||
      TextBuffer(temporary)
          .Add(header->output_directory)
          .Add("/.")
          .AddDecimal(static_cast<uint64_t>(header->pid))
          .AddChar('.')
          .AddHex(header->process_id)
          .Add(".part")
          .overflowed()) {
    return false;
  }
  // Ours alone, by its name; one that is there was left by an attempt that was cut off.
  Syscall(SYS_unlink, AsLong(temporary));
  const int fd = AboveStandard(Open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (fd < 0) return false;
  const bool done = WriteProfileTo(fd, header, options) && Publish(header, temporary, path);
  Close(fd);
  Syscall(SYS_unlink, AsLong(temporary));
  if (!done) path[0] = '\0';
  return done;
}

}  // namespace tidemark::preload
