// Function, file, line and inlined callers of an address, from a file's DWARF (read with
// elfutils' libdw, which takes care of versions 2 to 5, compressed sections and dwz).
//
// The idea: .debug_aranges cannot be relied on (clang writes none), and asking libdw for
// the scopes of an address walks a whole unit each time. So the units' address ranges are
// indexed once, the functions of a unit when an address first falls into it, and only the
// inlined calls within the one function are walked for each address. Functions nested in
// others (lambdas) are only looked for when an address is in no other function: finding them
// takes a walk over all of a unit.
//
// Thread class: one thread at a time per object; different objects on different threads
// are fine. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

// One logical frame at an address.
struct SourceFrame {
  absl::string_view linkage_name;  // mangled; "" where it is the name, or unknown
  absl::string_view name;          // with its namespaces and classes where there is no
                                   // linkage_name; "" unknown
  std::string file;                // absolute where the compilation directory is known; ""
  int64_t line = 0;                // 0: unknown
  int64_t start_line = 0;          // where the function is declared; 0: unknown
};

class DebugInfo {
 public:
  // `file` must remain live. Null when it has no (readable) debug information.
  static std::unique_ptr<DebugInfo> Load(const ElfFile& file);
  ~DebugInfo();
  DebugInfo(const DebugInfo&) = delete;
  DebugInfo& operator=(const DebugInfo&) = delete;

  // At a link-time address, the innermost inlined function first; empty when no function
  // is known there. Names live as long as this object.
  std::vector<SourceFrame> FramesAt(uint64_t address);

 private:
  struct Function {
    uint64_t begin = 0;
    uint64_t end = 0;
    Dwarf_Die die;
  };
  struct Unit {
    Dwarf_Die die;
    enum class Indexed { kNothing, kScopes, kEverything } indexed = Indexed::kNothing;
    std::vector<Function> functions;  // by begin; one entry for each range
  };
  struct UnitRange {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t unit = 0;
  };

  explicit DebugInfo(Dwarf* dwarf) : dwarf_(dwarf) {}
  void IndexUnits();
  // Functions in namespaces and classes, or (nested) also those within functions.
  void IndexFunctions(Unit* unit, bool nested);
  absl::string_view ScopedName(Dwarf_Die* die) const;
  Unit* FindUnit(uint64_t address);
  const Function* FindFunction(Unit* unit, uint64_t address);
  std::string FileName(Dwarf_Die* unit, uint64_t index);
  static std::string Absolute(Dwarf_Die* unit, const char* file);

  Dwarf* dwarf_;
  std::vector<Unit> units_;
  std::vector<UnitRange> ranges_;  // by begin
  // By DIE offset, of functions without a linkage name in a namespace or class.
  absl::flat_hash_map<Dwarf_Off, std::string> scoped_names_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_DEBUG_INFO_H_
