// One ELF file, opened for symbols: its build id, its segments, its debug sections.
//
// Thread class: one thread at a time per object (libelf keeps state in the handle);
// different objects on different threads are fine. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_ELF_FILE_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_ELF_FILE_H_

#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tidemark::symbolize {

class ElfFile {
 public:
  // A regular file that is ELF, opened read only. kNotFound when it is not there;
  // kPermissionDenied; kInvalidArgument when it is something else.
  static absl::StatusOr<std::unique_ptr<ElfFile>> Open(const std::string& path);
  // The vdso of this very process; kNotFound when there is none.
  static absl::StatusOr<std::unique_ptr<ElfFile>> OpenOwnVdso();
  // A handle of its own, for another thread, on the very same file, whatever is at its path
  // by now. Null when there is none (the vdso, no file descriptors left).
  std::unique_ptr<ElfFile> OpenAgain() const;
  // The same with its debug sections unpacked (unpacked_elf.h), if they are compressed. It may
  // have nothing else.
  std::unique_ptr<ElfFile> OpenUnpacked() const;
  // A descriptor of the file, for the caller to close; -1 when there is none.
  int Duplicate() const;

  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  const std::string& path() const { return path_; }
  const std::string& build_id() const { return build_id_; }  // lower-case hex; "": none
  // Which file this is, and in which state: path, inode, size and time of change.
  const std::string& identity() const { return identity_; }
  bool has_debug_info() const { return has_debug_info_; }
  // Symbols in an xz-compressed ELF image in .gnu_debugdata ("MiniDebugInfo").
  bool has_mini_debug_info() const { return has_mini_debug_info_; }
  // Whether the code itself is in the file (a separate debug file has only its place).
  bool has_code() const;
  Elf* elf() const { return elf_; }

  // A run of a file's bytes [offset, offset + limit - start) at run-time addresses.
  struct MappedRange {
    uint64_t start = 0;
    uint64_t limit = 0;
    uint64_t offset = 0;
  };
  // The link-time address of a run-time address in a mapping of this file (or, for a
  // separate debug file, of the file it was split from); nullopt when no segment has it.
  std::optional<uint64_t> LinkAddress(const MappedRange& mapping, uint64_t address) const;
  struct DebugLink {
    std::string name;
    uint32_t crc = 0;
  };
  // .gnu_debuglink, when there is one.
  const std::optional<DebugLink>& debug_link() const { return debug_link_; }
  struct AltLink {
    std::string name;
    std::string build_id;  // lower-case hex
  };
  // .gnu_debugaltlink: the file that dwz moved what several files have in common to.
  const std::optional<AltLink>& alt_link() const { return alt_link_; }

 private:
  ElfFile(std::string path, int fd, std::vector<char> image, Elf* elf);
  std::unique_ptr<ElfFile> OpenDescriptor(int fd) const;
  void ReadHeaders();
  void ReadAltLink(Elf_Scn* section);

  struct Segment {
    uint64_t offset = 0;
    uint64_t address = 0;
    uint64_t file_size = 0;  // 0 in a debug file, which has no bytes of it
    uint64_t memory_size = 0;
    bool executable = false;
  };

  std::string path_;
  int fd_;                   // -1: from memory
  std::vector<char> image_;  // what elf_ reads when it is from memory
  Elf* elf_;
  std::string build_id_;
  std::vector<Segment> segments_;
  std::optional<DebugLink> debug_link_;
  std::optional<AltLink> alt_link_;
  std::string identity_;
  bool has_debug_info_ = false;
  bool has_mini_debug_info_ = false;
};

// Of a file's bytes, as .gnu_debuglink has it (the zip polynomial); nullopt when the file
// cannot be read.
std::optional<uint32_t> DebugLinkCrc(const std::string& path);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_ELF_FILE_H_
