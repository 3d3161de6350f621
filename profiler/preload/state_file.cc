#include "profiler/preload/state_file.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "profiler/preload/os.h"
#include "profiler/preload/text.h"

namespace tidemark::preload {
namespace {

constexpr long kInterrupted = -4;  // -EINTR
constexpr long kAgain = -11;       // -EAGAIN

constexpr uint64_t RoundUp(uint64_t bytes) {
  return (bytes + state::kPageBytes - 1) / state::kPageBytes * state::kPageBytes;
}

// What may be stored to from the start: three pages and the heads of the live shards.
constexpr uint64_t kFixedBytes =
    3 * state::kPageBytes + RoundUp(state::kLiveShards * sizeof(state::LiveShard));

struct Directory {
  state::Section sections[state::kSectionCount];
  uint64_t limits[state::kSectionCount];  // offset behind the section
  uint64_t reserved_bytes;                // from the start, where pages are not taken one by one
  uint64_t file_bytes;
};

constexpr Directory MakeDirectory(bool exact) {
  Directory d{};
  uint64_t offset = 3 * state::kPageBytes;
  auto place = [&](state::SectionKind kind, uint64_t capacity, uint64_t stride, uint64_t head) {
    d.sections[kind] = {offset, capacity, stride};
    offset += RoundUp(head + capacity * stride);
    d.limits[kind] = offset;
  };
  place(state::kSectionLive, exact ? 0 : kLiveCapacity, sizeof(state::LiveEntry),
        state::kLiveShards * sizeof(state::LiveShard));
  place(state::kSectionSites, exact ? 0 : kSiteCapacity, sizeof(state::Site), 0);
  place(state::kSectionFreed, exact ? 0 : kFreedCapacity, sizeof(state::Freed), 0);
  place(state::kSectionThreads, kThreadCapacity, sizeof(state::Thread), 0);
  place(state::kSectionModules, kModuleCapacity, sizeof(state::Module), 0);
  place(state::kSectionStrings, kStringCapacity, 1, 0);
  if (exact) d.reserved_bytes = offset;
  place(state::kSectionNodes, exact ? kExactNodeCapacity : kNodeCapacity, sizeof(state::Node), 0);
  place(state::kSectionExactSites, exact ? kExactSiteCapacity : 0, sizeof(state::ExactSite), 0);
  place(state::kSectionExactChunks, exact ? kExactChunkCapacity : 0, sizeof(state::ExactChunk), 0);
  if (!exact) d.reserved_bytes = offset;
  d.file_bytes = offset;
  return d;
}

constexpr Directory kSampledDirectory = MakeDirectory(false);
constexpr Directory kExactDirectory = MakeDirectory(true);
// The target pays for this file and about 4 MiB of private tables; together <= 16 MiB.
static_assert(kSampledDirectory.file_bytes <= 13u << 20);

bool MayGrowFilesTo(uint64_t bytes) {
  rlimit limit;
  if (Syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, AsLong(&limit)) < 0) return true;
  return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes;
}

// Pages are taken in steps of this.
constexpr uint64_t kStepBytes[state::kSectionCount] = {64 << 10,  // nodes
                                                       0,         // live: page by page
                                                       64 << 10,  // sites
                                                       32 << 10,  // freed
                                                       16 << 10,  // threads
                                                       8 << 10,   // modules
                                                       8 << 10,   // strings
                                                       0,        0};
constexpr uint64_t kExactStepBytes = 1 << 20;
// The root node can be stored to, and some more, without a call.
constexpr uint64_t kFirstNodeBytes = 16 << 10;
// What a sandbox finds ready of each section of an exact state.
constexpr uint64_t kExactAheadBytes = 8 << 20;

// The space of the current state.
struct Space {
  char* base;  // nullptr: no state yet
  const Directory* layout;
  uint32_t frozen;    // (atomic)
  uint32_t complete;  // (atomic) every page of the file is there
  uint64_t refused;   // (atomic) when pages were last refused, in units of kRefusalNs
  // (atomic) offset below which each page of the section is there; unused for live.
  uint64_t reached[state::kSectionCount];
};
constinit Space g_space = {};

long Populate(const void* at, uint64_t bytes) {
  constexpr int kMadvPopulateWrite = 23;
  long result;
  do {
    result = Syscall(SYS_madvise, AsLong(at), static_cast<long>(bytes), kMadvPopulateWrite);
  } while (result == kInterrupted || result == kAgain);
  return result;
}

// A full file system is not asked again at once: each table's every miss would.
constexpr uint64_t kRefusalNs = 16 << 20;

bool TakePages(const void* at, uint64_t bytes) {
  const uint64_t now = MonotonicNs() / kRefusalNs;
  if (__atomic_load_n(&g_space.refused, __ATOMIC_RELAXED) == now) return false;
  if (Populate(at, bytes) == 0) return true;
  __atomic_store_n(&g_space.refused, now, __ATOMIC_RELAXED);
  return false;
}

bool Allocate(int fd, uint64_t offset, uint64_t bytes) {
  long result;
  do {
    result = Syscall(SYS_fallocate, fd, 0, static_cast<long>(offset), static_cast<long>(bytes));
  } while (result == kInterrupted);
  return result == 0;
}

// Can the pages of `fd` be taken one by one?
bool GrowsByPages(int fd) {
  struct statfs file_system;
  constexpr long kTmpfsMagic = 0x01021994;
  // Any memory of our own tells whether the kernel knows the call.
  return Syscall(SYS_fstatfs, fd, AsLong(&file_system)) == 0 && file_system.f_type == kTmpfsMagic &&
         Populate(reinterpret_cast<void*>(AsLong(&g_space) & -static_cast<long>(state::kPageBytes)),
                  state::kPageBytes) == 0;
}

char* Map(int fd, uint64_t bytes, void* at) {
  const long p = Syscall(SYS_mmap, AsLong(at), static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                         MAP_SHARED | (at != nullptr ? MAP_FIXED : 0), fd);
  return p < 0 && p > -4096 ? nullptr : reinterpret_cast<char*>(p);
}

// A directory that only we can write, or -1. `make`: create it when missing.
int OpenPrivateDirectory(const char* path, bool make) {
  if (make) Syscall(SYS_mkdir, AsLong(path), 0700);
  const int fd = Open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return -1;
  struct stat st;
  if (Syscall(SYS_fstat, fd, AsLong(&st)) < 0 ||
      st.st_uid != static_cast<uid_t>(Syscall(SYS_geteuid)) || (st.st_mode & 022) != 0) {
    Close(fd);
    return -1;
  }
  return fd;
}

// What of the fresh file, mapped at `base`, is there already.
void StartSpace(char* base, const Directory& layout, uint64_t reserved_bytes) {
  g_space = {};
  for (uint32_t i = 0; i < state::kSectionCount; ++i) {
    g_space.reached[i] =
        layout.limits[i] <= reserved_bytes ? layout.limits[i] : layout.sections[i].offset;
  }
  if (g_space.reached[state::kSectionNodes] == layout.sections[state::kSectionNodes].offset) {
    g_space.reached[state::kSectionNodes] += kFirstNodeBytes;
  }
  g_space.complete = reserved_bytes == layout.file_bytes;
  g_space.layout = &layout;
  g_space.base = base;
}

// Sizes and maps the fresh file `fd`, and closes it.
void* Prepare(int fd, bool exact, void* at) {
  const Directory& layout = exact ? kExactDirectory : kSampledDirectory;
  const uint64_t reserved = GrowsByPages(fd) ? kFixedBytes : layout.reserved_bytes;
  char* base = nullptr;
  if (Syscall(SYS_ftruncate, fd, static_cast<long>(layout.file_bytes)) == 0 &&
      Allocate(fd, 0, reserved) &&
      Allocate(fd, layout.sections[state::kSectionNodes].offset, kFirstNodeBytes)) {
    base = Map(fd, layout.file_bytes, at);
  }
  Close(fd);
  if (base != nullptr) StartSpace(base, layout, reserved);
  return base;
}

void* CreateIn(int directory, const char* name, bool exact, void* at) {
  const long fd = Syscall(SYS_openat, directory, AsLong(name),
                          O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* base = Prepare(static_cast<int>(fd), exact, at);
  if (base == nullptr) Syscall(SYS_unlinkat, directory, AsLong(name), 0);
  return base;
}

// "PID.ID.state" in `directory`; `path` becomes its full name.
void* CreateInDirectory(const char* directory, bool make, const StateFileOptions& options, void* at,
                        char (&path)[kMaxPath]) {
  char name[64];
  TextBuffer(name)
      .AddDecimal(static_cast<uint64_t>(GetPid()))
      .AddChar('.')
      .AddHex(options.process_id)
      .Add(".state");
  if (TextBuffer(path).Add(directory).AddChar('/').Add(name).overflowed()) return nullptr;
  const int fd = OpenPrivateDirectory(directory, make);
  if (fd < 0) return nullptr;
  void* base = CreateIn(fd, name, options.exact, at);
  Close(fd);
  return base;
}

bool IsExact(const Space& space) { return space.layout == &kExactDirectory; }

// Stores what `old` holds into its fresh copy, the current space. False: no room.
bool CopySpace(const Space& old, char* copy) {
  memcpy(copy, old.base, kFixedBytes);
  for (uint32_t kind = 0; kind < state::kSectionCount; ++kind) {
    if (kind == state::kSectionLive) continue;
    const uint64_t from = old.layout->sections[kind].offset;
    const uint64_t limit = old.reached[kind];
    if (limit > g_space.reached[kind]) {
      if (Populate(copy + from, limit - from) != 0) return false;
      g_space.reached[kind] = limit;
    }
    memcpy(copy + from, old.base + from, limit - from);
  }
  const State to = StateAt(copy);
  if (to.header->sections[state::kSectionLive].capacity == 0) return true;
  for (uint32_t i = 0; i < state::kLiveShards; ++i) {
    state::LiveShard* shard = &to.shards[i];
    // Its holder, if any, lets go of the old one's.
    shard->lock = 0;
    shard->sequence &= ~1u;
    for (uint32_t page = 0; page < kLivePagesPerShard; ++page) {
      if ((shard->pages >> page & 1) == 0) continue;
      char* at = reinterpret_cast<char*>(to.live + i * kLivePerShard) + page * state::kPageBytes;
      if (!ReachPage(at)) return false;
      memcpy(at, old.base + (at - copy), state::kPageBytes);
    }
  }
  return true;
}

bool IsDirectory(const char* path) {
  const int fd = Open(path, O_PATH | O_DIRECTORY);
  if (fd >= 0) Close(fd);
  return fd >= 0;
}

void* CreateSomewhere(const StateFileOptions& options, void* at, char (&path)[kMaxPath]) {
  if (options.path != nullptr) {
    if (IsDirectory(options.path)) {
      return CreateInDirectory(options.path, false, options, at, path);
    }
    if (TextBuffer(path).Add(options.path).overflowed()) return nullptr;
    return CreateIn(AT_FDCWD, path, options.exact, at);
  }
  char shm[64];
  TextBuffer(shm).Add("/dev/shm/tidemark-").AddDecimal(static_cast<uint64_t>(Syscall(SYS_geteuid)));
  void* base = CreateInDirectory(shm, true, options, at, path);
  if (base == nullptr && options.output_directory != nullptr) {
    base = CreateInDirectory(options.output_directory, true, options, at, path);
  }
  if (base != nullptr) return base;
  path[0] = '\0';
  const long fd = Syscall(SYS_memfd_create, AsLong("tidemark-state"), 1 /* MFD_CLOEXEC */);
  if (fd < 0) return nullptr;
  return Prepare(static_cast<int>(fd), options.exact, at);
}

}  // namespace

State StateAt(void* base) {
  char* b = static_cast<char*>(base);
  State s;
  s.header = reinterpret_cast<state::Header*>(b);
  auto at = [&](state::SectionKind kind) { return b + s.header->sections[kind].offset; };
  s.control = reinterpret_cast<state::Control*>(b + state::kPageBytes);
  s.totals = reinterpret_cast<state::Totals*>(b + 2 * state::kPageBytes);
  s.nodes = reinterpret_cast<state::Node*>(at(state::kSectionNodes));
  s.shards = reinterpret_cast<state::LiveShard*>(at(state::kSectionLive));
  s.live = reinterpret_cast<state::LiveEntry*>(s.shards + state::kLiveShards);
  s.sites = reinterpret_cast<state::Site*>(at(state::kSectionSites));
  s.freed = reinterpret_cast<state::Freed*>(at(state::kSectionFreed));
  s.threads = reinterpret_cast<state::Thread*>(at(state::kSectionThreads));
  s.modules = reinterpret_cast<state::Module*>(at(state::kSectionModules));
  s.strings = at(state::kSectionStrings);
  s.exact_sites = reinterpret_cast<state::ExactSite*>(at(state::kSectionExactSites));
  s.exact_chunks = reinterpret_cast<state::ExactChunk*>(at(state::kSectionExactChunks));
  return s;
}

void* CreateStateFile(const StateFileOptions& options, void* at, char (&path)[kMaxPath]) {
  path[0] = '\0';
  const Directory& layout = options.exact ? kExactDirectory : kSampledDirectory;
  if (!MayGrowFilesTo(layout.file_bytes)) return nullptr;
  void* base = CreateSomewhere(options, at, path);
  if (base == nullptr) return nullptr;
  state::Header* header = static_cast<state::Header*>(base);
  header->magic = state::kMagic;
  header->layout_version = state::kLayoutVersion;
  header->file_bytes = layout.file_bytes;
  memcpy(header->sections, layout.sections, sizeof(header->sections));
  return base;
}

bool Reach(state::SectionKind kind, const void* entry, uint64_t bytes) {
  const Space& space = g_space;
  const uint64_t offset = static_cast<uint64_t>(static_cast<const char*>(entry) - space.base);
  if (space.base == nullptr || offset >= space.layout->file_bytes) return true;
  const uint64_t end = offset + bytes;
  uint64_t* reached = &g_space.reached[kind];
  uint64_t at = __atomic_load_n(reached, __ATOMIC_RELAXED);
  while (at < end) {
    if (__atomic_load_n(&space.frozen, __ATOMIC_RELAXED) != 0) return false;
    const uint64_t left = space.layout->limits[kind] - at;
    const uint64_t step = IsExact(space) ? kExactStepBytes : kStepBytes[kind];
    const uint64_t next = left < step ? left : step;
    if (!TakePages(space.base + at, next)) return false;
    at += next;
    __atomic_store_n(reached, at, __ATOMIC_RELAXED);
  }
  return true;
}

bool ReachPage(const void* page) {
  const Space& space = g_space;
  const uint64_t offset = static_cast<uint64_t>(static_cast<const char*>(page) - space.base);
  if (space.base == nullptr || offset >= space.layout->file_bytes ||
      __atomic_load_n(&space.complete, __ATOMIC_ACQUIRE) != 0) {
    return true;
  }
  return __atomic_load_n(&space.frozen, __ATOMIC_RELAXED) == 0 &&
         TakePages(page, state::kPageBytes);
}

void FreezeSpace() {
  Space* space = &g_space;
  if (space->base == nullptr) return;
  __atomic_store_n(&space->frozen, 1u, __ATOMIC_RELAXED);
  if (__atomic_load_n(&space->complete, __ATOMIC_RELAXED) != 0) return;
  bool all = true;
  for (uint32_t kind = 0; kind < state::kSectionCount; ++kind) {
    const uint64_t limit = space->layout->limits[kind];
    const uint64_t left = limit - space->reached[kind];
    const uint64_t ahead = IsExact(*space) && left > kExactAheadBytes ? kExactAheadBytes : left;
    if (ahead > 0 && Populate(space->base + space->reached[kind], ahead) == 0) {
      __atomic_store_n(&space->reached[kind], space->reached[kind] + ahead, __ATOMIC_RELAXED);
    }
    all = all && space->reached[kind] == limit;
  }
  if (all) __atomic_store_n(&space->complete, 1u, __ATOMIC_RELEASE);
}

void ThawSpace() { __atomic_store_n(&g_space.frozen, 0u, __ATOMIC_RELAXED); }

bool RenewStateFile(const StateFileOptions& options, void* base, char (&path)[kMaxPath]) {
  const Space old = g_space;
  char* copy = static_cast<char*>(CreateSomewhere(options, nullptr, path));
  if (copy == nullptr) {
    path[0] = '\0';
    return false;
  }
  const uint64_t bytes = old.layout->file_bytes;
  // Should the name have become a memfd, nothing is gained.
  const bool copied =
      path[0] != '\0' && CopySpace(old, copy) &&
      Syscall(SYS_mremap, AsLong(copy), static_cast<long>(bytes), static_cast<long>(bytes),
              MREMAP_MAYMOVE | MREMAP_FIXED, AsLong(base)) == AsLong(base);
  if (copied) {
    g_space.base = old.base;
    return true;
  }
  Unmap(copy, bytes);
  if (path[0] != '\0') Syscall(SYS_unlink, AsLong(path));
  path[0] = '\0';
  g_space = old;
  return false;
}

}  // namespace tidemark::preload
