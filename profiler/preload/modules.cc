#include "profiler/preload/modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "profiler/preload/os.h"
#include "profiler/preload/state_file.h"
#include "profiler/preload/unwind_rules.h"

namespace tidemark::preload {
namespace {

constexpr uint64_t kPage = 4096;
// Executable segments loaded at one time; what is beyond counts as unknown code.
constexpr uint32_t kMaxLoaded = 2048;
constexpr uint32_t kPathBytes = 256 * 1024;
constexpr uint32_t kMissSlots = 64;

using WordOfModule [[gnu::may_alias]] = uint64_t;

struct Entry {
  LoadedModule module;  // read by FindModule while it may be rewritten: by words, atomically
  uint64_t file_offset;
  uint64_t load_bias;
  uint32_t path_offset;  // into g_paths
  uint32_t path_bytes;
  uint32_t build_id_bytes;
  uint8_t build_id[state::kBuildIdBytes];
};

// `starts` and `order` are sorted by address; order[i] is the entry of starts[i].
struct Snapshot {
  uint32_t count;
  uint64_t starts[kMaxLoaded];
  uint16_t order[kMaxLoaded];
  Entry entries[kMaxLoaded];
};

// Version v is in g_snapshots[v % 2]; version 0 is empty. The next version is built in the
// other one, so a reader's copy is whole if g_version did not move while it was made.
Snapshot g_snapshots[2];
uint32_t g_version;

// 0 free, 1 held, 2 held and asked for again (then its holder starts over).
uint32_t g_refresh;

// The rest is used by the holder of g_refresh only.
struct Listing {
  state::Module* table;
  uint64_t capacity;
  char* strings;
  uint64_t string_capacity;
  state::Totals* totals;
  uint64_t start_monotonic_ns;
};
Listing g_listing;
RetireRange g_retire;
// NUL-terminated paths, never removed. The state's strings are a copy, same offsets.
char g_paths[kPathBytes];
uint32_t g_path_bytes;
// Asked for at start only: a target that has set seccomp since may not ask.
char g_executable[1024];
char g_directory[512];  // the working directory, for files loaded by a relative path
uint64_t g_loads;       // dlpi_adds and dlpi_subs when the current version was built
uint64_t g_unloads;

// Pages that were in no segment when last looked: page << 29 | time (cut), counted in 2^20 ns.
uint64_t g_misses[kMissSlots];

// Copies word by word: a copy that races with another is torn, which is found out by the
// version, but not undefined.
void CopyModule(LoadedModule* to, const LoadedModule& from) {
  static_assert(sizeof(LoadedModule) % sizeof(uint64_t) == 0);
  const auto* source = reinterpret_cast<const WordOfModule*>(&from);
  auto* target = reinterpret_cast<WordOfModule*>(to);
  for (size_t i = 0; i < sizeof(LoadedModule) / sizeof(uint64_t); ++i) {
    __atomic_store_n(target + i, __atomic_load_n(source + i, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
  }
}

void CountLoss(state::Loss loss) {
  if (g_listing.totals == nullptr) return;
  __atomic_fetch_add(&g_listing.totals->losses[loss], 1, __ATOMIC_RELAXED);
}

// Finds or adds a path; false when there is no room.
bool InternPath(const char* path, uint32_t* offset, uint32_t* bytes) {
  const size_t length = strlen(path);
  *bytes = static_cast<uint32_t>(length);
  for (uint32_t at = 0; at < g_path_bytes; at += static_cast<uint32_t>(strlen(g_paths + at)) + 1) {
    if (strcmp(g_paths + at, path) == 0) {
      *offset = at;
      return true;
    }
  }
  if (length >= kPathBytes - g_path_bytes) return false;
  *offset = g_path_bytes;
  memcpy(g_paths + g_path_bytes, path, length + 1);
  g_path_bytes += static_cast<uint32_t>(length) + 1;
  return true;
}

void SetIndex(Entry* entry, uint32_t index) {
  LoadedModule module = entry->module;
  module.index = index;
  CopyModule(&entry->module, module);
}

// Puts the segment into the state's table, which gives it its index.
void List(Entry* entry, uint32_t generation, uint64_t loaded_ns) {
  const Listing& to = g_listing;
  SetIndex(entry, state::kNoModule);
  if (to.table == nullptr) return;
  const uint64_t index = to.totals->module_count;
  if (index >= to.capacity || !Reach(state::kSectionModules, &to.table[index])) {
    CountLoss(state::kLossModulesFull);
    return;
  }
  state::Module& module = to.table[index];
  module.start = entry->module.start;
  module.limit = entry->module.limit;
  module.file_offset = entry->file_offset;
  module.load_bias = entry->load_bias;
  module.loaded_ns = loaded_ns;
  module.unloaded_ns = 0;
  module.generation = generation;
  module.build_id_bytes = entry->build_id_bytes;
  memcpy(module.build_id, entry->build_id, sizeof(module.build_id));
  module.path_offset = entry->path_offset;
  module.path_bytes = entry->path_bytes;
  const uint64_t path_limit = uint64_t{entry->path_offset} + entry->path_bytes + 1;
  const uint64_t have = to.totals->string_bytes;
  if (path_limit <= have ||
      (path_limit <= to.string_capacity && Reach(state::kSectionStrings, to.strings, path_limit))) {
    if (path_limit > have) {
      memcpy(to.strings + have, g_paths + have, path_limit - have);
      __atomic_store_n(&to.totals->string_bytes, path_limit, __ATOMIC_RELEASE);
    }
  } else {
    module.path_offset = 0;
    module.path_bytes = 0;
    CountLoss(state::kLossModulesFull);
  }
  SetIndex(entry, static_cast<uint32_t>(index));
  __atomic_store_n(&to.totals->module_count, index + 1, __ATOMIC_RELEASE);
}

uint64_t SinceStart() {
  const uint64_t now = MonotonicNs();
  return now > g_listing.start_monotonic_ns ? now - g_listing.start_monotonic_ns : 0;
}

struct Builder {
  Snapshot* next;
  bool is_first;     // the executable itself comes first
  bool is_complete;  // all segments had room
  uint64_t vdso;     // its ELF header, 0 once it was seen
  uint64_t loads;
  uint64_t unloads;
};

// The NT_GNU_BUILD_ID note in [at, limit).
void ReadBuildId(uint64_t at, uint64_t limit, uint64_t alignment, Entry* entry) {
  const uint64_t step = alignment == 8 ? 8 : 4;
  while (limit - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    memcpy(&note, reinterpret_cast<const void*>(at), sizeof(note));
    const uint64_t name = at + sizeof(note);
    const uint64_t text = name + ((note.n_namesz + step - 1) & ~(step - 1));
    const uint64_t next = text + ((note.n_descsz + step - 1) & ~(step - 1));
    if (next > limit || next <= at) return;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz > 0 &&
        note.n_descsz <= state::kBuildIdBytes &&
        memcmp(reinterpret_cast<const void*>(name), "GNU", 4) == 0) {
      entry->build_id_bytes = note.n_descsz;
      memcpy(entry->build_id, reinterpret_cast<const void*>(text), note.n_descsz);
      return;
    }
    at = next;
  }
}

// The path to show. ld.so's names: "" for the executable, a soname for the vdso, the path
// as given to dlopen otherwise.
bool ReadPath(const dl_phdr_info& info, const Builder& builder, const Entry& entry,
              char (&buffer)[1024]) {
  const char* name = info.dlpi_name == nullptr ? "" : info.dlpi_name;
  size_t used = 0;
  if (entry.module.image_start == builder.vdso && builder.vdso != 0) {
    name = "[vdso]";
  } else if (builder.is_first) {
    name = g_executable;
  } else if (name[0] != '/' && g_directory[0] == '/') {
    used = strlen(g_directory);
    memcpy(buffer, g_directory, used);
    buffer[used++] = '/';
  }
  const size_t length = strlen(name);
  if (length >= sizeof(buffer) - used) return false;
  memcpy(buffer + used, name, length + 1);
  return true;
}

// Adds one segment in its place.
void Insert(const Entry& entry, Builder* builder) {
  Snapshot* next = builder->next;
  if (next->count == kMaxLoaded) {
    builder->is_complete = false;
    return;
  }
  uint32_t at = next->count;
  for (; at > 0 && next->starts[at - 1] > entry.module.start; --at) {
    __atomic_store_n(&next->starts[at], next->starts[at - 1], __ATOMIC_RELAXED);
    __atomic_store_n(&next->order[at], next->order[at - 1], __ATOMIC_RELAXED);
  }
  __atomic_store_n(&next->starts[at], entry.module.start, __ATOMIC_RELAXED);
  __atomic_store_n(&next->order[at], static_cast<uint16_t>(next->count), __ATOMIC_RELAXED);
  Entry& added = next->entries[next->count];
  CopyModule(&added.module, entry.module);
  added.file_offset = entry.file_offset;
  added.load_bias = entry.load_bias;
  added.path_offset = entry.path_offset;
  added.path_bytes = entry.path_bytes;
  added.build_id_bytes = entry.build_id_bytes;
  memcpy(added.build_id, entry.build_id, sizeof(added.build_id));
  __atomic_store_n(&next->count, next->count + 1, __ATOMIC_RELAXED);
}

// Too big for the caller's stack; used by the holder of g_refresh only.
Entry g_entry_scratch;
char g_path_scratch[1024];

void AddFile(const dl_phdr_info& info, Builder* builder) {
  Entry& entry = g_entry_scratch;
  entry = {};
  LoadedModule& module = entry.module;
  module.image_start = UINT64_MAX;
  for (uint32_t i = 0; i < info.dlpi_phnum; ++i) {
    const Elf64_Phdr& header = info.dlpi_phdr[i];
    const uint64_t address = info.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && header.p_memsz != 0) {
      if (address < module.image_start) module.image_start = address & ~(kPage - 1);
      const uint64_t limit = (address + header.p_memsz + kPage - 1) & ~(kPage - 1);
      if (limit > module.image_limit) module.image_limit = limit;
    } else if (header.p_type == PT_GNU_EH_FRAME && header.p_memsz != 0) {
      module.eh_frame_hdr = address;
    } else if (header.p_type == PT_NOTE && entry.build_id_bytes == 0) {
      ReadBuildId(address, address + header.p_memsz, header.p_align, &entry);
    }
  }
  if (module.image_start >= module.image_limit) return;
  if (module.image_limit - module.image_start > UINT32_MAX ||
      module.eh_frame_hdr - module.image_start >= module.image_limit - module.image_start) {
    module.eh_frame_hdr = 0;
  }
  entry.load_bias = info.dlpi_addr;
  if (ReadPath(info, *builder, entry, g_path_scratch) &&
      !InternPath(g_path_scratch, &entry.path_offset, &entry.path_bytes)) {
    entry.path_bytes = 0;
    CountLoss(state::kLossModulesFull);
  }
  if (module.image_start == builder->vdso) builder->vdso = 0;
  const uint64_t self = reinterpret_cast<uint64_t>(&g_version);
  module.is_self =
      !builder->is_first && self - module.image_start < module.image_limit - module.image_start;
  for (uint32_t i = 0; i < info.dlpi_phnum; ++i) {
    const Elf64_Phdr& header = info.dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0 || header.p_memsz == 0) continue;
    const uint64_t address = info.dlpi_addr + header.p_vaddr;
    module.start = address & ~(kPage - 1);
    module.limit = (address + header.p_memsz + kPage - 1) & ~(kPage - 1);
    entry.file_offset = header.p_offset & ~(kPage - 1);
    Insert(entry, builder);
  }
}

// glibc gives the counters since 2.4; `bytes` says whether they are there.
bool HasCounters(size_t bytes) {
  return bytes >= offsetof(dl_phdr_info, dlpi_subs) + sizeof(dl_phdr_info::dlpi_subs);
}

int ReadCounters(dl_phdr_info* info, size_t bytes, void* data) {
  auto* builder = static_cast<Builder*>(data);
  builder->loads = HasCounters(bytes) ? info->dlpi_adds : builder->loads + 1;
  builder->unloads = HasCounters(bytes) ? info->dlpi_subs : builder->unloads + 1;
  return 1;
}

int ReadFile(dl_phdr_info* info, size_t bytes, void* data) {
  auto* builder = static_cast<Builder*>(data);
  if (builder->is_first) ReadCounters(info, bytes, data);
  AddFile(*info, builder);
  builder->is_first = false;
  return 0;
}

// An old libc, or a static one, does not list the vdso.
void AddVdso(Builder* builder) {
  if (builder->vdso == 0) return;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(builder->vdso);
  dl_phdr_info info;
  memset(&info, 0, sizeof(info));
  info.dlpi_addr = builder->vdso;  // it is linked at 0
  info.dlpi_phdr = reinterpret_cast<const Elf64_Phdr*>(builder->vdso + header->e_phoff);
  info.dlpi_phnum = header->e_phnum;
  AddFile(info, builder);
}

const Snapshot& Current() { return g_snapshots[g_version % 2]; }

bool IsSame(const Entry& a, const Entry& b) {
  return a.module.start == b.module.start && a.module.limit == b.module.limit &&
         a.load_bias == b.load_bias && a.module.eh_frame_hdr == b.module.eh_frame_hdr &&
         a.path_offset == b.path_offset && a.path_bytes == b.path_bytes &&
         a.build_id_bytes == b.build_id_bytes &&
         memcmp(a.build_id, b.build_id, sizeof(a.build_id)) == 0;
}

// The sorted position of the last segment that starts at or before `address`; `count` when
// there is none.
uint32_t Position(const Snapshot& snapshot, uint32_t count, uint64_t address) {
  uint32_t low = 0;
  uint32_t high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (__atomic_load_n(&snapshot.starts[middle], __ATOMIC_RELAXED) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? count : low - 1;
}

const Entry* FindSame(const Snapshot& snapshot, const Entry& wanted) {
  const uint32_t at = Position(snapshot, snapshot.count, wanted.module.start);
  if (at == snapshot.count) return nullptr;
  const Entry& entry = snapshot.entries[snapshot.order[at]];
  return IsSame(entry, wanted) ? &entry : nullptr;
}

// Rebuilds the snapshot. REQUIRES: g_refresh is held.
void Rebuild() {
  Builder builder;
  builder.loads = g_loads;
  builder.unloads = g_unloads;
  if (g_version != 0) {
    dl_iterate_phdr(&ReadCounters, &builder);
    if (builder.loads == g_loads && builder.unloads == g_unloads) return;
  }
  const Snapshot& old = Current();
  builder.next = &g_snapshots[(g_version + 1) % 2];
  // Whoever sees a store to it sees that the version it belonged to is over.
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&builder.next->count, 0u, __ATOMIC_RELAXED);
  builder.is_first = true;
  builder.is_complete = true;
  builder.vdso = getauxval(AT_SYSINFO_EHDR);
  dl_iterate_phdr(&ReadFile, &builder);
  AddVdso(&builder);
  if (!builder.is_complete) CountLoss(state::kLossModulesFull);
  g_loads = builder.loads;
  g_unloads = builder.unloads;

  const uint64_t now = SinceStart();
  uint32_t generation = 0;
  if (g_listing.totals != nullptr) {
    generation = static_cast<uint32_t>(
        __atomic_add_fetch(&g_listing.totals->module_generation, 1, __ATOMIC_RELAXED));
  }
  for (uint32_t i = 0; i < builder.next->count; ++i) {
    Entry& entry = builder.next->entries[i];
    const Entry* same = FindSame(old, entry);
    if (same != nullptr) {
      SetIndex(&entry, same->module.index);
    } else {
      List(&entry, generation, now);
    }
  }
  __atomic_store_n(&g_version, g_version + 1, __ATOMIC_RELEASE);
  // What was found now may be gone and loaded again within the time that a miss is kept.
  for (uint64_t& miss : g_misses) __atomic_store_n(&miss, uint64_t{0}, __ATOMIC_RELAXED);

  // `old` stays whole until the next rebuild.
  bool forgotten = false;
  for (uint32_t i = 0; i < old.count; ++i) {
    const Entry& entry = old.entries[i];
    if (FindSame(*builder.next, entry) != nullptr) continue;
    if (!forgotten) ForgetRules();
    forgotten = true;
    if (g_listing.table != nullptr && entry.module.index != state::kNoModule) {
      __atomic_store_n(&g_listing.table[entry.module.index].unloaded_ns, now == 0 ? 1 : now,
                       __ATOMIC_RELEASE);
    }
    if (g_retire != nullptr) g_retire(entry.module.start, entry.module.limit);
  }
}

// Without /proc: the executable is what the process was started as.
void UseStartedName() {
  const char* name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (name == nullptr || name[0] != '/' || strlen(name) >= sizeof(g_executable)) return;
  memcpy(g_executable, name, strlen(name) + 1);
}

}  // namespace

