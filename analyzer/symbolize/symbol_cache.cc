#include "analyzer/symbolize/symbol_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::symbolize {
namespace {

// The last byte is the layout's version.
constexpr absl::string_view kMagic("TMSYMBL\1", 8);
constexpr absl::string_view kSuffix = ".symbols";
constexpr absl::string_view kTemporary = ".new";

// Each step maps different states to different states, so no single changed word goes
// unnoticed, and others do so once in 2^64.
uint64_t Checksum(absl::string_view bytes) {
  uint64_t sum = bytes.size();
  const auto mix = [&sum](uint64_t word) {
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    sum ^= sum >> 32;
  };
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    mix(word);
    bytes.remove_prefix(sizeof(word));
  }
  for (const char c : bytes) mix(static_cast<unsigned char>(c));
  return sum;
}

class Writer {
 public:
  template <class T>
  void Number(T value) {
    static_assert(std::is_integral_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Text(absl::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    out_.append(text.data(), text.size());
  }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

// After the end everything reads as 0 and failed() is true.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : rest_(bytes) {}

  template <class T>
  T Number() {
    T value = 0;
    if (rest_.size() < sizeof(value)) {
      failed_ = true;
      rest_ = {};
      return 0;
    }
    std::memcpy(&value, rest_.data(), sizeof(value));
    rest_.remove_prefix(sizeof(value));
    return value;
  }
  absl::string_view Text() {
    const uint32_t size = Number<uint32_t>();
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return "";
    }
    const absl::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  // Of things that take at least `least` bytes each.
  uint32_t Count(size_t least) {
    const uint32_t count = Number<uint32_t>();
    if (count <= rest_.size() / least) return count;
    failed_ = true;
    return 0;
  }
  bool failed() const { return failed_; }
  bool done() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
  bool failed_ = false;
};

std::string FileName(const std::string& build_id) { return absl::StrCat(build_id, kSuffix); }

bool IsBuildId(absl::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         id.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

// A directory of this user that no other can write to, made if it is not there; -1.
int OpenPrivate(int parent, const char* name) {
  if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST) return -1;
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  struct stat st;
  if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0) return fd;
  close(fd);
  return -1;
}

// $XDG_CACHE_HOME or $HOME/.cache, with its parents where it is not there yet; -1.
int OpenBase(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    struct stat st;
    if (stat(directory.c_str(), &st) != 0) {
      if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return -1;
    } else if (slash == std::string::npos || path.find_first_not_of('/', slash) == path.npos) {
      // Root, in the home of someone else (sudo keeps HOME at places): what root makes there
      // that user could not change.
      if (geteuid() == 0 && st.st_uid != 0) return -1;
    }
    if (slash == std::string::npos) break;
  }
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// The deepest part of a path that exists is root's, or we are not root.
bool MayMake(const std::string& path) {
  if (geteuid() != 0) return true;
  for (std::string at = path; !at.empty(); at.resize(at.rfind('/'))) {
    struct stat st;
    if (stat(at.c_str(), &st) == 0) return st.st_uid == 0;
  }
  return true;
}

std::optional<std::string> ReadAll(int fd, uint64_t limit) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
      static_cast<uint64_t>(st.st_size) > limit) {
    return std::nullopt;
  }
  std::string bytes(static_cast<size_t>(st.st_size), '\0');
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = read(fd, &bytes[at], bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    at += static_cast<size_t>(n);
  }
  return bytes;
}

bool WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

std::unique_ptr<SymbolCache> SymbolCache::Open() {
  if (const char* wish = std::getenv("TIDEMARK_CACHE"); wish && !std::strcmp(wish, "0")) {
    return nullptr;
  }
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return OpenIn(cache, kMaxBytes);
  const char* const home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return nullptr;
  return OpenIn(absl::StrCat(home, "/.cache"), kMaxBytes);
}

std::unique_ptr<SymbolCache> SymbolCache::OpenIn(const std::string& base, uint64_t max_bytes) {
  if (!MayMake(base)) return nullptr;
  const int base_fd = OpenBase(base);
  if (base_fd < 0) return nullptr;
  const int product = OpenPrivate(base_fd, "tidemark");
  close(base_fd);
  if (product < 0) return nullptr;
  const int directory = OpenPrivate(product, "symbols");
  close(product);
  if (directory < 0) return nullptr;
  return std::unique_ptr<SymbolCache>(new SymbolCache(directory, max_bytes));
}

SymbolCache::~SymbolCache() { close(directory_); }

std::optional<Answers> SymbolCache::Load(const Key& key) const {
  if (!IsBuildId(key.build_id)) return std::nullopt;
  const std::string name = FileName(key.build_id);
  const int fd = openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const absl::Cleanup close_fd = [fd] { close(fd); };
  const std::optional<std::string> bytes = ReadAll(fd, kMaxFileBytes);
  if (!bytes) return std::nullopt;
  std::optional<Answers> answers = Decode(*bytes, key.identity);
  if (answers) futimens(fd, nullptr);  // used just now
  return answers;
}

