// What an ELF file says about whether libtidemark.so can be preloaded into it.
//
// Thread class: pure functions. May allocate. The file is hostile input: every offset is
// bounded by its size.

#ifndef TIDEMARK_PROFILER_COLLECT_EXECUTABLE_H_
#define TIDEMARK_PROFILER_COLLECT_EXECUTABLE_H_

#include <string>

#include "absl/status/statusor.h"

namespace tidemark::collect {

// The file that exec would take for `command`: through PATH when it has no slash, and for
// a script the interpreter of its #! line. kNotFound, kPermissionDenied.
absl::StatusOr<std::string> ResolveProgram(const std::string& command);

// One sentence why a program started from this file records nothing, "" when the file
// shows no reason: static, Go, musl, 32 bit, set-user-ID (AT_SECURE), its own malloc.
std::string WhyNothingRecorded(const std::string& program);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_EXECUTABLE_H_
