#include "profiler/preload/state_file.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "profiler/preload/os.h"
#include "profiler/preload/text.h"

namespace tidemark::preload {
namespace {

constexpr uint64_t RoundUp(uint64_t bytes) {
  return (bytes + state::kPageBytes - 1) / state::kPageBytes * state::kPageBytes;
}

struct Directory {
  state::Section sections[state::kSectionCount];
  uint64_t reserved_bytes;  // from the start
  uint64_t file_bytes;
};

constexpr Directory MakeDirectory(bool exact) {
  Directory d{};
  uint64_t offset = 3 * state::kPageBytes;
  auto place = [&](state::SectionKind kind, uint64_t capacity, uint64_t stride, uint64_t head) {
    d.sections[kind] = {offset, capacity, stride};
    offset += RoundUp(head + capacity * stride);
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

// Gives the file its size, with the blocks of the reserved part allocated.
bool Reserve(int fd, const Directory& directory) {
  constexpr long kInterrupted = -4;
  long result;
  do {
    result = Syscall(SYS_fallocate, fd, 0, 0, static_cast<long>(directory.reserved_bytes));
  } while (result == kInterrupted);
  return result == 0 && (directory.file_bytes == directory.reserved_bytes ||
                         Syscall(SYS_ftruncate, fd, static_cast<long>(directory.file_bytes)) == 0);
}

void* Map(int fd, const Directory& directory, void* at) {
  const long p = Syscall(SYS_mmap, AsLong(at), static_cast<long>(directory.file_bytes),
                         PROT_READ | PROT_WRITE, MAP_SHARED | (at != nullptr ? MAP_FIXED : 0), fd);
  return p < 0 && p > -4096 ? nullptr : reinterpret_cast<void*>(p);
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

// Sizes and maps the fresh file `fd`, and closes it.
void* Prepare(int fd, bool exact, void* at) {
  const Directory& layout = exact ? kExactDirectory : kSampledDirectory;
  void* base = Reserve(fd, layout) ? Map(fd, layout, at) : nullptr;
  Close(fd);
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

}  // namespace tidemark::preload
