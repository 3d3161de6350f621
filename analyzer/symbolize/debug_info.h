// Function, file, line and inlined callers of an address, from a file's DWARF (read with
// elfutils' libdw, which takes care of versions 2 to 5, compressed sections, dwz and .dwo).
//
// The idea: .debug_aranges cannot be relied on (clang writes none), and asking libdw for
// the scopes of an address walks a whole unit each time. So the units' address ranges are
// indexed once for all threads, the functions of a unit when an address first falls into it,
// and only the inlined calls within the one function are walked for each address. What is
// rarely needed is looked for last: functions in classes, then those nested in others
// (lambdas); and the scopes that a name stands in.
//
// Thread class: UnitIndex is immutable; any thread. DebugInfo: one thread at a time per
// object; different objects on different threads are fine. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

// One logical frame at an address. Its texts live as long as the DebugInfo.
struct SourceFrame {
  absl::string_view linkage_name;  // mangled; "" where it is the name, or unknown
  absl::string_view name;          // with its namespaces and classes where there is no
                                   // linkage_name; "" unknown
  absl::string_view file;          // absolute where the compilation directory is known; ""
  int64_t line = 0;                // 0: unknown
  int64_t start_line = 0;          // where the function is declared; 0: unknown
};

// Which unit has which addresses.
class UnitIndex {
 public:
  explicit UnitIndex(Dwarf* dwarf);

  static constexpr uint32_t kNone = 0xffffffff;
  size_t size() const { return offsets_.size(); }
  // The unit at a link-time address, or kNone.
  uint32_t Find(uint64_t address) const;
  Dwarf_Off offset(uint32_t unit) const { return offsets_[unit]; }
  // Whether some unit's functions are in a .dwo or .dwp file.
  bool has_split_units() const { return has_split_units_; }

 private:
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t unit = 0;
  };
  std::vector<Dwarf_Off> offsets_;  // of the units' DIEs
  std::vector<Range> ranges_;       // by begin
  bool has_split_units_ = false;
};

class DebugInfo {
 public:
  // `file` and `alt` (dwz's common file; null if there is none) must remain live. Null when
  // it has no (readable) debug information.
  static std::unique_ptr<DebugInfo> Load(const ElfFile& file, const ElfFile* alt = nullptr);
  ~DebugInfo();
  DebugInfo(const DebugInfo&) = delete;
  DebugInfo& operator=(const DebugInfo&) = delete;

  Dwarf* dwarf() const { return dwarf_; }

  // At a link-time address of a unit, the innermost inlined function first; empty when
  // nothing is known there. `symbol` is what the symbol table calls the outermost function:
  // its linkage name where the debug information has none. It knows what that may lack
  // (functions in assembly, C++ functions in anonymous namespaces), and for a C function with
  // aliases (__GI___strdup) the name that people use.
  // REQUIRES: `index` is of the same file, `unit` is in it; `symbol` outlives the result.
  std::vector<SourceFrame> FramesAt(const UnitIndex& index, uint32_t unit, uint64_t address,
                                    absl::string_view symbol);
  // The same for those who ask on one thread and know no symbol.
  std::vector<SourceFrame> FramesAt(uint64_t address);

 private:
  struct Function {
    uint64_t begin = 0;
    uint64_t end = 0;
    Dwarf_Die die;
  };
  // How much of a unit has been searched for functions.
  enum class Depth { kNothing, kNamespaces, kClasses, kEverything };
  struct Unit {
    Dwarf_Die die;
    Depth depth = Depth::kNothing;
    std::vector<Function> functions;  // by begin; one entry for each range
  };

  struct Child {
    uint32_t distance = 0;  // in .debug_info, from its parent
    uint16_t tag = 0;
  };

  DebugInfo(Dwarf* dwarf, Dwarf* alt) : dwarf_(dwarf), alt_(alt) {}
  Unit* Open(Dwarf_Off offset);
  void IndexFunctions(Unit* unit, Depth depth);
  const Function* FindFunction(Unit* unit, uint64_t address);
  const std::vector<Child>& ChildrenOf(const Dwarf_Die& parent);
  static Dwarf_Die At(const Dwarf_Die& parent, const Child& child);
  std::string ScopesOf(const Dwarf_Die& target);
  absl::string_view ScopedName(Dwarf_Die* die);
  absl::string_view FileName(Dwarf_Die* unit, uint64_t index);
  absl::string_view Path(Dwarf_Die* unit, const char* file);

  Dwarf* dwarf_;
  Dwarf* alt_;                      // dwz's, or null
  std::optional<UnitIndex> index_;  // FramesAt(address)'s
  absl::node_hash_map<Dwarf_Off, Unit> units_;
  // DIEs are known by where they are in memory, which tells this file's from dwz's common one's.
  absl::node_hash_map<const void*, std::vector<Child>> children_;
  absl::node_hash_map<const void*, std::string> scoped_names_;
  absl::node_hash_map<const void*, std::string> paths_;  // by libdw's text
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_
