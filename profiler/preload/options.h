// The environment variables that steer the recorder.
//
// Malloc-safe. Read once, at start.

#ifndef TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_
#define TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_

#include <stdint.h>

namespace tidemark::preload {

struct Options {
  uint64_t rate_bytes;   // TIDEMARK_RATE, mean bytes between samples; 1 when exact
  bool exact;            // TIDEMARK_RATE=exact
  const char* output;    // TIDEMARK_OUT, or nullptr for the default directory
  const char* state;     // TIDEMARK_STATE, or nullptr for the default places
  bool children;         // TIDEMARK_CHILDREN=all|none: profile fork and exec children
  bool excluded;         // this program is an exec child under TIDEMARK_CHILDREN=none
  bool active;           // TIDEMARK_ACTIVE=0: dormant
  bool log;              // TIDEMARK_LOG=1: say on stderr what happens
  bool threads;          // TIDEMARK_THREADS=1: the final profile names threads
  bool mmap;             // TIDEMARK_MMAP=1: the program's own anonymous mappings count too
  char* children_value;  // the value of TIDEMARK_CHILDREN in the environment itself
};

// What an exec child finds in place of "none" (of the same length): its parent is the
// program that was meant.
inline constexpr char kChildrenNone[] = "none";
inline constexpr char kChildrenSkip[] = "skip";

// Calls complain(name, value, expected, used) for each value that does not parse; the
// default stands then. Strings in the result are the environment's own.
using Complain = void (*)(const char* name, const char* value, const char* expected,
                          const char* used);
Options ParseOptions(char** environment, Complain complain);

// "524288", "512K", "1M", "2G" (binary units, either case). False unless the text is
// exactly that and 1 <= bytes <= 2^40.
bool ParseBytes(const char* text, uint64_t* bytes);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_
