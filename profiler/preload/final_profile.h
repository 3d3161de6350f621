// The profile that the library itself writes when its process ends, so that a plain
// LD_PRELOAD needs no helper. Not symbolized, gzip without compression.
//
// Malloc-safe, signal-safe: working memory is mapped, and unmapped again. Raises no
// signal: a limit on the file size is looked at before each write.

#ifndef TIDEMARK_PROFILER_PRELOAD_FINAL_PROFILE_H_
#define TIDEMARK_PROFILER_PRELOAD_FINAL_PROFILE_H_

#include <stddef.h>

#include "proto/state.h"

namespace tidemark::preload {

inline constexpr size_t kMaxProfilePath = 640;

struct FinalProfileOptions {
  const char* reason;  // the profile's tidemark.reason
  bool threads;        // label live rows with the thread that allocated them
};

// Writes COMM.PID.ID.SEQ.pb.gz into header->output_directory, which is created (0700)
// when missing. The file (0600) appears complete or not at all. `path` becomes its name.
// False on any trouble: no file, and `path` is "".
bool WriteFinalProfile(const state::Header* header, const FinalProfileOptions& options,
                       char (&path)[kMaxProfilePath]);

// Makes `path` (absolute) and what is missing above it, 0700. True if it is a directory
// afterwards.
bool MakeDirectories(const char* path);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_FINAL_PROFILE_H_
