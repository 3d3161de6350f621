#include "analyzer/symbolize/debug_info.h"

#include <dwarf.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::symbolize {
namespace {

// Deeper than any real nesting of scopes or inlined calls; a bound for hostile files.
constexpr int kMaxDepth = 512;
constexpr size_t kMaxScopes = 16 * 1024;  // characters of a::B::

// Calls visit(begin, end) for each address range of a DIE.
template <class Visit>
void ForEachRange(Dwarf_Die* die, Visit visit) {
  Dwarf_Addr base = 0;
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  for (ptrdiff_t offset = 0; (offset = dwarf_ranges(die, offset, &base, &begin, &end)) > 0;) {
    // The linker gives code it dropped the address 0 (or 1 in range lists).
    if (begin > 1 && end > begin) visit(begin, end);
  }
}

absl::string_view Text(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  if (dwarf_attr_integrate(die, name, &attribute) == nullptr) return "";
  const char* text = dwarf_formstring(&attribute);
  return text == nullptr ? "" : text;
}

// Only mangled names: a C function's linkage name is an alias (__GI___strdup) that says
// less than its name.
absl::string_view LinkageName(Dwarf_Die* die) {
  for (const unsigned attribute : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    const absl::string_view name = Text(die, attribute);
    if (absl::StartsWith(name, "_Z") || absl::StartsWith(name, "_R")) return name;
  }
  return "";
}

uint64_t Number(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr_integrate(die, name, &attribute) == nullptr ||
      dwarf_formudata(&attribute, &value) != 0) {
    return 0;
  }
  return value;
}

bool IsNamespace(int tag) { return tag == DW_TAG_namespace || tag == DW_TAG_module; }

