// The instructions of a module's functions, decoded with capstone (x86, x86-64, aarch64).
//
// Thread class: one thread at a time per object. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DISASSEMBLER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DISASSEMBLER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/symbolize/debug_info.h"
#include "analyzer/symbolize/module_finder.h"

namespace tidemark::symbolize {

// A function's code at link-time addresses [begin, end).
struct CodeSymbol {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::vector<std::string> names;  // as in the symbol table; more than one for aliases
};

struct Instruction {
  uint64_t address = 0;  // link-time
  std::string text;      // "callq 0x1234 <malloc>"; ".byte 0x06" for what is no instruction
  // Where it comes from: the innermost inlined function; empty and 0 without debug information.
  std::string function;  // demangled
  std::string file;
  int64_t line = 0;
};

class Disassembler {
 public:
  // `path` and `build_id` (hex, "" unknown) are a mapping's. kNotFound when there is no such
  // file, or one with another build id; kUnimplemented for another kind of machine.
  static absl::StatusOr<std::unique_ptr<Disassembler>> Open(
      const std::string& path, const std::string& build_id,
      absl::Span<const std::string> search_path, bool intel_syntax);
  ~Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  // By begin, one for each. From .symtab, of a separate debug file too; else from .dynsym.
  const std::vector<CodeSymbol>& symbols() const { return symbols_; }
  // As ElfFile::LinkAddress.
  std::optional<uint64_t> LinkAddress(const ElfFile::MappedRange& mapping, uint64_t address) const {
    return files_.module->LinkAddress(mapping, address);
  }
  // In ascending order without gaps. kDataLoss when the file does not have the code;
  // kResourceExhausted for more than kMaxFunctionBytes.
  absl::StatusOr<std::vector<Instruction>> Disassemble(const CodeSymbol& symbol);

  static constexpr uint64_t kMaxFunctionBytes = uint64_t{16} << 20;

 private:
  explicit Disassembler(ModuleFiles files);
  absl::Status OpenEngine(bool intel_syntax);
  void ReadSymbols();
  // The file's bytes at link-time addresses; empty when it does not have all of them.
  absl::Span<const uint8_t> CodeAt(uint64_t begin, uint64_t end) const;
  // "malloc", "main+0x20"; "" when no function is there.
  std::string TargetName(uint64_t address) const;
  void FillPlace(Instruction* instruction);

  ModuleFiles files_;
  std::unique_ptr<DebugInfo> debug_info_;
  std::vector<CodeSymbol> symbols_;
  size_t engine_ = 0;  // capstone's handle; 0: none
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DISASSEMBLER_H_
