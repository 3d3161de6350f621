#include "analyzer/golang/elf_image.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace tidemark::golang {
namespace {

static_assert(std::endian::native == std::endian::little);

// More than any linker writes; what is beyond is not looked at.
constexpr uint64_t kMostSegments = 1024;
constexpr uint64_t kMostSections = 65536;
constexpr uint64_t kMostBuildIdBytes = 64;

template <class T>
T Load(absl::Span<const uint8_t> bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

uint64_t Align4(uint64_t n) { return (n + 3) & ~uint64_t{3}; }

// The relocation that stores base + addend.
uint32_t RelativeType(uint16_t machine) {
  return machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
}

absl::Status Errno(const std::string& path, int error) {
  const std::string message =
      absl::StrCat("opening: ", std::strerror(error), " (where: ", path, ")");
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::InvalidArgumentError(message);
}

}  // namespace

uint16_t Load16(absl::Span<const uint8_t> bytes, uint64_t offset) {
  return Load<uint16_t>(bytes, offset);
}
uint32_t Load32(absl::Span<const uint8_t> bytes, uint64_t offset) {
  return Load<uint32_t>(bytes, offset);
}
uint64_t Load64(absl::Span<const uint8_t> bytes, uint64_t offset) {
  return Load<uint64_t>(bytes, offset);
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::Open(const std::string& path) {
  // A pipe must not be waited for.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Errno(path, errno);
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat("opening: no regular file with anything in it (where: ", path, ")"));
  }
  const size_t size = static_cast<size_t>(info.st_size);
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (mapped == MAP_FAILED) return Errno(path, error);
  const absl::Span<const uint8_t> bytes(static_cast<const uint8_t*>(mapped), size);
  std::unique_ptr<ElfImage> image(new ElfImage(path, bytes));
  image->mapped_ = bytes;
  if (absl::Status status = image->ReadHeaders(); !status.ok()) return status;
  return image;
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::FromBytes(std::string bytes, std::string name) {
  std::unique_ptr<ElfImage> image(new ElfImage(std::move(name), {}));
  image->storage_ = std::move(bytes);
  image->file_ = {reinterpret_cast<const uint8_t*>(image->storage_.data()), image->storage_.size()};
  if (absl::Status status = image->ReadHeaders(); !status.ok()) return status;
  return image;
}

ElfImage::~ElfImage() {
  if (!mapped_.empty()) munmap(const_cast<uint8_t*>(mapped_.data()), mapped_.size());
}

absl::Span<const uint8_t> ElfImage::FileBytes(uint64_t offset, uint64_t size) const {
  if (offset > file_.size() || size > file_.size() - offset) return {};
  return file_.subspan(offset, size);
}

absl::Status ElfImage::ReadHeaders() {
  const absl::Span<const uint8_t> bytes = FileBytes(0, sizeof(Elf64_Ehdr));
  if (bytes.empty() || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0 ||
      bytes[EI_CLASS] != ELFCLASS64 || bytes[EI_DATA] != ELFDATA2LSB) {
    return absl::InvalidArgumentError(
        absl::StrCat("reading ELF: no 64-bit little-endian ELF file (where: ", path_, ")"));
  }
  const Elf64_Ehdr header = Load<Elf64_Ehdr>(bytes, 0);
  machine_ = header.e_machine;
  is_position_independent_ = header.e_type == ET_DYN;
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
      FileBytes(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)).empty()) {
    return absl::DataLossError(
        absl::StrCat("reading ELF: its program headers are not there (where: ", path_, ", byte ",
                     header.e_phoff, ")"));
  }
  ReadSegments(header.e_phoff, header.e_phnum);
  // sections may be stripped too; then what needs them is looked for in the segments.
  if (header.e_shentsize == sizeof(Elf64_Shdr)) {
    ReadSections(header.e_shoff, header.e_shnum, header.e_shstrndx);
  }
  std::sort(relocations_.begin(), relocations_.end(),
            [](const Relocation& a, const Relocation& b) { return a.address < b.address; });
  return absl::OkStatus();
}

void ElfImage::ReadSegments(uint64_t table, uint64_t count) {
  count = std::min(count, kMostSegments);
  const absl::Span<const uint8_t> headers = FileBytes(table, count * sizeof(Elf64_Phdr));
  for (uint64_t i = 0; i < headers.size() / sizeof(Elf64_Phdr); ++i) {
    const Elf64_Phdr header = Load<Elf64_Phdr>(headers, i * sizeof(Elf64_Phdr));
    const absl::Span<const uint8_t> bytes = FileBytes(header.p_offset, header.p_filesz);
    if (header.p_type == PT_NOTE) ReadBuildId(bytes);
    if (header.p_type != PT_LOAD || header.p_vaddr + header.p_memsz < header.p_vaddr) continue;
    segments_.push_back({header.p_vaddr, header.p_offset, header.p_memsz,
                         (header.p_flags & PF_X) != 0,
                         bytes.first(std::min<uint64_t>(bytes.size(), header.p_memsz))});
  }
}

