#include "profiler/preload/symbol_lookup.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

namespace tidemark::preload {
namespace {

struct SymbolTables {
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  const uint16_t* versions = nullptr;  // nullptr: no versions
  const uint32_t* gnu_hash = nullptr;
  const uint32_t* hash = nullptr;
};

// glibc relocates these entries in place, except in the vDSO and with other C libraries.
template <class T>
const T* Pointer(const LoadedObject& object, uint64_t value) {
  return reinterpret_cast<const T*>(value < object.bias ? value + object.bias : value);
}

bool ReadTables(const LoadedObject& object, SymbolTables* tables) {
  if (object.dynamic == nullptr) return false;
  for (const ElfW(Dyn)* d = object.dynamic; d->d_tag != DT_NULL; ++d) {
    const uint64_t value = d->d_un.d_ptr;
    switch (d->d_tag) {
      case DT_SYMTAB:
        tables->symbols = Pointer<ElfW(Sym)>(object, value);
        break;
      case DT_STRTAB:
        tables->strings = Pointer<char>(object, value);
        break;
      case DT_VERSYM:
        tables->versions = Pointer<uint16_t>(object, value);
        break;
      case DT_GNU_HASH:
        tables->gnu_hash = Pointer<uint32_t>(object, value);
        break;
      case DT_HASH:
        tables->hash = Pointer<uint32_t>(object, value);
        break;
      default:
        break;
    }
  }
  return tables->symbols != nullptr && tables->strings != nullptr;
}

bool IsDefinedFunction(const ElfW(Sym) & symbol) {
  const int type = ELF64_ST_TYPE(symbol.st_info);
  const int binding = ELF64_ST_BIND(symbol.st_info);
  return symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0 &&
         (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) &&
         (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE);
}

// Keeps the first definition, and a default version over a hidden one.
class Choice {
 public:
  Choice(const SymbolTables& tables, const char* name) : tables_(tables), name_(name) {}

  void Consider(uint32_t index) {
    const ElfW(Sym)& symbol = tables_.symbols[index];
    if (!IsDefinedFunction(symbol)) return;
    if (strcmp(tables_.strings + symbol.st_name, name_) != 0) return;
    constexpr uint16_t kHiddenVersion = 0x8000;
    const bool hidden =
        tables_.versions != nullptr && (tables_.versions[index] & kHiddenVersion) != 0;
    if (symbol_ == nullptr || (hidden_ && !hidden)) {
      symbol_ = &symbol;
      hidden_ = hidden;
    }
  }
  const ElfW(Sym) * symbol() const { return symbol_; }

 private:
  const SymbolTables& tables_;
  const char* name_;
  const ElfW(Sym) * symbol_ = nullptr;
  bool hidden_ = false;
};

struct GnuHash {
  explicit GnuHash(const uint32_t* table)
      : bucket_count(table[0]),
        first_symbol(table[1]),
        buckets(table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t))),
        chains(buckets + bucket_count) {}
  uint32_t bucket_count;
  uint32_t first_symbol;  // symbols below it are not in the table: the undefined ones
  const uint32_t* buckets;
  const uint32_t* chains;
};

uint32_t GnuHashOf(const char* name) {
  uint32_t h = 5381;
  for (; *name != '\0'; ++name) h = h * 33 + static_cast<uint8_t>(*name);
  return h;
}

void SearchGnuHash(const SymbolTables& tables, const char* name, Choice* choice) {
  const GnuHash table(tables.gnu_hash);
  if (table.bucket_count == 0) return;
  const uint32_t hash = GnuHashOf(name);
  uint32_t index = table.buckets[hash % table.bucket_count];
  if (index < table.first_symbol) return;
  for (;; ++index) {
    const uint32_t chain = table.chains[index - table.first_symbol];
    if (((chain ^ hash) >> 1) == 0) choice->Consider(index);
    if ((chain & 1) != 0) return;
  }
}

uint32_t SysvHashOf(const char* name) {
  uint32_t h = 0;
  for (; *name != '\0'; ++name) {
    h = (h << 4) + static_cast<uint8_t>(*name);
    const uint32_t top = h & 0xf0000000;
    h ^= top >> 24;
    h &= ~top;
  }
  return h;
}

void SearchSysvHash(const SymbolTables& tables, const char* name, Choice* choice) {
  const uint32_t bucket_count = tables.hash[0];
  if (bucket_count == 0) return;
  const uint32_t* buckets = tables.hash + 2;
  const uint32_t* chains = buckets + bucket_count;
  for (uint32_t i = buckets[SysvHashOf(name) % bucket_count]; i != 0; i = chains[i]) {
    choice->Consider(i);
  }
}

