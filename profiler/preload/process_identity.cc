#include "profiler/preload/process_identity.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

// Reads a small file of /proc; the number of bytes read.
size_t ReadFile(const char* path, char* to, size_t size) {
  const int fd = Open(path, O_RDONLY);
  if (fd < 0) return 0;
  size_t used = 0;
  while (used < size) {
    const long n = Read(fd, to + used, size - used);
    if (n <= 0) break;
    used += static_cast<size_t>(n);
  }
  Close(fd);
  return used;
}

void CopyText(char* to, size_t size, const char* from) {
  size_t i = 0;
  for (; from != nullptr && from[i] != '\0' && i + 1 < size; ++i) to[i] = from[i];
  to[i] = '\0';
}

}  // namespace

uint64_t MakeProcessId(uint64_t now_ns) {
  uint64_t random[2] = {};
  const void* at_random = reinterpret_cast<const void*>(getauxval(AT_RANDOM));
  if (at_random != nullptr) memcpy(random, at_random, sizeof(random));
  return Mix(random[0]) ^ Mix(random[1] + static_cast<uint64_t>(GetPid())) ^ Mix(now_ns);
}

void DescribeProcess(state::Header* header, const char* output_directory) {
  header->pid = GetPid();
  header->parent_pid = static_cast<int32_t>(Syscall(SYS_getppid));
  CopyText(header->tidemark_version, sizeof(header->tidemark_version), TIDEMARK_VERSION);
  size_t n = ReadFile("/proc/self/comm", header->comm, sizeof(header->comm) - 1);
  if (n == 0) Syscall(SYS_prctl, PR_GET_NAME, AsLong(header->comm));  // no /proc
  if (n > 0 && header->comm[n - 1] == '\n') header->comm[n - 1] = '\0';
  ReadFile("/proc/self/cmdline", header->command_line, sizeof(header->command_line) - 1);
  Syscall(SYS_readlink, AsLong("/proc/self/exe"), AsLong(header->executable),
          sizeof(header->executable) - 1);
  CopyText(header->output_directory, sizeof(header->output_directory), output_directory);
}

}  // namespace tidemark::preload
