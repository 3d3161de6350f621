// The environment variables that steer the recorder.
//
// Malloc-safe. Read once, at start.

#ifndef TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_
#define TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_

#include <stdint.h>

namespace tidemark::preload {

// Which fork and exec children are recorded.
enum class Children { kAll, kNone, kMatching };

struct Options {
  uint64_t rate_bytes;  // TIDEMARK_RATE, mean bytes between samples; 1 when exact
  bool exact;           // TIDEMARK_RATE=exact
  const char* output;   // TIDEMARK_OUT, or nullptr for the default directory
  const char* state;    // TIDEMARK_STATE, or nullptr for the default places
  Children children;    // TIDEMARK_CHILDREN=all|none|PATTERN
  const char* pattern;  // kMatching: of the programs' names
  bool is_child;        // started by the program that TIDEMARK_CHILDREN was meant for
  bool excluded;        // TIDEMARK_CHILDREN=skip: not this program, nor any that it starts
  bool active;          // TIDEMARK_ACTIVE=0: dormant
  bool log;             // TIDEMARK_LOG=1: say on stderr what happens
  bool threads;         // TIDEMARK_THREADS=1: the final profile names threads
  bool mmap;            // TIDEMARK_MMAP=1: the program's own anonymous mappings count too
};

// The program that is meant finds its wish under the first name. It renames it in its own
// environment, in place (the names have one length), so that the programs it starts know
// that they are children.
inline constexpr char kChildrenName[] = "TIDEMARK_CHILDREN";
inline constexpr char kChildOfName[] = "TIDEMARK_CHILD_OF";
static_assert(sizeof(kChildrenName) == sizeof(kChildOfName));

// Does it; a child's wish, found beside one of its own, is renamed to nothing known.
void MarkChildren(char** environment);

// Calls complain(name, value, expected, used) for each value that does not parse; the
// default stands then. Strings in the result are the environment's own.
using Complain = void (*)(const char* name, const char* value, const char* expected,
                          const char* used);
Options ParseOptions(char** environment, Complain complain);

// "524288", "512K", "1M", "2G" (binary units, either case). False unless the text is
// exactly that and 1 <= bytes <= 2^40.
bool ParseBytes(const char* text, uint64_t* bytes);

// Does the whole of `name` match? `*` stands for any characters, `?` for one, `[a-z_]` for
// one of a set, `[!a-z]` for one not of it; a `[` that is never closed for itself. Not
// fnmatch, which allocates.
bool MatchesPattern(const char* pattern, const char* name);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_OPTIONS_H_
