// The memory limit of a process's control group (cgroups(7)), versions 1 and 2.
//
// Thread class: pure functions of the system's state. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_CGROUP_H_
#define TIDEMARK_PROFILER_COLLECT_CGROUP_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace tidemark::collect {

// Bytes; 0 when there is no limit or it cannot be seen.
uint64_t ReadMemoryLimit(pid_t pid);

// The same from the text of /proc/PID/cgroup and the folder where the groups are mounted
// (/sys/fs/cgroup). A group's own limit and those of all groups around it count: the least.
uint64_t MemoryLimitOf(const std::string& cgroup_text, const std::string& root);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_CGROUP_H_
