#include "analyzer/symbolize/symbol_table.h"

#include <gelf.h>

#include <algorithm>
#include <tuple>

namespace tidemark::symbolize {
namespace {

Elf_Scn* FindTable(Elf* elf, GElf_Word type) {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) != nullptr && header.sh_type == type &&
        header.sh_entsize != 0) {
      return section;
    }
  }
  return nullptr;
}

uint32_t Rank(GElf_Sym symbol, absl::string_view name) {
  const int binding = GELF_ST_BIND(symbol.st_info);
  const size_t underscores = std::min(name.find_first_not_of('_'), name.size());
  return (binding == STB_LOCAL ? 512u : 0u) +
         2 * static_cast<uint32_t>(std::min<size_t>(underscores, 255)) +
         (binding == STB_WEAK ? 1u : 0u);
}

}  // namespace

SymbolTable::SymbolTable(const ElfFile& file) {
  Elf_Scn* table = FindTable(file.elf(), SHT_SYMTAB);
  if (table == nullptr) table = FindTable(file.elf(), SHT_DYNSYM);
  if (table == nullptr) return;
  GElf_Shdr header;
  gelf_getshdr(table, &header);
  Elf_Data* data = elf_getdata(table, nullptr);
  if (data == nullptr) return;
  const size_t count = data->d_size / header.sh_entsize;
  for (size_t i = 0; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
    const int type = GELF_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
    if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
    const char* name = elf_strptr(file.elf(), header.sh_link, symbol.st_name);
    if (name == nullptr || *name == '\0') continue;
    symbols_.push_back(
        {symbol.st_value, symbol.st_value + symbol.st_size, Rank(symbol, name), name});
  }
  std::sort(symbols_.begin(), symbols_.end(), [](const Symbol& a, const Symbol& b) {
    return std::tie(a.begin, a.rank, a.name) < std::tie(b.begin, b.rank, b.name);
  });
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(),
                             [](const Symbol& a, const Symbol& b) { return a.begin == b.begin; }),
                 symbols_.end());
  // Hand-written assembly often has no size: such a function ends where the next begins.
  for (size_t i = 0; i < symbols_.size(); ++i) {
    if (symbols_[i].end > symbols_[i].begin) continue;
    symbols_[i].end = i + 1 < symbols_.size() ? symbols_[i + 1].begin : symbols_[i].begin + 1;
  }
}

absl::string_view SymbolTable::NameAt(uint64_t address) const {
  auto it = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                             [](uint64_t a, const Symbol& s) { return a < s.begin; });
  if (it == symbols_.begin()) return "";
  --it;
  return address < it->end ? it->name : "";
}

}  // namespace tidemark::symbolize
