#include "profiler/collect/cgroup.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "profiler/collect/process.h"

namespace tidemark::collect {
namespace {

// Version 1 says "no limit" with the largest number of pages.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

// 0: none.
uint64_t LimitIn(const std::string& file) {
  const auto text = ReadSmallFile(file);
  uint64_t limit = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &limit)) return 0;
  return limit < kNoLimit ? limit : 0;
}

// Of the group `path` below `mount` and those around it.
uint64_t LeastLimit(const std::string& mount, std::string path, const char* file) {
  uint64_t least = 0;
  while (true) {
    const uint64_t limit = LimitIn(absl::StrCat(mount, path, "/", file));
    if (limit != 0) least = least == 0 ? limit : std::min(least, limit);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || path.empty()) return least;
    path.resize(slash);
  }
}

uint64_t Least(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

uint64_t MemoryLimitOf(const std::string& cgroup_text, const std::string& root) {
  uint64_t least = 0;
  for (absl::string_view line : absl::StrSplit(cgroup_text, '\n')) {
    // "4:memory:/path", in version 2 "0::/path".
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || fields[2].find("..") != absl::string_view::npos) continue;
    std::string path(fields[2]);
    if (path == "/") path.clear();
    if (fields[0] == "0" && fields[1].empty()) {
      least = Least(least, LeastLimit(root, path, "memory.max"));
      least = Least(least, LeastLimit(absl::StrCat(root, "/unified"), path, "memory.max"));
      continue;
    }
    for (absl::string_view controller : absl::StrSplit(fields[1], ',')) {
      if (controller != "memory") continue;
      const std::string mount = absl::StrCat(root, "/memory");
      least = Least(least, LeastLimit(mount, path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

uint64_t ReadMemoryLimit(pid_t pid) {
  const auto text = ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup"));
  return text.ok() ? MemoryLimitOf(*text, "/sys/fs/cgroup") : 0;
}

}  // namespace tidemark::collect
