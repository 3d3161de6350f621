// From a profile's mapping to the files that can name its addresses: the module itself and
// its separate debug file. A file whose build id differs from the mapping's is refused.
//
// Where is looked, in this order:
//   1. each directory D of the search path as pprof does with PPROF_BINARY_PATH:
//      D/ID/NAME, D/ID/*, D/PATH/ID, D/ID[0:2]/ID[2:].debug, D/NAME, D/PATH, D/PATH.debug,
//      D/DIR/.debug/NAME.debug, D/usr/lib/debug/DIR/NAME.debug; and D/.build-id/xx/yy.debug
//   2. PATH itself ([vdso]: this process's own, which is right only if the build id agrees)
//   3. for debug information: /usr/lib/debug/.build-id/xx/yy.debug, then .gnu_debuglink
//      beside the module, in .debug beside it, and below /usr/lib/debug
//
// Thread class: free functions; any thread. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

struct ModuleFiles {
  std::unique_ptr<ElfFile> module;  // may be null; when the module is gone
  std::unique_ptr<ElfFile> debug;   // null when `module` has the debug information, or none
  std::string problem;              // why something is missing, for people; "" when nothing is

  bool found() const { return module != nullptr || debug != nullptr; }
  // The one with debug information, else the module. REQUIRES: found().
  const ElfFile& best() const { return debug ? *debug : *module; }
};

// `path` and `build_id` (hex, "" unknown) are a mapping's.
ModuleFiles FindModule(const std::string& path, const std::string& build_id,
                       absl::Span<const std::string> search_path);

// Not files: "[heap]", "//anon", "/dev/dri/card0"; nothing there can be symbolized.
bool IsAnonymous(absl::string_view path);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_
