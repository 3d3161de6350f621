#include "profiler/preload/exec_environment.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>

#include "profiler/preload/options.h"
#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

constexpr char kPreload[] = "LD_PRELOAD=";
constexpr char kLibraryName[] = "libtidemark.so";
// As much as the kernel looks at (BINPRM_BUF_SIZE).
constexpr size_t kHeadBytes = 256;
// Interpreters of interpreters, as many as the kernel follows.
constexpr int kMaxScripts = 5;

bool StartsWith(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Opens what exec could run. Not a device or a FIFO: opening those does something.
int OpenProgram(int directory, const char* path) {
  struct stat st;
  if (Syscall(SYS_newfstatat, directory, AsLong(path), AsLong(&st), 0) < 0 ||
      !S_ISREG(st.st_mode)) {
    return -1;
  }
  return static_cast<int>(
      Syscall(SYS_openat, directory, AsLong(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

// Bytes read at `offset`.
size_t ReadAt(int fd, void* to, size_t bytes, uint64_t offset) {
  const long n =
      Syscall(SYS_pread64, fd, AsLong(to), static_cast<long>(bytes), static_cast<long>(offset));
  return n < 0 ? 0 : static_cast<size_t>(n);
}

// The path of the dynamic linker that a native program names tells whose it is.
bool IsForMusl(int fd, const Elf64_Ehdr& header, const char* head, size_t bytes) {
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    const uint64_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    if (header.e_phoff > bytes || at + sizeof(Elf64_Phdr) > bytes) return false;
    Elf64_Phdr segment;
    memcpy(&segment, head + at, sizeof(segment));
    if (segment.p_type != PT_INTERP) continue;
    char path[64];
    const size_t have = ReadAt(fd, path, sizeof(path) - 1, segment.p_offset);
    path[have] = '\0';
    const char* name = path;
    for (const char* c = path; *c != '\0'; ++c) {
      if (*c == '/') name = c + 1;
    }
    return StartsWith(name, "ld-musl");
  }
  return false;
}

bool IsForeignElf(int fd, const char* head, size_t bytes) {
  if (bytes < EI_NIDENT + 2 * sizeof(Elf64_Half)) return false;
  if (head[EI_CLASS] != ELFCLASS64 || head[EI_DATA] != ELFDATA2LSB) return true;
  Elf64_Ehdr header;
  if (bytes < sizeof(header)) return false;
  memcpy(&header, head, sizeof(header));
  return header.e_machine != EM_X86_64 || IsForMusl(fd, header, head, bytes);
}

// Cuts the interpreter's path out of a script's first line; nullptr: it has none.
const char* Interpreter(char* head, size_t bytes) {
  if (bytes < 2 || head[0] != '#' || head[1] != '!') return nullptr;
  char* start = head + 2;
  while (*start == ' ' || *start == '\t') ++start;
  const size_t length = strcspn(start, " \t\r\n");
  start[length] = '\0';
  return length == 0 ? nullptr : start;
}

// `fd` is closed.
bool IsForeignProgram(int fd, int scripts_left) {
  char head[kHeadBytes + 1];
  const size_t bytes = ReadAt(fd, head, kHeadBytes, 0);
  head[bytes] = '\0';
  const bool is_elf = bytes >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
  const bool foreign = is_elf && IsForeignElf(fd, head, bytes);
  Close(fd);
  const char* interpreter = is_elf ? nullptr : Interpreter(head, bytes);
  if (interpreter == nullptr || scripts_left == 0) return foreign;
  const int next = OpenProgram(AT_FDCWD, interpreter);
  return next >= 0 && IsForeignProgram(next, scripts_left - 1);
}

// Walks over the libraries that an LD_PRELOAD names, [at, at + length) each.
template <class Visit>
void ForEachLibrary(const char* value, Visit&& visit) {
  while (*value != '\0') {
    const size_t length = strcspn(value, ": ");
    if (length > 0) visit(value, length);
    value += length;
    if (*value != '\0') ++value;
  }
}

bool IsUs(const char* path, size_t length) {
  size_t name = length;
  while (name > 0 && path[name - 1] != '/') --name;
  constexpr size_t kLength = sizeof(kLibraryName) - 1;
  return length - name >= kLength && memcmp(path + name, kLibraryName, kLength) == 0;
}

bool Preloads(const char* entry) {
  bool found = false;
  if (StartsWith(entry, kPreload)) {
    ForEachLibrary(entry + sizeof(kPreload) - 1,
                   [&](const char* path, size_t length) { found = found || IsUs(path, length); });
  }
  return found;
}

bool IsMarkedChild(const char* entry) {
  constexpr size_t kLength = sizeof(kChildOfName) - 1;
  return strncmp(entry, kChildOfName, kLength) == 0 && entry[kLength] == '=';
}

// The LD_PRELOAD entry without us, at `to`; its length, 0 when nothing remains.
size_t CopyPreload(const char* entry, char* to) {
  memcpy(to, kPreload, sizeof(kPreload) - 1);
  size_t used = sizeof(kPreload) - 1;
  ForEachLibrary(entry + sizeof(kPreload) - 1, [&](const char* path, size_t length) {
    if (IsUs(path, length)) return;
    if (used >= sizeof(kPreload)) to[used++] = ':';
    memcpy(to + used, path, length);
    used += length;
  });
  to[used] = '\0';
  return used < sizeof(kPreload) ? 0 : used;
}

}  // namespace

bool IsForeignProgram(int directory, const char* path) {
  const int fd = OpenProgram(directory, path);
  return fd >= 0 && IsForeignProgram(fd, kMaxScripts);
}

bool IsForeignProgram(int fd) {
  const int own = static_cast<int>(Syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0));
  return own >= 0 && IsForeignProgram(own, kMaxScripts);
}

size_t ChangedEnvironmentBytes(char* const* environment, const EnvironmentChanges& changes) {
  if (environment == nullptr) return 0;
  size_t strings = 0;
  size_t count = 1;
  for (char* const* entry = environment; *entry != nullptr; ++entry, ++count) {
    const bool changed =
        (changes.without_us && Preloads(*entry)) || (changes.as_first && IsMarkedChild(*entry));
    if (changed) strings += strlen(*entry) + 1;
  }
  return strings == 0 ? 0 : count * sizeof(char*) + strings;
}

char** ChangeEnvironment(char* const* environment, const EnvironmentChanges& changes,
                         void* memory) {
  size_t count = 1;
  for (char* const* entry = environment; *entry != nullptr; ++entry) ++count;
  char** to = static_cast<char**>(memory);
  char* text = reinterpret_cast<char*>(to + count);
  size_t used = 0;
  for (char* const* entry = environment; *entry != nullptr; ++entry) {
    const size_t bytes = strlen(*entry) + 1;
    if (changes.without_us && Preloads(*entry)) {
      if (CopyPreload(*entry, text) == 0) continue;
    } else if (changes.as_first && IsMarkedChild(*entry)) {
      memcpy(text, *entry, bytes);
      memcpy(text, kChildrenName, sizeof(kChildrenName) - 1);
    } else {
      to[used++] = *entry;
      continue;
    }
    to[used++] = text;
    text += bytes;
  }
  to[used] = nullptr;
  return to;
}

}  // namespace tidemark::preload
