// `tidemark record`: runs a program with libtidemark.so preloaded and collects what it and
// its children record.
//
// The target keeps its standard streams, its process group and its terminal; everything
// said here goes to stderr before it starts or after it ended, except a progress line
// while stderr is a terminal.

#ifndef TIDEMARK_PROFILER_COLLECT_RECORD_H_
#define TIDEMARK_PROFILER_COLLECT_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "profiler/collect/profile_finisher.h"

namespace tidemark::collect {

struct RecordOptions {
  std::vector<std::string> command;  // program and arguments; not empty
  std::string output_directory;      // created if missing
  std::string rate;                  // TIDEMARK_RATE; empty: the library's default
  double interval_s = 0;             // between snapshots of every process; 0: none
  uint64_t growth_bytes = 0;         // snapshot a process each time its live heap grew so; 0: none
  std::string children;              // TIDEMARK_CHILDREN; empty: the library's default
  bool tcmalloc = false;             // put gperftools' allocator beneath the sampler
  bool mmap = false;                 // TIDEMARK_MMAP=1: record mappings too
  bool threads = false;              // label live rows with the thread that allocated them
  ProfileWriter writer;
};

// The status of our own failures: 125, or as a shell's 126 (found, cannot run) and 127.
inline constexpr int kRecordFailed = 125;
inline constexpr int kCannotRun = 126;
inline constexpr int kNotFound = 127;

// Runs to the end of the program and returns its exit status (128 + n for signal n), or
// one of the above after one line on stderr.
// REQUIRES: no other thread runs.
int Record(const RecordOptions& options);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_RECORD_H_
