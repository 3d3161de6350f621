#include "analyzer/symbolize/unpacked_elf.h"

#include <elf.h>
#include <libdeflate.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "analyzer/symbolize/parallel.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

namespace tidemark::symbolize {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{8} << 30;
// What zlib can make of a byte at most; of zstd's more, but no compiler writes that.
constexpr uint64_t kMaxRatio = 1040;

// Where functions, lines and inlined calls are; not where variables live.
bool IsWanted(absl::string_view name) {
  for (const absl::string_view wanted :
       {".debug_info", ".debug_abbrev", ".debug_line", ".debug_line_str", ".debug_str",
        ".debug_str_offsets", ".debug_addr", ".debug_ranges", ".debug_rnglists", ".debug_types"}) {
    if (name == wanted) return true;
  }
  return name == ".gnu_debugaltlink" || name == ".note.gnu.build-id";
}

struct Section {
  Elf64_Shdr header = {};       // as it will be
  const char* bytes = nullptr;  // as they are now; null: none are kept
  uint64_t size = 0;
  uint32_t method = 0;  // ELFCOMPRESS_…; 0: not compressed
};

bool Unpack(const Section& section, char* out) {
  const uint64_t size = section.header.sh_size;
  if (section.method == 0) {
    std::memcpy(out, section.bytes, size);
    return true;
  }
  if (section.method == ELFCOMPRESS_ZSTD) {
    return ZSTD_decompress(out, size, section.bytes, section.size) == size;
  }
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflate(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  return inflate != nullptr &&
         libdeflate_zlib_decompress(inflate.get(), section.bytes, section.size, out, size,
                                    nullptr) == LIBDEFLATE_SUCCESS;
}

// The sections to keep, with their places behind the headers. False when there is no gain or
// something does not fit.
class Plan {
 public:
  bool Make(Elf* elf) {
    const Elf64_Ehdr* const ehdr = elf64_getehdr(elf);  // null: of another class
    size_t count = 0, names = 0, file_size = 0;
    const char* const file = elf_rawfile(elf, &file_size);
    if (ehdr == nullptr || file == nullptr || ehdr->e_ident[EI_DATA] != ELFDATA2LSB ||
        elf_getshdrnum(elf, &count) != 0 || elf_getshdrstrndx(elf, &names) != 0) {
      return false;
    }
    header_ = *ehdr;
    sections_.resize(count);
    end_ = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Shdr);
    bool compressed = false;
    for (size_t i = 0; i < count; ++i) {
      Elf_Scn* const scn = elf_getscn(elf, i);
      const Elf64_Shdr* const shdr = scn == nullptr ? nullptr : elf64_getshdr(scn);
      if (shdr == nullptr) return false;
      const char* const name = elf_strptr(elf, names, shdr->sh_name);
      if (i != names && (name == nullptr || !IsWanted(name))) continue;
      if (!Add(*shdr, file, file_size, &sections_[i])) return false;
      compressed = compressed || sections_[i].method != 0;
    }
    return compressed;
  }

  uint64_t size() const { return end_; }

  // Into size() bytes.
  bool Write(char* out) {
    Elf64_Ehdr header = header_;
    header.e_phoff = header.e_phnum = 0;
    header.e_shoff = sizeof(header);
    std::memcpy(out, &header, sizeof(header));
    for (size_t i = 0; i < sections_.size(); ++i) {
      std::memcpy(out + sizeof(header) + i * sizeof(Elf64_Shdr), &sections_[i].header,
                  sizeof(Elf64_Shdr));
    }
    std::atomic<bool> good{true};
    ForEachParallel(sections_.size(), [&](size_t i) {
      const Section& section = sections_[i];
      if (section.bytes != nullptr && !Unpack(section, out + section.header.sh_offset)) {
        good = false;
      }
    });
    return good;
  }

 private:
  bool Add(const Elf64_Shdr& shdr, const char* file, size_t file_size, Section* section) {
    section->header = shdr;
    if (shdr.sh_type == SHT_NOBITS || shdr.sh_size == 0) return true;
    if (shdr.sh_offset > file_size || shdr.sh_size > file_size - shdr.sh_offset) return false;
    section->bytes = file + shdr.sh_offset;
    section->size = shdr.sh_size;
    if ((shdr.sh_flags & SHF_COMPRESSED) != 0) {
      Elf64_Chdr chdr;
      if (section->size < sizeof(chdr)) return false;
      std::memcpy(&chdr, section->bytes, sizeof(chdr));
      if (chdr.ch_type != ELFCOMPRESS_ZLIB && chdr.ch_type != ELFCOMPRESS_ZSTD) return false;
      section->method = chdr.ch_type;
      section->bytes += sizeof(chdr);
      section->size -= sizeof(chdr);
      if (chdr.ch_size / kMaxRatio > section->size) return false;
      section->header.sh_size = chdr.ch_size;
      section->header.sh_addralign = chdr.ch_addralign;
      section->header.sh_flags &= ~static_cast<uint64_t>(SHF_COMPRESSED);
    }
    end_ = (end_ + 15) & ~uint64_t{15};
    section->header.sh_offset = end_;
    if (section->header.sh_size > kMaxBytes - end_) return false;
    end_ += section->header.sh_size;
    return true;
  }

  Elf64_Ehdr header_ = {};
  std::vector<Section> sections_;  // those that are not kept are SHT_NULL
  uint64_t end_ = 0;
};

}  // namespace

int UnpackDebugSections(Elf* elf) {
  Plan plan;
  if (!plan.Make(elf)) return -1;
  const int fd = memfd_create("tidemark debug sections", MFD_CLOEXEC);
  if (fd < 0) return -1;
  if (ftruncate(fd, static_cast<off_t>(plan.size())) == 0) {
    void* const out = mmap(nullptr, plan.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (out != MAP_FAILED) {
      const bool written = plan.Write(static_cast<char*>(out));
      munmap(out, plan.size());
      if (written) return fd;
    }
  }
  close(fd);
  return -1;
}

}  // namespace tidemark::symbolize
