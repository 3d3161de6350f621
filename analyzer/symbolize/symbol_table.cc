#include "analyzer/symbolize/symbol_table.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
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

// Lower is the better name.
uint32_t Rank(const GElf_Sym& symbol, const char* name) {
  const int binding = GELF_ST_BIND(symbol.st_info);
  const size_t underscores = std::strspn(name, "_");
  return (binding == STB_LOCAL ? 512u : 0u) +
         2 * static_cast<uint32_t>(std::min<size_t>(underscores, 255)) +
         (binding == STB_WEAK ? 1u : 0u);
}

// Takes symbols in any order.
class BestSymbols {
 public:
  explicit BestSymbols(absl::Span<const uint64_t> addresses)
      : addresses_(addresses), best_(addresses.size()) {}

  // `name` must remain live.
  void Add(const GElf_Sym& symbol, uint64_t begin, const char* name) {
    const int type = GELF_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || begin == 0) return;
    if (type != STT_FUNC && type != STT_GNU_IFUNC) return;
    if (name == nullptr || *name == '\0') return;
    last_begin_ = std::max(last_begin_, begin);
    // Kept with the first address that it may hold; what follows is for Finish.
    const size_t at = static_cast<size_t>(
        std::lower_bound(addresses_.begin(), addresses_.end(), begin) - addresses_.begin());
    if (at == addresses_.size()) return;
    Symbol& kept = best_[at];
    if (kept.name != nullptr && kept.begin > begin) return;
    const Symbol given{begin, begin + symbol.st_size, Rank(symbol, name), name};
    const bool better = kept.name == nullptr || kept.begin < begin || kept.rank > given.rank ||
                        (kept.rank == given.rank && std::strcmp(given.name, kept.name) < 0);
    if (better) kept = given;
  }

  std::vector<std::string> Finish() const {
    std::vector<std::string> names(addresses_.size());
    const Symbol* nearest = nullptr;
    for (size_t i = 0; i < addresses_.size(); ++i) {
      if (best_[i].name != nullptr) nearest = &best_[i];
      if (nearest != nullptr && Holds(*nearest, addresses_[i])) names[i] = nearest->name;
    }
    return names;
  }

 private:
  struct Symbol {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t rank = 0;
    const char* name = nullptr;
  };

  // Hand-written assembly often has no size: such a function ends where the next begins.
  bool Holds(const Symbol& symbol, uint64_t address) const {
    if (symbol.end > symbol.begin) return address < symbol.end;
    return address == symbol.begin || symbol.begin < last_begin_;
  }

  const absl::Span<const uint64_t> addresses_;
  std::vector<Symbol> best_;  // parallel to addresses_; null name: none
  uint64_t last_begin_ = 0;
};

void AddTable(const ElfFile& file, BestSymbols* best) {
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
    if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
    best->Add(symbol, symbol.st_value, elf_strptr(file.elf(), header.sh_link, symbol.st_name));
  }
}

int FindNothing(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                char**) {
  return -1;
}

// libdwfl unpacks .gnu_debugdata and merges it with the dynamic symbols; it is given no
// chance to look for other files, let alone to ask a server for them.
std::vector<std::string> WithMiniDebugInfo(const ElfFile& file,
                                           absl::Span<const uint64_t> addresses) {
  static constexpr Dwfl_Callbacks kCallbacks = {nullptr, &FindNothing, dwfl_offline_section_address,
                                                nullptr};
  const std::unique_ptr<Dwfl, decltype(&dwfl_end)> dwfl(dwfl_begin(&kCallbacks), &dwfl_end);
  const int fd = file.Duplicate();
  if (dwfl == nullptr || fd < 0) {
    if (fd >= 0) close(fd);
    return std::vector<std::string>(addresses.size());
  }
  dwfl_report_begin(dwfl.get());
  Dwfl_Module* const module = dwfl_report_elf(dwfl.get(), "module", file.path().c_str(), fd,
                                              /*base=*/0, /*add_p_vaddr=*/true);
  if (module == nullptr) close(fd);  // else dwfl_end does
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  BestSymbols best(addresses);
  const int count = module == nullptr ? 0 : dwfl_module_getsymtab(module);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    const char* const name =
        dwfl_module_getsym_info(module, i, &symbol, &address, nullptr, nullptr, nullptr);
    if (name != nullptr) best.Add(symbol, address, name);
  }
  return best.Finish();
}

}  // namespace

std::vector<std::string> SymbolsAt(const ElfFile& file, absl::Span<const uint64_t> addresses) {
  if (file.has_mini_debug_info() && FindTable(file.elf(), SHT_SYMTAB) == nullptr) {
    return WithMiniDebugInfo(file, addresses);
  }
  BestSymbols best(addresses);
  AddTable(file, &best);
  return best.Finish();
}

}  // namespace tidemark::symbolize
