// The functions of an ELF file's .symtab, or .dynsym when that is all there is.
//
// Thread class: immutable after construction; any thread. May allocate (constructor).

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

class SymbolTable {
 public:
  // `file` must remain live: names point into it.
  explicit SymbolTable(const ElfFile& file);

  bool empty() const { return symbols_.empty(); }
  // The symbol whose function holds this link-time address, "" when none does. Of several
  // at one place, the one a person would call it: local ones last (glibc's weak names are
  // its public ones), then the one with the fewest leading underscores, then by name.
  absl::string_view NameAt(uint64_t address) const;

 private:
  struct Symbol {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t rank = 0;  // lower is the better name
    absl::string_view name;
  };
  std::vector<Symbol> symbols_;  // by begin, one for each begin
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_