// Looks for the next definition while it is shown the objects in search order.
class NextSearch {
 public:
  explicit NextSearch(const char* name) : name_(name) {}

  void Visit(const LoadedObject& object) {
    if (object.dynamic == _DYNAMIC) {
      behind_ = true;
      return;
    }
    Found* found = behind_ ? &after_ : &before_;
    if (found->function != nullptr) return;
    found->function = FindInObject(object, name_, &found->size_bytes);
    found->object = object;
  }
  Found result() const { return after_.function != nullptr ? after_ : before_; }
  Found in_front() const { return before_; }

 private:
  const char* name_;
  bool behind_ = false;
  Found before_ = {};
  Found after_ = {};
};

// The list of loaded files, as the executable shows it to debuggers.
const link_map* LinkMap() {
  const auto* header = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
  const uint64_t count = getauxval(AT_PHNUM);
  if (header == nullptr) return nullptr;
  uint64_t bias = 0;
  const ElfW(Phdr)* dynamic = nullptr;
  for (uint64_t i = 0; i < count; ++i) {
    if (header[i].p_type == PT_PHDR) {
      bias = reinterpret_cast<uint64_t>(header) - header[i].p_vaddr;
    }
    if (header[i].p_type == PT_DYNAMIC) dynamic = &header[i];
  }
  if (dynamic == nullptr) return nullptr;
  for (auto* d = reinterpret_cast<const ElfW(Dyn)*>(bias + dynamic->p_vaddr); d->d_tag != DT_NULL;
       ++d) {
    if (d->d_tag != DT_DEBUG || d->d_un.d_ptr == 0) continue;
    return reinterpret_cast<const r_debug*>(d->d_un.d_ptr)->r_map;
  }
  return nullptr;
}

int VisitPhdr(dl_phdr_info* info, size_t, void* search) {
  LoadedObject object{info->dlpi_addr, nullptr};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    object.dynamic =
        reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
  }
  static_cast<NextSearch*>(search)->Visit(object);
  return 0;
}

NextSearch SearchAll(const char* name, Search search) {
  NextSearch next(name);
  const link_map* map = search == Search::kAtStart ? LinkMap() : nullptr;
  if (map == nullptr) {
    dl_iterate_phdr(VisitPhdr, &next);
    return next;
  }
  for (; map != nullptr; map = map->l_next) next.Visit({map->l_addr, map->l_ld});
  return next;
}

}  // namespace

void* FindInObject(const LoadedObject& object, const char* name, uint64_t* size_bytes) {
  if (size_bytes != nullptr) *size_bytes = 0;
  SymbolTables tables;
  if (!ReadTables(object, &tables)) return nullptr;
  Choice choice(tables, name);
  if (tables.gnu_hash != nullptr) {
    SearchGnuHash(tables, name, &choice);
  } else if (tables.hash != nullptr) {
    SearchSysvHash(tables, name, &choice);
  }
  const ElfW(Sym)* symbol = choice.symbol();
  if (symbol == nullptr) return nullptr;
  if (size_bytes != nullptr) *size_bytes = symbol->st_size;
  const uint64_t address = object.bias + symbol->st_value;
  if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC) {
    return reinterpret_cast<void* (*)()>(address)();
  }
  return reinterpret_cast<void*>(address);
}

bool Imports(const LoadedObject& object, const char* name) {
  SymbolTables tables;
  if (!ReadTables(object, &tables)) return false;
  uint32_t count = 0;
  if (tables.gnu_hash != nullptr) {
    count = GnuHash(tables.gnu_hash).first_symbol;
  } else if (tables.hash != nullptr) {
    count = tables.hash[1];
  }
  for (uint32_t i = 1; i < count; ++i) {
    const ElfW(Sym)& symbol = tables.symbols[i];
    if (symbol.st_shndx == SHN_UNDEF && strcmp(tables.strings + symbol.st_name, name) == 0) {
      return true;
    }
  }
  return false;
}

bool HasSoname(const LoadedObject& object, const char* name) {
  SymbolTables tables;
  if (!ReadTables(object, &tables)) return false;
  for (const ElfW(Dyn)* d = object.dynamic; d->d_tag != DT_NULL; ++d) {
    if (d->d_tag == DT_SONAME) return strcmp(tables.strings + d->d_un.d_val, name) == 0;
  }
  return false;
}

Found FindNext(const char* name, Search search) { return SearchAll(name, search).result(); }

Found FindInFront(const char* name, Search search) { return SearchAll(name, search).in_front(); }

}  // namespace tidemark::preload
