// From a profile's mapping to the files that can name its addresses: the module itself and
// its separate debug file. A file whose build id differs from the mapping's is refused.
//
// Where is looked, in this order:
//   1. each directory D of the search path as pprof does with PPROF_BINARY_PATH:
//      D/ID/NAME, D/ID/*, D/PATH/ID, D/ID[0:2]/ID[2:].debug, D/NAME, D/PATH, D/PATH.debug,
//      D/DIR/.debug/NAME.debug, D/usr/lib/debug/DIR/NAME.debug; and D/.build-id/xx/yy.debug
//   2. PATH itself ([vdso]: this process's own, which is right only if the build id agrees)
//   3. if the mapping has a build id: what the process of the profile has open, while it lives
//      (its PATH in its root directory, which a container has of its own; its executable and
//      mapped files, though deleted since)
//   4. for debug information: /usr/lib/debug/.build-id/xx/yy.debug, then .gnu_debuglink
//      beside the module, in .debug beside it, and below /usr/lib/debug
//   5. debuginfod servers, for a file with that build id
// dwz's common file (.gnu_debugaltlink) is found as dwz wrote it, then by build id as above.
//
// Thread class: free functions; any thread. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/symbolize/debuginfod.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

struct ModuleFiles {
  std::unique_ptr<ElfFile> module;  // may be null; when the module is gone
  std::unique_ptr<ElfFile> debug;   // null when `module` has the debug information, or none
  std::unique_ptr<ElfFile> alt;     // dwz's common file of best(), if that needs one
  std::string problem;              // why something is missing, for people; "" when nothing is

  bool found() const { return module != nullptr || debug != nullptr; }
  // The one with debug information, else the module. REQUIRES: found().
  const ElfFile& best() const { return debug ? *debug : *module; }
  // Whether the debug information refers to a file that is not there. REQUIRES: found().
  bool lacks_alt() const { return best().alt_link() && !alt; }
};

struct ModuleQuery {
  std::string path;      // the mapping's
  std::string build_id;  // the mapping's, hex; "" unknown
  absl::Span<const std::string> search_path = {};
  // Where the module was mapped, and in which process, if that may still live; 0: unknown.
  pid_t pid = 0;
  uint64_t start = 0;
  uint64_t limit = 0;
  bool debug_info = true;        // false: the module is enough
  Debuginfod* remote = nullptr;  // null: ask no server
};

ModuleFiles FindModule(const ModuleQuery& query);

// Not files: "[heap]", "//anon", "/dev/dri/card0"; nothing there can be symbolized.
bool IsAnonymous(absl::string_view path);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_FINDER_H_
