// What `tidemark record` says when a run is over.
//
// Thread class: pure functions, but for a look at the program's file. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_RUN_REPORT_H_
#define TIDEMARK_PROFILER_COLLECT_RUN_REPORT_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "profiler/collect/profile_finisher.h"
#include "profiler/collect/run_files.h"

namespace tidemark::collect {

struct RunOutcome {
  std::string program;  // as the user named it
  pid_t pid = 0;        // of the process that was started
  std::string output_directory;
  bool was_dormant = false;  // TIDEMARK_ACTIVE=0
  std::vector<ProfileFinisher::Finished> finished;
  std::vector<std::string> raw;     // profiles whose symbols were not looked up, on request
  std::vector<std::string> errors;  // beside those in `finished`
  std::vector<RunningProcess> still_running;
};

// In this order, as far as there is anything: errors, losses by name, who runs on, where the
// profiles are or why there are none, and the next command to type.
std::vector<std::string> RunReport(const RunOutcome& outcome);

// "1 process", "2 processes".
std::string Count(uint64_t n, const char* what);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_RUN_REPORT_H_
