// A 64-bit little-endian ELF file as what the loader makes of it: bytes and pointers at
// link-time addresses. Nothing is unpacked or copied: the file is mapped, and every access is
// checked against the file's size.
//
// Thread class: const after opening. Allocation class: may allocate. Views live as long as
// the image. A file that somebody cuts while it is mapped raises SIGBUS, as with every reader
// that maps; that another writes into it gives wrong answers, no more.

#ifndef TIDEMARK_ANALYZER_GOLANG_ELF_IMAGE_H_
#define TIDEMARK_ANALYZER_GOLANG_ELF_IMAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tidemark::golang {

class ElfImage {
 public:
  // kNotFound when there is no such file, kPermissionDenied; kInvalidArgument for what is no
  // regular file or no such ELF; kDataLoss when its headers lie outside of it.
  static absl::StatusOr<std::unique_ptr<ElfImage>> Open(const std::string& path);
  // `bytes` are kept; `name` is for errors.
  static absl::StatusOr<std::unique_ptr<ElfImage>> FromBytes(std::string bytes, std::string name);
  ~ElfImage();
  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;

  struct Section {
    absl::string_view name;
    uint64_t address = 0;  // 0: not loaded
    absl::Span<const uint8_t> bytes;
  };
  struct Segment {  // PT_LOAD; bytes.size() <= memory_size
    uint64_t address = 0;
    uint64_t offset = 0;
    uint64_t memory_size = 0;
    bool executable = false;
    absl::Span<const uint8_t> bytes;
  };
  // R_X86_64_RELATIVE and its like: `target` goes to `address`.
  struct Relocation {
    uint64_t address = 0;
    uint64_t target = 0;
  };

  const std::string& path() const { return path_; }
  uint16_t machine() const { return machine_; }  // EM_X86_64…
  bool is_position_independent() const { return is_position_independent_; }
  const std::string& build_id() const { return build_id_; }  // lower-case hex; "": none
  absl::Span<const Segment> segments() const { return segments_; }
  absl::Span<const Section> sections() const { return sections_; }
  absl::Span<const Relocation> relocations() const { return relocations_; }  // by address
  // The first of this name, else null.
  const Section* FindSection(absl::string_view name) const;

  // The file's bytes from `address` to the end of its segment; empty when it has none there.
  absl::Span<const uint8_t> BytesFrom(uint64_t address) const;
  // Exactly `size` bytes, or none.
  absl::Span<const uint8_t> BytesAt(uint64_t address, uint64_t size) const;
  std::optional<uint8_t> Byte(uint64_t address) const;
  std::optional<uint32_t> Word32(uint64_t address) const;
  // What the loader leaves there: relocated. nullopt where the file has no bytes.
  std::optional<uint64_t> Pointer(uint64_t address) const;

  // The link-time address of a run-time address in a mapping of this file from its `offset`
  // at `start`; nullopt when no segment has it.
  std::optional<uint64_t> LinkAddress(uint64_t start, uint64_t offset, uint64_t address) const;

 private:
  ElfImage(std::string path, absl::Span<const uint8_t> bytes)
      : path_(std::move(path)), file_(bytes) {}
  absl::Status ReadHeaders();
  void ReadSegments(uint64_t table, uint64_t count);
  void ReadSections(uint64_t table, uint64_t count, uint64_t names_index);
  void ReadRelocations(absl::Span<const uint8_t> table);
  void ReadBuildId(absl::Span<const uint8_t> notes);
  // Exactly `size` bytes of the file, or none.
  absl::Span<const uint8_t> FileBytes(uint64_t offset, uint64_t size) const;

  std::string path_;
  std::string storage_;               // of FromBytes
  absl::Span<const uint8_t> mapped_;  // of Open
  absl::Span<const uint8_t> file_;    // the one of both that is used
  uint16_t machine_ = 0;
  bool is_position_independent_ = false;
  std::string build_id_;
  std::vector<Segment> segments_;
  std::vector<Section> sections_;
  std::vector<Relocation> relocations_;
};

// Little-endian numbers at bytes.data() + offset. REQUIRES: they lie within `bytes`.
uint16_t Load16(absl::Span<const uint8_t> bytes, uint64_t offset);
uint32_t Load32(absl::Span<const uint8_t> bytes, uint64_t offset);
uint64_t Load64(absl::Span<const uint8_t> bytes, uint64_t offset);

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_ELF_IMAGE_H_
