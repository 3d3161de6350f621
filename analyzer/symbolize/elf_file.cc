#include "analyzer/symbolize/elf_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/unpacked_elf.h"

namespace tidemark::symbolize {
namespace {

absl::Status OpenError(const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::InvalidArgumentError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ElfFile>> ElfFile::Open(const std::string& path) {
  elf_version(EV_CURRENT);
  // The path may come from a stranger's profile: a FIFO must not block us.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return OpenError(path, errno);
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF) {
    if (elf != nullptr) elf_end(elf);
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat(path, ": not an ELF file"));
  }
  std::unique_ptr<ElfFile> file(new ElfFile(path, fd, {}, elf));
  file->identity_ = absl::StrCat(path, " ", st.st_dev, ":", st.st_ino, " ", st.st_size, " ",
                                 st.st_ctim.tv_sec, ".", st.st_ctim.tv_nsec);
  file->ReadHeaders();
  return file;
}

int ElfFile::Duplicate() const { return fd_ < 0 ? -1 : fcntl(fd_, F_DUPFD_CLOEXEC, 0); }

std::unique_ptr<ElfFile> ElfFile::OpenAgain() const { return OpenDescriptor(Duplicate()); }

std::unique_ptr<ElfFile> ElfFile::OpenUnpacked() const {
  const int fd = UnpackDebugSections(elf_);
  return fd < 0 ? OpenAgain() : OpenDescriptor(fd);
}

std::unique_ptr<ElfFile> ElfFile::OpenDescriptor(int fd) const {
  if (fd < 0) return nullptr;
  Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr) {
    close(fd);
    return nullptr;
  }
  std::unique_ptr<ElfFile> file(new ElfFile(path_, fd, {}, elf));
  file->identity_ = identity_;
  file->ReadHeaders();
  return file;
}

absl::StatusOr<std::unique_ptr<ElfFile>> ElfFile::OpenOwnVdso() {
  elf_version(EV_CURRENT);
  const auto* base = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  if (base == nullptr) return absl::NotFoundError("[vdso]: this process has none");
  Elf64_Ehdr header;
  std::memcpy(&header, base, sizeof(header));
  const size_t size = header.e_shoff + size_t{header.e_shentsize} * header.e_shnum;
  std::vector<char> image(base, base + size);
  Elf* elf = elf_memory(image.data(), image.size());
  if (elf == nullptr) return absl::NotFoundError("[vdso]: not an ELF image");
  std::unique_ptr<ElfFile> file(new ElfFile("[vdso]", -1, std::move(image), elf));
  file->ReadHeaders();
  return file;
}

ElfFile::ElfFile(std::string path, int fd, std::vector<char> image, Elf* elf)
    : path_(std::move(path)), fd_(fd), image_(std::move(image)), elf_(elf) {}

ElfFile::~ElfFile() {
  elf_end(elf_);
  if (fd_ >= 0) close(fd_);
}

void ElfFile::ReadHeaders() {
  const void* id = nullptr;
  const ssize_t id_size = dwelf_elf_gnu_build_id(elf_, &id);
  if (id_size > 0) {
    build_id_ = absl::BytesToHexString(
        absl::string_view(static_cast<const char*>(id), static_cast<size_t>(id_size)));
  }
  size_t count = 0;
  if (elf_getphdrnum(elf_, &count) == 0) {
    for (size_t i = 0; i < count; ++i) {
      GElf_Phdr p;
      if (gelf_getphdr(elf_, static_cast<int>(i), &p) == nullptr || p.p_type != PT_LOAD) continue;
      segments_.push_back({p.p_offset, p.p_vaddr, p.p_filesz, p.p_memsz, (p.p_flags & PF_X) != 0});
    }
  }
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr s;
    if (gelf_getshdr(section, &s) == nullptr) continue;
    const char* name = elf_strptr(elf_, names, s.sh_name);
    if (name == nullptr) continue;
    if (s.sh_type == SHT_PROGBITS &&
        (!std::strcmp(name, ".debug_info") || !std::strcmp(name, ".zdebug_info"))) {
      has_debug_info_ = true;
    }
    if (!std::strcmp(name, ".gnu_debugdata")) has_mini_debug_info_ = s.sh_type == SHT_PROGBITS;
    if (!std::strcmp(name, ".gnu_debugaltlink")) ReadAltLink(section);
  }
  GElf_Word crc = 0;
  if (const char* link = dwelf_elf_gnu_debuglink(elf_, &crc); link != nullptr) {
    debug_link_ = DebugLink{link, crc};
  }
}

// A file name, a NUL, and the build id's bytes.
void ElfFile::ReadAltLink(Elf_Scn* section) {
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return;
  const absl::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
  const size_t end = bytes.find('\0');
  if (end == absl::string_view::npos || end == 0 || bytes.size() - end > 65) return;
  alt_link_ =
      AltLink{std::string(bytes.substr(0, end)), absl::BytesToHexString(bytes.substr(end + 1))};
}

bool ElfFile::has_code() const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const Segment& s) { return s.executable && s.file_size != 0; });
}

std::optional<uint64_t> ElfFile::LinkAddress(const MappedRange& mapping, uint64_t address) const {
  if (address < mapping.start || address >= mapping.limit) return std::nullopt;
  const uint64_t in_mapping = address - mapping.start;
  const uint64_t in_file = in_mapping + mapping.offset;
  for (const Segment& s : segments_) {
    if (in_file >= s.offset && in_file - s.offset < s.file_size) {
      return in_file - s.offset + s.address;
    }
  }
  // A debug file's segments keep their addresses and sizes, but not where the bytes were:
  // the only executable segment that fills the mapping must be the one.
  constexpr uint64_t kPageMask = 4095;
  std::optional<uint64_t> found;
  for (const Segment& s : segments_) {
    if (!s.executable || s.file_size != 0) continue;
    const uint64_t first = s.address & ~kPageMask;
    const uint64_t size = ((s.address + s.memory_size + kPageMask) & ~kPageMask) - first;
    if (size != mapping.limit - mapping.start) continue;
    if (found) return std::nullopt;
    found = first + in_mapping;
  }
  return found;
}

std::optional<uint32_t> DebugLinkCrc(const std::string& path) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < t.size(); ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? 0xedb88320u : 0);
      t[i] = c;
    }
    return t;
  }();
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  const absl::Cleanup close_fd = [fd] { close(fd); };
  std::vector<unsigned char> buffer(1 << 16);
  uint32_t crc = 0xffffffff;
  for (;;) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return ~crc;
    for (ssize_t i = 0; i < n; ++i) crc = (crc >> 8) ^ table[(crc ^ buffer[i]) & 0xff];
  }
}

}  // namespace tidemark::symbolize
