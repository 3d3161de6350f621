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

Dwarf_Addr AddressOf(Dwarf_Line* row) {
  Dwarf_Addr address = 0;
  dwarf_lineaddr(row, &address);
  return address;
}

bool EndsSequence(Dwarf_Line* row) {
  bool ends = false;
  return dwarf_lineendsequence(row, &ends) == 0 && ends;
}

// The row of a unit's line table that an address is in, null when it is in none. Where one
// run of rows ends and another begins, libdw's order does not tell whose the rows at that
// address are: those of the run that ends have no code, and the ones that are of the same
// file as the next row are the others.
Dwarf_Line* RowAt(Dwarf_Die* unit, uint64_t address) {
  Dwarf_Lines* rows = nullptr;
  size_t count = 0;
  if (dwarf_getsrclines(unit, &rows, &count) != 0) return nullptr;
  size_t low = 0, high = count;  // the first row beyond the address
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (AddressOf(dwarf_onesrcline(rows, middle)) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  Dwarf_Line* const last = dwarf_onesrcline(rows, low - 1);
  if (EndsSequence(last)) return nullptr;
  size_t first = low - 1;
  while (first > 0 && AddressOf(dwarf_onesrcline(rows, first - 1)) == AddressOf(last)) --first;
  if (low == count || !EndsSequence(dwarf_onesrcline(rows, first))) return last;
  const char* const file = dwarf_linesrc(dwarf_onesrcline(rows, low), nullptr, nullptr);
  for (size_t i = low - 1; i > first && file != nullptr; --i) {
    Dwarf_Line* const row = dwarf_onesrcline(rows, i);
    const char* const of_row = dwarf_linesrc(row, nullptr, nullptr);
    if (of_row != nullptr && absl::string_view(of_row) == file) return row;
  }
  return last;
}

// The inlined calls around `address` below `die`, outermost first. Where compilers let two
// calls side by side claim an address, the later one counts, as in LLVM.
std::vector<Dwarf_Die> InlinedCalls(Dwarf_Die* die, uint64_t address, int depth) {
  std::vector<Dwarf_Die> chain;
  Dwarf_Die child;
  if (depth > kMaxDepth || dwarf_child(die, &child) != 0) return chain;
  do {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) continue;
    // A block without code of its own (an abstract origin's) may still hold calls.
    const bool has_code =
        dwarf_hasattr(&child, DW_AT_ranges) || dwarf_hasattr(&child, DW_AT_low_pc);
    if (has_code && dwarf_haspc(&child, address) != 1) continue;
    if (!has_code && tag == DW_TAG_inlined_subroutine) continue;
    std::vector<Dwarf_Die> below = InlinedCalls(&child, address, depth + 1);
    if (tag == DW_TAG_inlined_subroutine) below.insert(below.begin(), child);
    if (!below.empty()) chain = std::move(below);
  } while (dwarf_siblingof(&child, &child) == 0);
  return chain;
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

// libdw finds a DIE's tag and its next sibling by decoding it, and all below it unless the
// compiler noted where that ends: once is enough.
const std::vector<DebugInfo::Child>& DebugInfo::ChildrenOf(const Dwarf_Die& parent) {
  const auto [it, first] = children_.try_emplace(parent.addr);
  std::vector<Child>& children = it->second;
  if (!first) return children;
  Dwarf_Die at = parent;
  Dwarf_Die child;
  if (dwarf_child(&at, &child) != 0) return children;
  do {
    const ptrdiff_t distance =
        static_cast<const char*>(child.addr) - static_cast<const char*>(parent.addr);
    if (distance <= 0 || distance > ptrdiff_t{UINT32_MAX}) break;
    children.push_back({static_cast<uint32_t>(distance), static_cast<uint16_t>(dwarf_tag(&child))});
  } while (dwarf_siblingof(&child, &child) == 0);
  return children;
}

Dwarf_Die DebugInfo::At(const Dwarf_Die& parent, const Child& child) {
  Dwarf_Die die = {};
  die.addr = static_cast<char*>(parent.addr) + child.distance;
  die.cu = parent.cu;
  return die;
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
    const Scope scope = scopes.back();
    scopes.pop_back();
    for (const Child& child : ChildrenOf(scope.die)) {
      if (child.tag == DW_TAG_subprogram) {
        Dwarf_Die die = At(scope.die, child);
        ForEachRange(&die, [&](uint64_t begin, uint64_t end) {
          unit->functions.push_back({begin, end, die});
        });
      }
      const bool descend = IsNamespace(child.tag) ||
                           (depth >= Depth::kClasses && IsNamedScope(child.tag)) ||
                           (depth == Depth::kEverything && IsCodeScope(child.tag));
      if (descend && scope.depth < kMaxDepth) {
        scopes.push_back({At(scope.die, child), scope.depth + 1});
      }
    }
  }
  std::sort(unit->functions.begin(), unit->functions.end(),
            [](const Function& a, const Function& b) { return a.begin < b.begin; });
}

// The scopes that a DIE stands in, "a::B::"; "" when it has none. DIEs do not know their
// parents; but they are stored depth first, so an ancestor is the last one at its level that
// does not begin after the DIE.
std::string DebugInfo::ScopesOf(const Dwarf_Die& target) {
  Dwarf_Die copy = target;
  Dwarf_Die at;
  if (dwarf_diecu(&copy, &at, nullptr, nullptr) == nullptr) return "";
  const int language = dwarf_srclang(&at);
  if (language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 ||
      language == DW_LANG_C11 || language == DW_LANG_Go) {
    return "";  // names are whole
  }
  std::string scopes;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const std::vector<Child>& children = ChildrenOf(at);
    const ptrdiff_t distance =
        static_cast<const char*>(target.addr) - static_cast<const char*>(at.addr);
    auto it = std::upper_bound(children.begin(), children.end(), distance,
                               [](ptrdiff_t d, const Child& c) { return d < c.distance; });
    if (it == children.begin()) break;
    --it;
    if (it->distance == distance) break;
    at = At(at, *it);
    if (!IsNamedScope(it->tag)) continue;
    absl::string_view name = Text(&at, DW_AT_name);
    if (name.empty()) name = it->tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
    // A hostile file could make gigabytes of a few names.
    if (scopes.size() + name.size() > kMaxScopes) break;
    absl::StrAppend(&scopes, name, "::");
  }
  return scopes;
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
  if (full.empty()) full = absl::StrCat(ScopesOf(at), name);
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

std::vector<SourceFrame> DebugInfo::FramesAt(uint64_t address) {
  if (!index_) index_.emplace(dwarf_);
  const uint32_t unit = index_->Find(address);
  if (unit == UnitIndex::kNone) return {};
  return FramesAt(*index_, unit, address, "");
}

std::vector<SourceFrame> DebugInfo::FramesAt(const UnitIndex& index, uint32_t unit_number,
                                             uint64_t address, absl::string_view symbol) {
  Unit* unit = Open(index.offset(unit_number));
  if (unit->die.addr == nullptr) return {};
  absl::string_view file;
  int line = 0;
  if (Dwarf_Line* row = RowAt(&unit->die, address); row != nullptr) {
    file = Path(&unit->die, dwarf_linesrc(row, nullptr, nullptr));
    dwarf_lineno(row, &line);
  }

  std::vector<Dwarf_Die> chain;  // outermost first
  if (const Function* function = FindFunction(unit, address); function != nullptr) {
    Dwarf_Die outermost = function->die;
    chain = InlinedCalls(&outermost, address, 0);
    chain.insert(chain.begin(), outermost);
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
