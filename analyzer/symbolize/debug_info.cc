#include "analyzer/symbolize/debug_info.h"

#include <dwarf.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::symbolize {
namespace {

// Deeper than any real nesting of scopes or inlined calls; a bound for hostile files.
constexpr int kMaxDepth = 512;

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

// Scopes that functions are declared in, and that are part of their names.
bool IsNamedScope(int tag) {
  return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type ||
         tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
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

std::unique_ptr<DebugInfo> DebugInfo::Load(const ElfFile& file) {
  if (!file.has_debug_info()) return nullptr;
  Dwarf* dwarf = dwarf_begin_elf(file.elf(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return nullptr;
  std::unique_ptr<DebugInfo> info(new DebugInfo(dwarf));
  info->IndexUnits();
  if (info->ranges_.empty()) return nullptr;
  return info;
}

DebugInfo::~DebugInfo() { dwarf_end(dwarf_); }

void DebugInfo::IndexUnits() {
  Dwarf_CU* cu = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die unit_die, split_die;
  while (dwarf_get_units(dwarf_, cu, &cu, &version, &type, &unit_die, &split_die) == 0) {
    const auto index = static_cast<uint32_t>(units_.size());
    // A skeleton's ranges are its own; its functions are in the .dwo file.
    const bool split = type == DW_UT_skeleton && split_die.addr != nullptr;
    const size_t before = ranges_.size();
    ForEachRange(&unit_die, [&](uint64_t begin, uint64_t end) {
      ranges_.push_back({begin, end, index});
    });
    if (ranges_.size() == before) continue;
    units_.emplace_back();
    units_.back().die = split ? split_die : unit_die;
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const UnitRange& a, const UnitRange& b) { return a.begin < b.begin; });
}

DebugInfo::Unit* DebugInfo::FindUnit(uint64_t address) {
  auto it = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                             [](uint64_t a, const UnitRange& r) { return a < r.begin; });
  if (it == ranges_.begin()) return nullptr;
  --it;
  return address < it->end ? &units_[it->unit] : nullptr;
}

void DebugInfo::IndexFunctions(Unit* unit, bool nested) {
  unit->indexed = nested ? Unit::Indexed::kEverything : Unit::Indexed::kScopes;
  unit->functions.clear();
  struct Scope {
    Dwarf_Die die;
    int depth;
    std::string prefix;  // "a::B::"
  };
  std::vector<Scope> scopes = {{unit->die, 0, ""}};
  while (!scopes.empty()) {
    Scope scope = std::move(scopes.back());
    scopes.pop_back();
    Dwarf_Die child;
    if (dwarf_child(&scope.die, &child) != 0) continue;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_subprogram) {
        ForEachRange(&child, [&](uint64_t begin, uint64_t end) {
          unit->functions.push_back({begin, end, child});
        });
        if (!scope.prefix.empty() && LinkageName(&child).empty()) {
          scoped_names_[dwarf_dieoffset(&child)] =
              absl::StrCat(scope.prefix, Text(&child, DW_AT_name));
        }
      }
      if (scope.depth == kMaxDepth || dwarf_haschildren(&child) != 1) continue;
      if (IsNamedScope(tag)) {
        absl::string_view name = Text(&child, DW_AT_name);
        if (name.empty()) name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
        scopes.push_back({child, scope.depth + 1, absl::StrCat(scope.prefix, name, "::")});
      } else if (nested && IsCodeScope(tag)) {
        scopes.push_back({child, scope.depth + 1, scope.prefix});
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }
  std::sort(unit->functions.begin(), unit->functions.end(),
            [](const Function& a, const Function& b) { return a.begin < b.begin; });
}

absl::string_view DebugInfo::ScopedName(Dwarf_Die* die) const {
  Dwarf_Die at = *die;
  for (int hops = 0; hops < 4; ++hops) {  // inlined -> abstract -> declaration
    const auto it = scoped_names_.find(dwarf_dieoffset(&at));
    if (it != scoped_names_.end()) return it->second;
    Dwarf_Attribute attribute;
    Dwarf_Attribute* next = dwarf_attr(&at, DW_AT_abstract_origin, &attribute);
    if (next == nullptr) next = dwarf_attr(&at, DW_AT_specification, &attribute);
    if (next == nullptr || dwarf_formref_die(next, &at) == nullptr) break;
  }
  return Text(die, DW_AT_name);
}

const DebugInfo::Function* DebugInfo::FindFunction(Unit* unit, uint64_t address) {
  const auto find = [&]() -> const Function* {
    auto it = std::upper_bound(unit->functions.begin(), unit->functions.end(), address,
                               [](uint64_t a, const Function& f) { return a < f.begin; });
    if (it == unit->functions.begin()) return nullptr;
    --it;
    return address < it->end ? &*it : nullptr;
  };
  if (unit->indexed == Unit::Indexed::kNothing) IndexFunctions(unit, /*nested=*/false);
  const Function* function = find();
  if (function == nullptr && unit->indexed == Unit::Indexed::kScopes) {
    IndexFunctions(unit, /*nested=*/true);
    function = find();
  }
  return function;
}

std::string DebugInfo::Absolute(Dwarf_Die* unit, const char* file) {
  if (file == nullptr || absl::string_view(file) == "???") return "";
  if (file[0] == '/') return file;
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
  return directory == nullptr ? std::string(file) : absl::StrCat(directory, "/", file);
}

std::string DebugInfo::FileName(Dwarf_Die* unit, uint64_t index) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || index >= count) return "";
  return Absolute(unit, dwarf_filesrc(files, index, nullptr, nullptr));
}

std::vector<SourceFrame> DebugInfo::FramesAt(uint64_t address) {
  Unit* unit = FindUnit(address);
  if (unit == nullptr) return {};
  std::string file;
  int line = 0;
  if (Dwarf_Line* row = dwarf_getsrc_die(&unit->die, address); row != nullptr) {
    file = Absolute(&unit->die, dwarf_linesrc(row, nullptr, nullptr));
    dwarf_lineno(row, &line);
  }

  std::vector<Dwarf_Die> chain;  // outermost first
  if (const Function* function = FindFunction(unit, address); function != nullptr) {
    Dwarf_Die outermost = function->die;
    chain.push_back(outermost);
    CollectInlined(&outermost, address, 0, &chain);
  }
  std::vector<SourceFrame> frames;
  if (chain.empty() && !file.empty()) {  // assembly: lines but no functions
    frames.push_back({"", "", std::move(file), line, 0});
    return frames;
  }
  int64_t at_line = line;
  for (auto die = chain.rbegin(); die != chain.rend(); ++die) {
    const absl::string_view linkage_name = LinkageName(&*die);
    frames.push_back({linkage_name, linkage_name.empty() ? ScopedName(&*die) : "", std::move(file),
                      at_line, static_cast<int64_t>(Number(&*die, DW_AT_decl_line))});
    file = FileName(&unit->die, Number(&*die, DW_AT_call_file));
    at_line = static_cast<int64_t>(Number(&*die, DW_AT_call_line));
  }
  return frames;
}

}  // namespace tidemark::symbolize
