#include "profiler/collect/preloads.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "profiler/collect/process.h"

namespace tidemark::collect {
namespace {

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? "" : real.get();
}

absl::StatusOr<std::string> Preloadable(const std::string& path) {
  if (path.find_first_of(" :") == std::string::npos) return path;
  return absl::InvalidArgumentError(
      absl::StrCat("LD_PRELOAD cannot name a path with a space or colon (where: ", path, ")"));
}

// As the loader judges: the word size and the machine of this program.
bool IsLibraryOfOurs(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const UniqueFd self(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Elf64_Ehdr header, own;
  const auto read_header = [](const UniqueFd& from, Elf64_Ehdr* to) {
    return from.valid() && pread(from.get(), to, sizeof(*to), 0) == sizeof(*to);
  };
  return read_header(fd, &header) && read_header(self, &own) &&
         std::memcmp(header.e_ident, own.e_ident, EI_DATA + 1) == 0 &&
         header.e_machine == own.e_machine && header.e_type == ET_DYN;
}

}  // namespace

absl::StatusOr<std::string> FindPreloadLibrary() {
  const std::string path = RealPath("/proc/self/exe");
  if (path.empty()) return SystemError(errno, "cannot find this program", "/proc/self/exe");
  const std::string directory = path.substr(0, path.rfind('/'));
  for (const char* place : {"/../lib", "/../lib64", "/../lib/x86_64-linux-gnu", ""}) {
    const std::string found = RealPath(absl::StrCat(directory, place, "/libtidemark.so"));
    if (!found.empty()) return Preloadable(found);
  }
  return absl::NotFoundError(absl::StrCat(
      "libtidemark.so is not where this program looks (where: ", directory, "/../lib)"));
}

absl::StatusOr<std::string> FindTcmalloc() {
  for (const char* soname : {"libtcmalloc_minimal.so.4", "libtcmalloc.so.4"}) {
    const absl::StatusOr<std::string> found = FindSharedLibrary(soname);
    if (found.ok()) return Preloadable(*found);
  }
  return absl::NotFoundError(
      "--allocator tcmalloc: neither libtcmalloc_minimal.so.4 nor libtcmalloc.so.4 is installed "
      "(Debian's package is libtcmalloc-minimal4)");
}

absl::StatusOr<std::string> FindSharedLibrary(const std::string& soname) {
  std::vector<std::string> candidates;
  if (const char* directories = std::getenv("LD_LIBRARY_PATH")) {
    for (absl::string_view directory : absl::StrSplit(directories, absl::ByAnyChar(":;"))) {
      candidates.push_back(absl::StrCat(directory.empty() ? "." : directory, "/", soname));
    }
  }
  const absl::StatusOr<std::string> cache = ReadSmallFile("/etc/ld.so.cache");
  if (cache.ok()) {
    for (std::string& path : LoaderCachePaths(*cache, soname)) candidates.push_back(path);
  }
  for (const char* directory : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64",
                                "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"}) {
    candidates.push_back(absl::StrCat(directory, "/", soname));
  }
  for (const std::string& candidate : candidates) {
    const std::string path = RealPath(candidate);
    if (!path.empty() && IsLibraryOfOurs(path)) return path;
  }
  return absl::NotFoundError(absl::StrCat(soname, " is not installed"));
}

// struct cache_file_new of glibc's sysdeps/generic/dl-cache.h: the magic, the number of
// entries and 28 bytes behind it, then entries of flags, key, value (u32: offsets of
// strings from the start of this structure), OS version and hardware capabilities. An old
// file has the structure of older loaders before it.
std::vector<std::string> LoaderCachePaths(const std::string& cache, const std::string& soname) {
  constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
  constexpr size_t kHeadBytes = 48;
  struct Entry {
    int32_t flags;
    uint32_t key;
    uint32_t value;
    uint32_t os_version;
    uint64_t hardware;
  };
  static_assert(sizeof(Entry) == 24);
  std::vector<std::string> paths;
  const size_t start = cache.find(kMagic);
  if (start == std::string::npos || cache.size() - start < kHeadBytes) return paths;
  const std::string_view file = std::string_view(cache).substr(start);
  uint32_t count;
  std::memcpy(&count, file.data() + kMagic.size(), sizeof(count));
  const auto text = [&](uint32_t at) {
    const std::string_view rest = at < file.size() ? file.substr(at) : std::string_view();
    return rest.substr(0, rest.find('\0'));
  };
  for (uint64_t i = 0; i < count && kHeadBytes + (i + 1) * sizeof(Entry) <= file.size(); ++i) {
    Entry entry;
    std::memcpy(&entry, file.data() + kHeadBytes + i * sizeof(Entry), sizeof(entry));
    if (text(entry.key) == soname) paths.push_back(std::string(text(entry.value)));
  }
  return paths;
}

}  // namespace tidemark::collect
