// The map files in which just-in-time compilers tell the addresses of what they made, as perf
// reads them (linux/tools/perf/Documentation/jit-interface.txt): lines of START SIZE NAME,
// numbers in hex. A later line says what became of the addresses of an earlier one.
//
// Thread class: free functions; any thread. May allocate; ReadPerfMap reads a file.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_PERF_MAP_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_PERF_MAP_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tidemark::symbolize {

// For each address the name of the code there, "" unknown. Lines that do not parse are passed
// over; of a name 4096 bytes count.
// REQUIRES: `addresses` ascend.
std::vector<std::string> NamesInPerfMap(absl::string_view text,
                                        absl::Span<const uint64_t> addresses);

struct PerfMapQuery {
  pid_t pid = 0;
  // When the recording took place, ns since the epoch; 0: unknown. Pids repeat: a map last
  // written before it, or made after it, is another process's.
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
  // Directories that may hold a copy of perf-PID.map; one that is there counts, whatever its
  // times are.
  absl::Span<const std::string> search_path = {};
};

struct PerfMap {
  std::vector<std::string> names;  // parallel to the addresses; empty when there is no map
  std::string problem;             // why a map that is there was not used; "" otherwise
};

// From the search path, /tmp, or /tmp in the root directory of the living process (where it may
// know itself by another pid: then there is none). A map must be a regular file; 256 MiB of it
// count. One in /tmp must be this user's or root's; root takes anyone's.
// REQUIRES: `addresses` ascend.
PerfMap ReadPerfMap(const PerfMapQuery& query, absl::Span<const uint64_t> addresses);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_PERF_MAP_H_
