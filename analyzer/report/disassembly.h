// Values by instruction, for functions that a regex names: pprof's -disasm. How modules are
// found and decoded is the caller's (CodeModule).
//
// Thread class: free functions over a const Selection; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_DISASSEMBLY_H_
#define TIDEMARK_ANALYZER_REPORT_DISASSEMBLY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

// One program or library. Addresses are link-time unless it says otherwise.
class CodeModule {
 public:
  struct Symbol {
    uint64_t begin = 0;  // [begin, end)
    uint64_t end = 0;
    std::vector<std::string> names;      // for people; not empty
    std::vector<std::string> raw_names;  // as in the symbol table, one for each of `names`
  };
  struct Instruction {
    uint64_t address = 0;
    std::string text;
    std::string function;  // the innermost inlined one; "" unknown
    std::string file;
    int64_t line = 0;
  };

  virtual ~CodeModule() = default;
  virtual const std::vector<Symbol>& symbols() const = 0;  // by begin
  // Of a run-time address in `mapping`; nullopt when the file has nothing there.
  virtual std::optional<uint64_t> LinkAddress(const Mapping& mapping, uint64_t address) const = 0;
  virtual absl::StatusOr<std::vector<Instruction>> Disassemble(const Symbol& symbol) = 0;
};

struct DisassembledLine {
  uint64_t address = 0;
  std::string text;
  std::string function;
  std::string file;
  int64_t line = 0;
  Weight flat;  // of the samples at any of the instruction's bytes
  Weight cum;
};

struct DisassembledRoutine {
  std::string name;
  std::string raw_name;
  std::vector<std::string> aliases;
  std::string module;  // path of the mapping's file
  int64_t flat = 0;    // not divided under Options::mean, as pprof's
  int64_t cum = 0;
  std::vector<DisassembledLine> lines;
};

struct Disassembly {
  std::vector<DisassembledRoutine> routines;  // by name, then address; with samples
  std::vector<std::string> problems;          // modules and functions that could not be shown
};

using OpenCodeModule =
    absl::FunctionRef<absl::StatusOr<std::unique_ptr<CodeModule>>(const Mapping& mapping)>;

// Functions one of whose names `regex` matches anywhere, or that hold the address that `regex`
// is ("0x401136"). Only modules with a sample whose printed name matches are opened.
// REQUIRES: the selection's granularity is kAddresses, with no_inlines.
// kInvalidArgument when the regex does not compile, kNotFound when nothing matches.
absl::StatusOr<Disassembly> Disassemble(const Selection& selection, absl::string_view regex,
                                        OpenCodeModule open_module);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_DISASSEMBLY_H_