// Scopes that functions are declared in, and that are part of their names.
bool IsNamedScope(int tag) {
  return IsNamespace(tag) || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
         tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

// Scopes within functions that may hold local classes and nested functions.
bool IsCodeScope(int tag) { return tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block; }

// Appends the inlined calls around `address` below `die`, outermost first.
void CollectInlined(Dwarf_Die* die, uint64_t address, int depth, std::vector<Dwarf_Die>* chain) {
  if (depth > kMaxDepth) return;
  Dwarf_Die child;
  if (dwarf_child(die, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) continue;
    // A block without code of its own (an abstract origin's) may still hold calls.
    const bool has_code =
        dwarf_hasattr(&child, DW_AT_ranges) || dwarf_hasattr(&child, DW_AT_low_pc);
    if (has_code && dwarf_haspc(&child, address) != 1) continue;
    if (!has_code && tag == DW_TAG_inlined_subroutine) continue;
    const size_t before = chain->size();
    if (tag == DW_TAG_inlined_subroutine) chain->push_back(child);
    CollectInlined(&child, address, depth + 1, chain);
    if (has_code || chain->size() > before) return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

}  // namespace

UnitIndex::UnitIndex(Dwarf* dwarf) {
  Dwarf_CU* cu = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die unit_die, split_die;
  while (dwarf_get_units(dwarf, cu, &cu, &version, &type, &unit_die, &split_die) == 0) {
    const auto unit = static_cast<uint32_t>(offsets_.size());
    has_split_units_ = has_split_units_ || type == DW_UT_skeleton;
    const size_t before = ranges_.size();
    ForEachRange(&unit_die, [&](uint64_t begin, uint64_t end) {
      ranges_.push_back({begin, end, unit});
    });
    if (ranges_.size() > before) offsets_.push_back(dwarf_dieoffset(&unit_die));
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
}

uint32_t UnitIndex::Find(uint64_t address) const {
  auto it = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                             [](uint64_t a, const Range& r) { return a < r.begin; });
  if (it == ranges_.begin()) return kNone;
  --it;
  return address < it->end ? it->unit : kNone;
}

std::unique_ptr<DebugInfo> DebugInfo::Load(const ElfFile& file, const ElfFile* alt) {
  if (!file.has_debug_info()) return nullptr;
  Dwarf* dwarf = dwarf_begin_elf(file.elf(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return nullptr;
  Dwarf* alt_dwarf = alt == nullptr ? nullptr : dwarf_begin_elf(alt->elf(), DWARF_C_READ, nullptr);
  if (alt_dwarf != nullptr) dwarf_setalt(dwarf, alt_dwarf);
  return std::unique_ptr<DebugInfo>(new DebugInfo(dwarf, alt_dwarf));
}

DebugInfo::~DebugInfo() {
  dwarf_end(dwarf_);
  if (alt_ != nullptr) dwarf_end(alt_);
}

DebugInfo::Unit* DebugInfo::Open(Dwarf_Off offset) {
  const auto [it, first] = units_.try_emplace(offset);
  Unit* const unit = &it->second;
  if (!first) return unit;
  if (dwarf_offdie(dwarf_, offset, &unit->die) == nullptr) {
    unit->die = {};
    return unit;
  }
  // A skeleton's ranges are its own; its functions are in the .dwo file.
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die split_die = {};
  if (dwarf_cu_info(unit->die.cu, &version, &type, nullptr, &split_die, nullptr, nullptr,
                    nullptr) == 0 &&
      type == DW_UT_skeleton && split_die.addr != nullptr) {
    unit->die = split_die;
  }
  return unit;
}

void DebugInfo::IndexFunctions(Unit* unit, Depth depth) {
  unit->depth = depth;
  unit->functions.clear();
  struct Scope {
    Dwarf_Die die;
    int depth;
  };
  std::vector<Scope> scopes = {{unit->die, 0}};
  while (!scopes.empty()) {
    Scope scope = scopes.back();
    scopes.pop_back();
    Dwarf_Die child;
    if (dwarf_child(&scope.die, &child) != 0) continue;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_subprogram) {
        ForEachRange(&child, [&](uint64_t begin, uint64_t end) {
          unit->functions.push_back({begin, end, child});
        });
      }
      const bool descend = IsNamespace(tag) || (depth >= Depth::kClasses && IsNamedScope(tag)) ||
                           (depth == Depth::kEverything && IsCodeScope(tag));
      if (descend && scope.depth < kMaxDepth && dwarf_haschildren(&child) == 1) {
        scopes.push_back({child, scope.depth + 1});
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }
  std::sort(unit->functions.begin(), unit->functions.end(),
            [](const Function& a, const Function& b) { return a.begin < b.begin; });
}

// Notes the scope of each function of a unit, or (nested) also of those within functions.
void DebugInfo::IndexScopes(Dwarf_Die* unit, bool nested) {
  struct Scope {
    Dwarf_Die die;
    int depth;
    uint32_t prefix;  // into prefixes_
  };
  std::vector<Scope> scopes = {{*unit, 0, 0}};
  while (!scopes.empty()) {
    const Scope scope = scopes.back();
    scopes.pop_back();
    Dwarf_Die die = scope.die;
    Dwarf_Die child;
    if (dwarf_child(&die, &child) != 0) continue;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_subprogram) function_scopes_.try_emplace(child.addr, scope.prefix);
      if (scope.depth == kMaxDepth || dwarf_haschildren(&child) != 1) continue;
      if (IsNamedScope(tag)) {
        absl::string_view name = Text(&child, DW_AT_name);
        if (name.empty()) name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
        // A hostile file could make gigabytes of a few names.
        if (prefixes_[scope.prefix].size() + name.size() > kMaxScopes) continue;
        prefixes_.push_back(absl::StrCat(prefixes_[scope.prefix], name, "::"));
        scopes.push_back({child, scope.depth + 1, static_cast<uint32_t>(prefixes_.size() - 1)});
      } else if (nested && IsCodeScope(tag)) {
        scopes.push_back({child, scope.depth + 1, scope.prefix});
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }
}

// The scopes a function's DIE stands in, "a::B::"; "" when it has none, null when it is not
// a function of its unit.
const std::string* DebugInfo::ScopesOf(Dwarf_Die* die) {
  for (const bool nested : {false, true}) {
    const auto it = function_scopes_.find(die->addr);
    if (it != function_scopes_.end()) return &prefixes_[it->second];
    Dwarf_Die unit;
    if (dwarf_diecu(die, &unit, nullptr, nullptr) == nullptr) return nullptr;
    const int language = dwarf_srclang(&unit);
    if (language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 ||
        language == DW_LANG_C11 || language == DW_LANG_Go) {
      return prefixes_.data();  // names are whole
    }
    int& searched = searched_units_[unit.addr];
    if (searched > static_cast<int>(nested)) continue;
    searched = nested ? 2 : 1;
    IndexScopes(&unit, nested);
  }
  const auto it = function_scopes_.find(die->addr);
  return it == function_scopes_.end() ? nullptr : &prefixes_[it->second];
}

absl::string_view DebugInfo::ScopedName(Dwarf_Die* die) {
  Dwarf_Die at = *die;
  // An inlined call, its abstract function, the declaration of that: the last one that there
  // is stands in the function's scopes.
  for (int hops = 0; hops < 4; ++hops) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    Dwarf_Attribute* origin = dwarf_attr(&at, DW_AT_abstract_origin, &attribute);
    if (origin == nullptr) origin = dwarf_attr(&at, DW_AT_specification, &attribute);
    if (origin == nullptr || dwarf_formref_die(origin, &next) == nullptr) break;
    at = next;
  }
  const absl::string_view name = Text(die, DW_AT_name);
  if (name.empty()) return "";
  std::string& full = scoped_names_[at.addr];
  if (full.empty()) {
    const std::string* scopes = ScopesOf(&at);
    full = absl::StrCat(scopes == nullptr ? "" : *scopes, name);
  }
  return full;
}

const DebugInfo::Function* DebugInfo::FindFunction(Unit* unit, uint64_t address) {
  for (;;) {
    auto it = std::upper_bound(unit->functions.begin(), unit->functions.end(), address,
                               [](uint64_t a, const Function& f) { return a < f.begin; });
    if (it != unit->functions.begin() && address < std::prev(it)->end) return &*std::prev(it);
    if (unit->depth == Depth::kEverything) return nullptr;
    IndexFunctions(unit, static_cast<Depth>(static_cast<int>(unit->depth) + 1));
  }
}

absl::string_view DebugInfo::Path(Dwarf_Die* unit, const char* file) {
  if (file == nullptr || absl::string_view(file) == "???") return "";
  const auto [it, first] = paths_.try_emplace(file);
  if (first) {
    std::filesystem::path full(file);
    if (!full.is_absolute()) {
      Dwarf_Attribute attribute;
      const char* directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
      if (directory != nullptr) full = directory / full;
    }
    it->second = full.lexically_normal().string();
  }
  return it->second;
}

absl::string_view DebugInfo::FileName(Dwarf_Die* unit, uint64_t index) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || index >= count) return "";
  return Path(unit, dwarf_filesrc(files, index, nullptr, nullptr));
}

std::vector<SourceFrame> DebugInfo::FramesAt(const UnitIndex& index, uint32_t unit_number,
                                             uint64_t address, absl::string_view symbol) {
  Unit* unit = Open(index.offset(unit_number));
  if (unit->die.addr == nullptr) return {};
  absl::string_view file;
  int line = 0;
  if (Dwarf_Line* row = dwarf_getsrc_die(&unit->die, address); row != nullptr) {
    file = Path(&unit->die, dwarf_linesrc(row, nullptr, nullptr));
    dwarf_lineno(row, &line);
  }

  std::vector<Dwarf_Die> chain;  // outermost first
  if (const Function* function = FindFunction(unit, address); function != nullptr) {
    Dwarf_Die outermost = function->die;
    chain.push_back(outermost);
    CollectInlined(&outermost, address, 0, &chain);
  }
  std::vector<SourceFrame> frames;
  if (chain.empty() && file.empty() && !symbol.empty()) frames.push_back({symbol, "", "", 0, 0});
  if (chain.empty() && !file.empty()) {  // assembly: lines but no functions
    frames.push_back({symbol, "", file, line, 0});
    return frames;
  }
  int64_t at_line = line;
  for (auto die = chain.rbegin(); die != chain.rend(); ++die) {
    absl::string_view linkage_name = LinkageName(&*die);
    if (linkage_name.empty() && std::next(die) == chain.rend()) linkage_name = symbol;
    frames.push_back({linkage_name, linkage_name.empty() ? ScopedName(&*die) : "", file, at_line,
                      static_cast<int64_t>(Number(&*die, DW_AT_decl_line))});
    file = FileName(&unit->die, Number(&*die, DW_AT_call_file));
    at_line = static_cast<int64_t>(Number(&*die, DW_AT_call_line));
  }
  return frames;
}

}  // namespace tidemark::symbolize