void SymbolCache::Store(const Key& key, const Answers& answers) const {
  if (!IsBuildId(key.build_id)) return;
  const std::string bytes = Encode(key.identity, answers);
  struct rlimit file_size;
  if (bytes.size() > std::min(kMaxFileBytes, max_bytes_) ||
      getrlimit(RLIMIT_FSIZE, &file_size) != 0 || bytes.size() > file_size.rlim_cur) {
    return;  // a write beyond the limit would kill us
  }
  static std::atomic<uint32_t> serial{0};
  const std::string name = FileName(key.build_id);
  const std::string temporary =
      absl::StrCat(key.build_id, ".", getpid(), ".", serial.fetch_add(1), kTemporary);
  const int fd = openat(directory_, temporary.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool written = WriteAll(fd, bytes);
  const bool closed = close(fd) == 0;
  if (!written || !closed ||
      renameat(directory_, temporary.c_str(), directory_, name.c_str()) != 0) {
    unlinkat(directory_, temporary.c_str(), 0);
    return;
  }
  Evict();
}

void SymbolCache::Evict() const {
  const int fd = openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const list = fd < 0 ? nullptr : fdopendir(fd);
  if (list == nullptr) {
    if (fd >= 0) close(fd);
    return;
  }
  const absl::Cleanup close_list = [list] { closedir(list); };
  struct File {
    int64_t used_s = 0;
    int64_t used_ns = 0;
    std::string name;
    uint64_t size = 0;
  };
  std::vector<File> files;
  uint64_t total = 0;
  while (const dirent* entry = readdir(list)) {
    const absl::string_view name = entry->d_name;
    // What a killed process left of a new file ages like the others.
    if (!absl::EndsWith(name, kSuffix) && !absl::EndsWith(name, kTemporary)) continue;
    struct stat st;
    if (fstatat(directory_, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.push_back(
        {st.st_mtim.tv_sec, st.st_mtim.tv_nsec, entry->d_name, static_cast<uint64_t>(st.st_size)});
    total += static_cast<uint64_t>(st.st_size);
  }
  if (total <= max_bytes_) return;
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::tie(a.used_s, a.used_ns, a.name) < std::tie(b.used_s, b.used_ns, b.name);
  });
  for (const File& file : files) {
    if (total <= max_bytes_) break;
    if (unlinkat(directory_, file.name.c_str(), 0) == 0) total -= file.size;
  }
}

std::string SymbolCache::Encode(absl::string_view identity, const Answers& answers) {
  Writer body;
  body.Text(identity);
  absl::flat_hash_map<absl::string_view, uint32_t> ids;
  std::vector<absl::string_view> texts;
  const auto intern = [&](absl::string_view text) {
    const auto [it, first] = ids.try_emplace(text, static_cast<uint32_t>(texts.size()));
    if (first) texts.push_back(text);
    return it->second;
  };
  Writer functions;
  for (const NamedFunction& f : answers.functions()) {
    functions.Number(intern(f.name));
    functions.Number(intern(f.system_name));
    functions.Number(intern(f.file));
    functions.Number(f.start_line);
  }
  body.Number(static_cast<uint32_t>(texts.size()));
  for (const absl::string_view text : texts) body.Text(text);
  body.Number(static_cast<uint32_t>(answers.functions().size()));
  std::string bytes = body.bytes() + functions.bytes();
  Writer addresses;
  addresses.Number(static_cast<uint32_t>(answers.entries().size()));
  for (const Answers::Entry& entry : answers.entries()) {
    addresses.Number(entry.address);
    addresses.Number(entry.lines_end - entry.lines_begin);
    for (const NamedLine& line : answers.lines(entry)) {
      addresses.Number(line.function);
      addresses.Number(line.line);
    }
  }
  bytes += addresses.bytes();
  return Seal(bytes);
}

std::string SymbolCache::Seal(absl::string_view body) {
  Writer header;
  header.Number(Checksum(body));
  return absl::StrCat(kMagic, header.bytes(), body);
}

std::optional<Answers> SymbolCache::Decode(absl::string_view bytes, absl::string_view identity) {
  constexpr size_t kHeader = kMagic.size() + sizeof(uint64_t);
  if (bytes.size() < kHeader || !absl::StartsWith(bytes, kMagic)) return std::nullopt;
  uint64_t sum = 0;
  std::memcpy(&sum, bytes.data() + kMagic.size(), sizeof(sum));
  bytes.remove_prefix(kHeader);
  if (sum != Checksum(bytes)) return std::nullopt;

  Reader reader(bytes);
  if (reader.Text() != identity) return std::nullopt;
  std::vector<absl::string_view> texts(reader.Count(sizeof(uint32_t)));
  for (absl::string_view& text : texts) text = reader.Text();
  const auto text_at = [&texts](uint32_t id) {
    return id < texts.size() ? std::optional(std::string(texts[id])) : std::nullopt;
  };
  Answers answers;
  const uint32_t function_count = reader.Count(3 * sizeof(uint32_t) + sizeof(int64_t));
  for (uint32_t i = 0; i < function_count; ++i) {
    auto name = text_at(reader.Number<uint32_t>());
    auto system_name = text_at(reader.Number<uint32_t>());
    auto file = text_at(reader.Number<uint32_t>());
    const int64_t start_line = reader.Number<int64_t>();
    if (!name || !system_name || !file) return std::nullopt;
    // Equal ones would shift the numbers of those after them.
    if (answers.AddFunction(
            {*std::move(name), *std::move(system_name), *std::move(file), start_line}) != i) {
      return std::nullopt;
    }
  }
  const uint32_t address_count = reader.Count(sizeof(uint64_t) + sizeof(uint32_t));
  std::vector<NamedLine> lines;
  for (uint32_t i = 0; i < address_count; ++i) {
    const uint64_t address = reader.Number<uint64_t>();
    lines.resize(reader.Count(sizeof(uint32_t) + sizeof(int64_t)));
    for (NamedLine& line : lines) {
      line.function = reader.Number<uint32_t>();
      line.line = reader.Number<int64_t>();
      if (line.function >= function_count) return std::nullopt;
    }
    answers.Add(address, lines);
  }
  if (reader.failed() || !reader.done()) return std::nullopt;
  return answers;
}

}  // namespace tidemark::symbolize