void ElfImage::ReadSections(uint64_t table, uint64_t count, uint64_t names_index) {
  count = std::min(count, kMostSections);
  const absl::Span<const uint8_t> headers = FileBytes(table, count * sizeof(Elf64_Shdr));
  if (headers.empty() || names_index >= count) return;
  const Elf64_Shdr names_header = Load<Elf64_Shdr>(headers, names_index * sizeof(Elf64_Shdr));
  const absl::Span<const uint8_t> names = FileBytes(names_header.sh_offset, names_header.sh_size);
  for (uint64_t i = 0; i < count; ++i) {
    const Elf64_Shdr header = Load<Elf64_Shdr>(headers, i * sizeof(Elf64_Shdr));
    if (header.sh_type == SHT_NULL || header.sh_type == SHT_NOBITS) continue;
    Section section;
    section.address = (header.sh_flags & SHF_ALLOC) != 0 ? header.sh_addr : 0;
    section.bytes = FileBytes(header.sh_offset, header.sh_size);
    if (header.sh_name < names.size()) {
      const char* const name = reinterpret_cast<const char*>(names.data()) + header.sh_name;
      section.name = {name, strnlen(name, names.size() - header.sh_name)};
    }
    sections_.push_back(section);
    if (header.sh_type == SHT_RELA) ReadRelocations(section.bytes);
  }
}

void ElfImage::ReadRelocations(absl::Span<const uint8_t> table) {
  // Headers may name one table many times.
  const uint64_t most = file_.size() / sizeof(Elf64_Rela);
  for (uint64_t i = 0; i < table.size() / sizeof(Elf64_Rela) && relocations_.size() < most; ++i) {
    const Elf64_Rela entry = Load<Elf64_Rela>(table, i * sizeof(Elf64_Rela));
    if (ELF64_R_TYPE(entry.r_info) != RelativeType(machine_)) continue;
    relocations_.push_back({entry.r_offset, static_cast<uint64_t>(entry.r_addend)});
  }
}

void ElfImage::ReadBuildId(absl::Span<const uint8_t> notes) {
  while (notes.size() >= sizeof(Elf64_Nhdr) && build_id_.empty()) {
    const Elf64_Nhdr header = Load<Elf64_Nhdr>(notes, 0);
    notes.remove_prefix(sizeof(Elf64_Nhdr));
    const uint64_t name_size = Align4(header.n_namesz);
    const uint64_t size = Align4(header.n_descsz);
    if (name_size > notes.size() || size > notes.size() - name_size) return;
    const absl::Span<const uint8_t> id = notes.subspan(name_size, header.n_descsz);
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
        std::memcmp(notes.data(), ELF_NOTE_GNU, 4) == 0 && id.size() <= kMostBuildIdBytes) {
      build_id_ = absl::BytesToHexString(
          absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
    }
    notes.remove_prefix(name_size + size);
  }
}

const ElfImage::Section* ElfImage::FindSection(absl::string_view name) const {
  for (const Section& section : sections_) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

absl::Span<const uint8_t> ElfImage::BytesFrom(uint64_t address) const {
  for (const Segment& segment : segments_) {
    if (address < segment.address) continue;
    const uint64_t skipped = address - segment.address;
    if (skipped < segment.bytes.size()) return segment.bytes.subspan(skipped);
  }
  return {};
}

absl::Span<const uint8_t> ElfImage::BytesAt(uint64_t address, uint64_t size) const {
  const absl::Span<const uint8_t> bytes = BytesFrom(address);
  return size <= bytes.size() ? bytes.first(size) : absl::Span<const uint8_t>();
}

std::optional<uint8_t> ElfImage::Byte(uint64_t address) const {
  const absl::Span<const uint8_t> bytes = BytesAt(address, 1);
  if (bytes.empty()) return std::nullopt;
  return bytes[0];
}

std::optional<uint32_t> ElfImage::Word32(uint64_t address) const {
  const absl::Span<const uint8_t> bytes = BytesAt(address, 4);
  if (bytes.empty()) return std::nullopt;
  return Load32(bytes, 0);
}

std::optional<uint64_t> ElfImage::Pointer(uint64_t address) const {
  const auto it = std::lower_bound(
      relocations_.begin(), relocations_.end(), address,
      [](const Relocation& relocation, uint64_t a) { return relocation.address < a; });
  if (it != relocations_.end() && it->address == address) return it->target;
  const absl::Span<const uint8_t> bytes = BytesAt(address, 8);
  if (bytes.empty()) return std::nullopt;
  return Load64(bytes, 0);
}

std::optional<uint64_t> ElfImage::LinkAddress(uint64_t start, uint64_t offset,
                                              uint64_t address) const {
  if (address < start) return std::nullopt;
  const uint64_t in_file = offset + (address - start);
  for (const Segment& segment : segments_) {
    if (!segment.executable || in_file < segment.offset) continue;
    const uint64_t skipped = in_file - segment.offset;
    if (skipped < segment.bytes.size()) return segment.address + skipped;
  }
  return std::nullopt;
}

}  // namespace tidemark::golang
