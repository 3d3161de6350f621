#include "analyzer/symbolize/perf_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::symbolize {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kMaxName = 4096;
constexpr int64_t kNanos = 1000000000;

// Takes "1f40 " or "0x1f40 " off the front.
bool ConsumeHex(absl::string_view* line, uint64_t* value) {
  absl::ConsumePrefix(line, "0x");
  const size_t end = line->find(' ');
  if (end == absl::string_view::npos || end == 0 || end > 16) return false;
  *value = 0;
  for (const char c : line->substr(0, end)) {
    uint64_t digit;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<uint64_t>((c | 0x20) - 'a') + 10;
    } else {
      return false;
    }
    *value = *value << 4 | digit;
  }
  line->remove_prefix(end + 1);
  return true;
}

// Why the map in /tmp cannot be the recorded process's, "" when it may be.
std::string Objection(int fd, const PerfMapQuery& query) {
  struct statx st;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) != 0) {
    return "its times are not known";
  }
  if (geteuid() != 0 && st.stx_uid != geteuid() && st.stx_uid != 0) {
    return "it is neither yours nor root's";
  }
  const auto time_ns = [](const statx_timestamp& t) { return t.tv_sec * kNanos + t.tv_nsec; };
  if (query.begin_ns > 0 && time_ns(st.stx_mtime) < query.begin_ns) {
    return "it was last written before the recording: another process's";
  }
  if (query.end_ns > 0 && (st.stx_mask & STATX_BTIME) != 0 &&
      time_ns(st.stx_btime) > query.end_ns) {
    return "it was made after the recording: another process's";
  }
  return "";
}

// Of a regular file; what is beyond the limit is left. nullopt when it is something else.
std::optional<std::string> ReadText(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  std::string text;
  while (text.size() < kMaxFileBytes) {
    const size_t before = text.size();
    text.resize(std::min(before + std::max<size_t>(before, 1 << 16), kMaxFileBytes));
    const ssize_t n = read(fd, &text[before], text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
  }
  return text;
}

}  // namespace

std::vector<std::string> NamesInPerfMap(absl::string_view text,
                                        absl::Span<const uint64_t> addresses) {
  std::vector<absl::string_view> names(addresses.size());
  // From the last line up: the first that has an address is right. skip[i] is where to look
  // for the next address at or after i that has no name yet, so that each is named once,
  // however the lines overlap.
  std::vector<size_t> skip(addresses.size() + 1);
  std::iota(skip.begin(), skip.end(), size_t{0});
  const auto next_unnamed = [&skip](size_t i) {
    while (skip[i] != i) i = skip[i] = skip[skip[i]];
    return i;
  };
  for (size_t unnamed = addresses.size(); unnamed > 0 && !text.empty();) {
    const size_t newline = text.rfind('\n');
    absl::string_view line = newline == absl::string_view::npos ? text : text.substr(newline + 1);
    text = text.substr(0, newline == absl::string_view::npos ? 0 : newline);
    uint64_t start = 0;
    uint64_t size = 0;
    if (!ConsumeHex(&line, &start) || !ConsumeHex(&line, &size)) continue;
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty()) continue;
    const auto first = std::lower_bound(addresses.begin(), addresses.end(), start);
    for (size_t i = next_unnamed(static_cast<size_t>(first - addresses.begin()));
         i < addresses.size() && addresses[i] - start < size; i = next_unnamed(i)) {
      names[i] = line.substr(0, kMaxName);
      skip[i] = i + 1;
      --unnamed;
    }
  }
  return {names.begin(), names.end()};
}

PerfMap ReadPerfMap(const PerfMapQuery& query, absl::Span<const uint64_t> addresses) {
  PerfMap map;
  if (query.pid <= 0) return map;
  const std::string name = absl::StrCat("perf-", query.pid, ".map");
  // Read only what is there now: a FIFO must not block us, nor a link lead elsewhere.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
  for (const std::string& directory : query.search_path) {
    const int fd = open(absl::StrCat(directory, "/", name).c_str(), kFlags);
    if (fd < 0) continue;
    const absl::Cleanup close_fd = [fd] { close(fd); };
    if (const auto text = ReadText(fd)) {
      map.names = NamesInPerfMap(*text, addresses);
      return map;
    }
  }
  for (const std::string& path :
       {absl::StrCat("/tmp/", name), absl::StrCat("/proc/", query.pid, "/root/tmp/", name)}) {
    const int fd = open(path.c_str(), kFlags);
    if (fd < 0) continue;
    const absl::Cleanup close_fd = [fd] { close(fd); };
    std::string objection = Objection(fd, query);
    if (!objection.empty()) {
      if (map.problem.empty()) map.problem = absl::StrCat(path, ": ", objection);
      continue;
    }
    if (const auto text = ReadText(fd)) {
      map.names = NamesInPerfMap(*text, addresses);
      map.problem.clear();
      return map;
    }
  }
  return map;
}

}  // namespace tidemark::symbolize