void AttachModules(state::Module* table, uint64_t capacity, char* strings, uint64_t string_capacity,
                   state::Totals* totals, uint64_t start_monotonic_ns) {
  g_listing = {table, capacity, strings, string_capacity, totals, start_monotonic_ns};
  // In a fork child: another thread of the parent may have held it.
  __atomic_store_n(&g_refresh, 0u, __ATOMIC_RELEASE);
  if (g_version == 0) {
    if (Syscall(SYS_getcwd, AsLong(g_directory), sizeof(g_directory)) <= 0) g_directory[0] = 0;
    if (Syscall(SYS_readlinkat, AT_FDCWD, AsLong("/proc/self/exe"), AsLong(g_executable),
                sizeof(g_executable) - 1) <= 0) {
      UseStartedName();
    }
    RefreshModules();
    return;
  }
  Snapshot& current = g_snapshots[g_version % 2];
  for (uint32_t i = 0; i < current.count; ++i) List(&current.entries[i], 0, 0);
}

void SetRetireRange(RetireRange retire) { g_retire = retire; }

bool FindModule(uint64_t address, LoadedModule* module) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    const uint32_t version = __atomic_load_n(&g_version, __ATOMIC_ACQUIRE);
    const Snapshot& snapshot = g_snapshots[version % 2];
    uint32_t count = __atomic_load_n(&snapshot.count, __ATOMIC_RELAXED);
    if (count > kMaxLoaded) count = kMaxLoaded;
    const uint32_t at = Position(snapshot, count, address);
    bool found = false;
    if (at != count) {
      const uint32_t entry = __atomic_load_n(&snapshot.order[at], __ATOMIC_RELAXED) % kMaxLoaded;
      CopyModule(module, snapshot.entries[entry].module);
      found = module->Contains(address);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&g_version, __ATOMIC_RELAXED) == version) {
      if (found) return true;
      break;
    }
  }
  // Perhaps a file that was loaded since. Each page is asked about once per 2^20 ns.
  const uint64_t page = address >> 12;
  const uint64_t now = (MonotonicNs() >> 20) & 0x1fffffff;
  uint64_t* slot = &g_misses[(page ^ page >> 6 ^ page >> 12) % kMissSlots];
  const uint64_t miss = __atomic_load_n(slot, __ATOMIC_RELAXED);
  if (miss >> 29 == (page & 0x7ffffffff) && now == (miss & 0x1fffffff)) return false;
  __atomic_store_n(slot, page << 29 | now, __ATOMIC_RELAXED);
  const uint32_t version = __atomic_load_n(&g_version, __ATOMIC_ACQUIRE);
  RefreshModules();
  return __atomic_load_n(&g_version, __ATOMIC_ACQUIRE) != version && FindModule(address, module);
}

void RefreshModules() {
  uint32_t expected = 0;
  while (!__atomic_compare_exchange_n(&g_refresh, &expected, 1u, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_RELAXED)) {
    if (expected == 0) continue;
    // Held by another thread, or by this one below us: it looks again before it lets go.
    if (expected == 2 || __atomic_compare_exchange_n(&g_refresh, &expected, 2u, false,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      return;
    }
    expected = 0;
  }
  for (;;) {
    Rebuild();
    uint32_t held = 1;
    if (__atomic_compare_exchange_n(&g_refresh, &held, 0u, false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED)) {
      return;
    }
    __atomic_store_n(&g_refresh, 1u, __ATOMIC_RELAXED);
  }
}

}  // namespace tidemark::preload
