#include "profiler/collect/state_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/exact_sites.h"

namespace tidemark::collect {
namespace {

constexpr uint64_t kTotalsOffset = 2 * state::kPageBytes;
constexpr uint64_t kFirstSectionOffset = 3 * state::kPageBytes;
// Beyond any state that a recorder makes; keeps ids within the profile writer's 32 bits.
constexpr uint64_t kMaxEntries = uint64_t{1} << 26;

absl::Status Corrupt(const StateSource& source, uint64_t offset, const std::string& what) {
  return absl::DataLossError(absl::StrFormat("corrupt state: %s (where: %s, byte offset %d)", what,
                                             source.name(), offset));
}

// Reads [offset, offset + bytes); what the file does not have becomes zeroes.
absl::Status ReadPadded(const StateSource& source, uint64_t offset, void* to, uint64_t bytes) {
  absl::StatusOr<uint64_t> got = source.ReadAt(offset, to, bytes);
  if (!got.ok()) return got.status();
  if (*got < bytes) std::memset(static_cast<char*>(to) + *got, 0, bytes - *got);
  return absl::OkStatus();
}

absl::Status CheckSection(const StateSource& source, const state::Header& header,
                          state::SectionKind kind) {
  const state::Section& section = header.sections[kind];
  const uint64_t at = offsetof(state::Header, sections) + kind * sizeof(state::Section);
  if (section.offset < kFirstSectionOffset || section.offset % state::kPageBytes != 0 ||
      section.offset > header.file_bytes) {
    return Corrupt(source, at, absl::StrCat("section ", kind, " starts at ", section.offset));
  }
  if (section.stride != SectionStride(kind)) {
    return Corrupt(source, at + offsetof(state::Section, stride),
                   absl::StrCat("section ", kind, " has entries of ", section.stride,
                                " bytes, expected ", SectionStride(kind)));
  }
  const uint64_t room = header.file_bytes - section.offset;
  if (section.capacity > kMaxEntries ||
      SectionPrefixBytes(kind) + section.capacity * section.stride > room) {
    return Corrupt(source, at + offsetof(state::Section, capacity),
                   absl::StrCat("section ", kind, " has ", section.capacity,
                                " entries, more than fit the file"));
  }
  return absl::OkStatus();
}

absl::Status CheckHeader(const StateSource& source, const state::Header& header) {
  if (header.magic != state::kMagic) {
    return absl::DataLossError(absl::StrFormat(
        "not a Tidemark state: expected magic %016x, found %016x (where: %s, byte offset 0)",
        state::kMagic, header.magic, source.name()));
  }
  if (header.layout_version != state::kLayoutVersion) {
    return absl::UnimplementedError(absl::StrFormat(
        "state has layout version %d, this tidemark reads %d (where: %s, byte offset %d)",
        header.layout_version, state::kLayoutVersion, source.name(),
        offsetof(state::Header, layout_version)));
  }
  if (header.ready != 1) {
    return absl::UnavailableError(
        absl::StrFormat("state is not ready yet (where: %s, byte offset %d)", source.name(),
                        offsetof(state::Header, ready)));
  }
  if (header.mode > 1) {
    return Corrupt(source, offsetof(state::Header, mode), absl::StrCat("mode ", header.mode));
  }
  for (uint32_t kind = 0; kind < state::kSectionCount; ++kind) {
    absl::Status status = CheckSection(source, header, static_cast<state::SectionKind>(kind));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

template <size_t kBytes>
void Terminate(char (&text)[kBytes]) {
  text[kBytes - 1] = '\0';
}

absl::Status ReadHeader(const StateSource& source, state::Header* header) {
  absl::Status status = ReadPadded(source, 0, header, sizeof(*header));
  if (status.ok()) status = CheckHeader(source, *header);
  Terminate(header->tidemark_version);
  Terminate(header->comm);
  Terminate(header->command_line);
  Terminate(header->executable);
  Terminate(header->output_directory);
  return status;
}

absl::Status ReadTotals(const StateSource& source, state::Totals* totals) {
  return ReadPadded(source, kTotalsOffset, totals, sizeof(*totals));
}

}  // namespace

absl::StatusOr<uint64_t> StateSource::ReadAt(uint64_t offset, void* to, uint64_t bytes) const {
  uint64_t done = 0;
  while (done < bytes) {
    const ssize_t n = pread(fd_.get(), static_cast<char*>(to) + done, bytes - done,
                            static_cast<off_t>(base_ + offset + done));
    if (n < 0 && errno == EINTR) continue;
    // A process's memory ends with EIO, and when it exits so does all of it.
    if (n < 0 && errno == EIO && base_ != 0) break;
    if (n < 0) return SystemError(errno, "cannot read the state", name_);
    if (n == 0) break;
    done += static_cast<uint64_t>(n);
  }
  return done;
}

absl::Status StateSource::WriteAt(uint64_t offset, const void* from, uint64_t bytes) const {
  ssize_t n;
  do {
    n = pwrite(fd_.get(), from, bytes, static_cast<off_t>(base_ + offset));
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(bytes)) return absl::OkStatus();
  return SystemError(n < 0 ? errno : EIO, "cannot write to the state", name_);
}

absl::StatusOr<StateSource> StateSource::OpenFile(const std::string& path) {
  return Open(path, Access::kRead);
}

absl::StatusOr<StateSource> StateSource::Open(const std::string& path, Access access) {
  // O_NONBLOCK: a FIFO of that name must not hang us.
  const int mode = access == Access::kRead ? O_RDONLY : O_RDWR;
  UniqueFd fd(open(path.c_str(), mode | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError(errno, "cannot open the state", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return SystemError(errno, "cannot open the state", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a state is a regular file, this is none (where: ", path, ")"));
  }
  return StateSource(std::move(fd), 0, path);
}

// Looks for a state among the shared mappings of a process.
class StateSourceFinder {
 public:
  StateSourceFinder(pid_t pid, StateSource::Access access) : pid_(pid), access_(access) {}

  absl::StatusOr<StateSource> Find() {
    absl::StatusOr<std::vector<MapsEntry>> maps = ReadMaps(pid_);
    if (!maps.ok()) return maps.status();
    absl::Status refused;
    for (const MapsEntry& entry : *maps) {
      if (!entry.shared || !entry.readable || entry.offset != 0 || entry.inode == 0) continue;
      absl::StatusOr<StateSource> source = Open(entry, StateSource::Access::kRead);
      if (!source.ok()) {
        if (LooksLikeState(entry)) refused.Update(source.status());
        continue;
      }
      uint64_t magic = 0;
      absl::StatusOr<uint64_t> got = source->ReadAt(0, &magic, sizeof(magic));
      if (!got.ok() || magic != state::kMagic) continue;
      // Only what was seen to be a state is opened for writing.
      if (access_ == StateSource::Access::kRead) return source;
      return Open(entry, access_);
    }
    if (!refused.ok()) return refused;
    return absl::NotFoundError(absl::StrCat(
        "process ", pid_, " (", ProcessComm(pid_),
        ") is not profiled: start it with `tidemark record` or with libtidemark.so in LD_PRELOAD"));
  }

 private:
  static bool LooksLikeState(const MapsEntry& entry) {
    return entry.path.find("tidemark-state") != std::string::npos ||
           entry.path.ends_with(".state") || entry.path.ends_with(".state (deleted)");
  }

  // By name if the name still leads to the mapped file, here or in the process's own mount
  // namespace; else through its memory.
  absl::StatusOr<StateSource> Open(const MapsEntry& entry, StateSource::Access access) const {
    for (const std::string& path :
         {entry.path, absl::StrCat("/proc/", pid_, "/root", entry.path)}) {
      struct stat info;
      if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_ino != entry.inode ||
          info.st_dev != entry.device) {
        continue;
      }
      absl::StatusOr<StateSource> source = StateSource::Open(path, access);
      if (source.ok()) return source;
    }
    if (!LooksLikeState(entry)) return absl::NotFoundError("another shared mapping");
    const std::string memory = absl::StrCat("/proc/", pid_, "/mem");
    const int mode = access == StateSource::Access::kRead ? O_RDONLY : O_RDWR;
    UniqueFd fd(open(memory.c_str(), mode | O_CLOEXEC));
    if (!fd.valid()) {
      return SystemError(errno, "cannot reach the state in the process's memory", memory);
    }
    return StateSource(std::move(fd), entry.start, memory);
  }

  pid_t pid_;
  StateSource::Access access_;
};

absl::StatusOr<StateSource> StateSource::OpenProcess(pid_t pid, Access access) {
  return StateSourceFinder(pid, access).Find();
}

class StateCopier {
 public:
  explicit StateCopier(const StateSource& source) : source_(source) {}

  absl::StatusOr<StateCopy> Copy() {
    copy_.header_ = std::make_unique<state::Header>();
    copy_.totals_ = std::make_unique<state::Totals>();
    absl::Status status = ReadHeader(source_, copy_.header_.get());
    if (status.ok()) status = ReadTotals(source_, copy_.totals_.get());
    if (status.ok()) status = CopyEvidence();
    if (status.ok()) status = CopyLive();
    // Sites and nodes that live entries refer to were counted before the entries came.
    if (status.ok()) status = ReadTotals(source_, copy_.totals_.get());
    if (status.ok()) status = CopyReferred();
    if (!status.ok()) return status;
    MakeView();
    return std::move(copy_);
  }

 private:
  // `count` entries of a section, bounded by its capacity.
  template <class T>
  absl::Status CopyEntries(state::SectionKind kind, uint64_t count, std::vector<T>* to) {
    static_assert(std::is_trivially_copyable_v<T>);
    const state::Section& section = copy_.header_->sections[kind];
    count = std::min(count, section.capacity);
    copied_bytes_ += count * sizeof(T);
    if (copied_bytes_ > kMaxCopyBytes) {
      return Corrupt(source_, section.offset, absl::StrCat("section ", kind, " is absurdly large"));
    }
    to->resize(count);
    return ReadPadded(source_, section.offset + SectionPrefixBytes(kind), to->data(),
                      count * sizeof(T));
  }

  absl::Status CopyEvidence() {
    const state::Totals& totals = *copy_.totals_;
    absl::Status status = CopyEntries(state::kSectionFreed, totals.freed_count, &copy_.freed_);
    if (status.ok()) {
      status = CopyEntries(state::kSectionThreads, totals.thread_count, &copy_.threads_);
    }
    for (uint64_t i = 0; i < copy_.threads_.size() && status.ok(); ++i) status = SettleThread(i);
    return status;
  }

  // Makes threads_[i] a copy that its thread did not write to meanwhile. When that fails
  // its sequence is odd, which readers of the copy take for "unknown".
  absl::Status SettleThread(uint64_t i) {
    state::Thread& thread = copy_.threads_[i];
    const uint64_t offset =
        copy_.header_->sections[state::kSectionThreads].offset + i * sizeof(state::Thread);
    for (int attempt = 0; attempt < kRetries; ++attempt) {
      uint32_t after = 0;
      absl::Status status = ReadPadded(source_, offset, &after, sizeof(after));
      if (!status.ok()) return status;
      if (after == thread.sequence && after % 2 == 0) return status;
      status = ReadPadded(source_, offset, &thread, sizeof(thread));
      if (!status.ok()) return status;
    }
    thread.sequence |= 1;
    return absl::OkStatus();
  }

  absl::Status CopyLive() {
    const uint64_t per_shard =
        copy_.header_->sections[state::kSectionLive].capacity / state::kLiveShards;
    for (uint64_t shard = 0; shard < state::kLiveShards; ++shard) {
      absl::Status status = CopyShard(shard, per_shard);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status CopyShard(uint64_t shard, uint64_t per_shard) {
    const uint64_t section = copy_.header_->sections[state::kSectionLive].offset;
    const uint64_t head_at = section + shard * sizeof(state::LiveShard);
    const uint64_t entries_at = section + SectionPrefixBytes(state::kSectionLive) +
                                shard * per_shard * sizeof(state::LiveEntry);
    shard_entries_.resize(per_shard);
    bool settled = false;
    for (int attempt = 0; attempt < kRetries && !settled; ++attempt) {
      if (attempt > kRetries / 2) std::this_thread::sleep_for(std::chrono::microseconds(50));
      state::LiveShard before, after;
      absl::Status status = ReadPadded(source_, head_at, &before, sizeof(before));
      if (status.ok()) {
        status = ReadPadded(source_, entries_at, shard_entries_.data(),
                            per_shard * sizeof(state::LiveEntry));
      }
      if (status.ok()) status = ReadPadded(source_, head_at, &after, sizeof(after));
      if (!status.ok()) return status;
      settled = before.sequence % 2 == 0 && before.sequence == after.sequence;
    }
    if (!settled) ++copy_.unsettled_shards_;
    // In a shard that is being changed an entry can stand at its old and its new place.
    absl::flat_hash_set<uint64_t> seen;
    for (const state::LiveEntry& entry : shard_entries_) {
      if (entry.address == 0 || entry.check != state::LiveCheck(entry)) continue;
      if (!settled && !seen.insert(entry.address).second) continue;
      copy_.live_.push_back(entry);
    }
    copied_bytes_ += per_shard * sizeof(state::LiveEntry);
    if (copied_bytes_ > kMaxCopyBytes) {
      return Corrupt(source_, entries_at, "the live table is absurdly large");
    }
    return absl::OkStatus();
  }

  absl::Status CopyReferred() {
    const state::Totals& totals = *copy_.totals_;
    const bool exact = copy_.header_->mode == 1;
    absl::Status status =
        exact ? CopyExact() : CopyEntries(state::kSectionSites, totals.site_count, &copy_.sites_);
    if (status.ok()) {
      status = CopyEntries(state::kSectionNodes, totals.node_count, &copy_.nodes_);
    }
    if (status.ok()) {
      status = CopyEntries(state::kSectionModules, totals.module_count, &copy_.modules_);
    }
    if (status.ok()) {
      status = CopyEntries(state::kSectionStrings, totals.string_bytes, &copy_.strings_);
    }
    return status;
  }

  // What chunks refer to is read after them, as everywhere here.
  absl::Status CopyExact() {
    std::vector<state::ExactChunk> chunks;
    std::vector<state::ExactSite> sites;
    absl::Status status =
        CopyEntries(state::kSectionExactChunks, copy_.totals_->exact_chunk_count, &chunks);
    if (status.ok()) status = ReadTotals(source_, copy_.totals_.get());
    if (status.ok()) {
      status = CopyEntries(state::kSectionExactSites, copy_.totals_->exact_site_count, &sites);
    }
    copied_bytes_ += sites.size() * sizeof(state::Site);
    if (status.ok() && copied_bytes_ > kMaxCopyBytes) {
      status = Corrupt(source_, copy_.header_->sections[state::kSectionExactSites].offset,
                       "more exact sites than a reader can hold");
    }
    if (!status.ok()) return status;
    copy_.sites_.resize(sites.size());
    SumExactSites(sites.data(), sites.size(), chunks.data(), chunks.size(),
                  copy_.totals_->peak_epoch, copy_.sites_.data());
    return absl::OkStatus();
  }

  void MakeView() {
    copy_.view_.header = copy_.header_.get();
    copy_.view_.totals = copy_.totals_.get();
    copy_.view_.nodes = copy_.nodes_.data();
    copy_.view_.node_count = copy_.nodes_.size();
    copy_.view_.live = copy_.live_.data();
    copy_.view_.live_count = copy_.live_.size();
    copy_.view_.sites = copy_.sites_.data();
    copy_.view_.site_count = copy_.sites_.size();
    copy_.view_.freed = copy_.freed_.data();
    copy_.view_.freed_count = copy_.freed_.size();
    copy_.view_.threads = copy_.threads_.data();
    copy_.view_.thread_count = copy_.threads_.size();
    copy_.view_.modules = copy_.modules_.data();
    copy_.view_.module_count = copy_.modules_.size();
    copy_.view_.strings = copy_.strings_.data();
    copy_.view_.string_bytes = copy_.strings_.size();
  }

  // A writer is inside a shard for well under a microsecond; one that was preempted there
  // gets the sleeps, one that died there costs a few milliseconds.
  static constexpr int kRetries = 40;

  const StateSource& source_;
  StateCopy copy_;
  std::vector<state::LiveEntry> shard_entries_;
  uint64_t copied_bytes_ = 0;
};

absl::StatusOr<StateCopy> CopyState(const StateSource& source) {
  return StateCopier(source).Copy();
}

void StateCopy::RenameThreads(pid_t pid) {
  if (header_->pid != pid) return;  // another PID namespace: its thread ids are not ours
  for (state::Thread& thread : threads_) {
    if (thread.tid == 0) continue;
    const absl::StatusOr<std::string> name =
        ReadSmallFile(absl::StrCat("/proc/", pid, "/task/", thread.tid, "/comm"));
    if (!name.ok() || name->empty()) continue;
    const size_t length = std::min(name->size() - 1, sizeof(thread.name) - 1);  // ends in \n
    std::memset(thread.name, 0, sizeof(thread.name));
    std::memcpy(thread.name, name->data(), length);
  }
}

absl::StatusOr<StateSummary> SummarizeState(const StateSource& source) {
  StateSummary summary;
  absl::Status status = ReadHeader(source, &summary.header);
  if (status.ok()) status = ReadTotals(source, &summary.totals);
  if (!status.ok()) return status;
  return summary;
}

}  // namespace tidemark::collect
