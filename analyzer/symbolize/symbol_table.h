// The functions in an ELF file's symbol tables: .symtab, or .dynsym when that is all there is,
// with those of .gnu_debugdata when it has that.
//
// The idea: a table of a library may have a million symbols, and a profile a few addresses in
// it. So the table is neither copied nor sorted: one pass keeps the best symbol for each
// address.
//
// Thread class: one thread per ElfFile. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

// For each link-time address the symbol whose function holds it, "" when none does. Of several
// at one place, the one a person would call it: local ones last (glibc's weak names are
// its public ones), then the one with the fewest leading underscores, then by name.
// REQUIRES: `addresses` ascend.
std::vector<std::string> SymbolsAt(const ElfFile& file, absl::Span<const uint64_t> addresses);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_TABLE_H_
