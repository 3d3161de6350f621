// A program made by Go 1.18 or later, as its run time sees it: functions by address (pclntab),
// where types are (moduledata), which modules it was made of (.go.buildinfo). None of these can
// be stripped, for the run time needs them. Works with and without cgo, position-independent
// or not.
//
// The layouts are those of Go's src/runtime/symtab.go (pcHeader, moduledata) and
// src/debug/buildinfo.
//
// Thread class: const after opening. Allocation class: may allocate. Views live as long as the
// object.

#ifndef TIDEMARK_ANALYZER_GOLANG_GO_BINARY_H_
#define TIDEMARK_ANALYZER_GOLANG_GO_BINARY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/golang/elf_image.h"

namespace tidemark::golang {

struct Function {
  uint64_t entry = 0;  // link-time addresses [entry, end)
  uint64_t end = 0;
  absl::string_view name;  // "example.com/leaky/store.(*Cache).Put", "slices.Grow[...]"
};

// A function compiled into another.
struct InlinedCall {
  absl::string_view name;
  uint64_t parent = 0;  // where it was called: an address within what it was compiled into
};

// What .go.buildinfo says; all empty when it is not there.
struct BuildInfo {
  std::string version;               // "go1.26.0"
  std::string main_package;          // "example.com/leaky"; "command-line-arguments"
  std::vector<std::string> modules;  // the main one first, if there is one
};

class GoBinary {
 public:
  // As ElfImage::Open; kInvalidArgument when it has no Go function table, kUnimplemented when
  // that is of an older or newer Go than is known, kDataLoss when it contradicts itself.
  static absl::StatusOr<std::unique_ptr<GoBinary>> Open(const std::string& path);
  static absl::StatusOr<std::unique_ptr<GoBinary>> FromImage(std::unique_ptr<ElfImage> image);

  const ElfImage& image() const { return *image_; }
  const BuildInfo& build_info() const { return build_info_; }
  // The function whose code has this link-time address; nullopt for C code of a cgo program.
  std::optional<Function> FunctionAt(uint64_t address) const;
  // The functions compiled in at this address, the innermost first.
  std::vector<InlinedCall> InlinedAt(uint64_t address) const;
  // Whether the run time may have a type's description at this address.
  bool IsInTypes(uint64_t address) const { return types_ <= address && address < types_end_; }
  // What offsets to names and types count from.
  uint64_t types() const { return types_; }
  // Go 1.20 and later.
  bool passes_slices_apart() const { return is_1_20_; }
  // Go 1.18: a field's offset is doubled, its low bit says whether it is embedded.
  bool doubles_field_offsets() const { return is_1_18_; }

 private:
  explicit GoBinary(std::unique_ptr<ElfImage> image) : image_(std::move(image)) {}
  absl::Status FindTables();
  // Of a function table at `address` and what belongs to it.
  absl::Status ReadTables(uint64_t address, absl::Span<const uint8_t> table);
  absl::Status ReadModuleData();
  // The index of the function that has this address, into entries_.
  std::optional<uint64_t> IndexAt(uint64_t address) const;
  absl::string_view NameAt(uint64_t offset) const;
  // The value that a table of pctab_ has for an address of the function at `entry`, -1 none.
  int64_t ValueAt(uint64_t table, uint64_t entry, uint64_t address) const;
  // Whether run-time tables of this module begin at `address`.
  bool IsModuleData(uint64_t address) const;
  std::optional<uint64_t> FindModuleData() const;
  void FindBuildInfo();
  void ReadBuildInfo();

  std::unique_ptr<ElfImage> image_;
  absl::Span<const uint8_t> build_info_bytes_;  // from its first on; empty: there is none
  BuildInfo build_info_;
  uint64_t table_address_ = 0;           // of pclntab
  absl::Span<const uint8_t> names_;      // NUL-terminated
  absl::Span<const uint8_t> entries_;    // u32 pairs: code offset, offset in functions_; a last
                                         // code offset ends the last function
  absl::Span<const uint8_t> pctab_;      // values by address, packed
  absl::Span<const uint8_t> functions_;  // what entries_ point into
  uint64_t function_count_ = 0;
  uint64_t names_offset_ = 0;
  uint64_t gofunc_ = 0;  // what offsets of functions' data count from
  uint64_t text_ = 0;    // what code offsets count from
  uint64_t types_ = 0;   // [types_, types_end_)
  uint64_t types_end_ = 0;
  uint64_t quantum_ = 1;  // of code: what lengths in pctab_ count
  bool is_1_20_ = false;
  bool is_1_18_ = false;
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_GO_BINARY_H_
