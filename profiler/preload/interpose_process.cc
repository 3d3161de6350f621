// The calls that end a process or replace its program, and dlclose, as the target calls
// them. dlopen is not among them: it looks at its caller's address.
//
// glibc's own calls of _exit and execve do not come here: not those of daemon, which is
// therefore taken for an end of the calling process, nor those of posix_spawn's child, which
// shares its parent's memory and leaves nothing of its own. A program that ends itself by
// syscall(SYS_exit_group) leaves its state file, which tells what was recorded.

#include <alloca.h>
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "profiler/preload/exec_environment.h"
#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/os.h"
#include "profiler/preload/symbol_lookup.h"

namespace tidemark::preload {
namespace {

using Arguments = char* const*;
using Spawn = int(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                  Arguments, Arguments);

// Found when the library is loaded, or before by another library's constructor. Not later:
// a fork child could not look for them safely, the dynamic linker's lock may be held by a
// thread that it does not have.
struct NextProcessCalls {
  int (*execve)(const char*, Arguments, Arguments);
  int (*execvpe)(const char*, Arguments, Arguments);
  int (*fexecve)(int, Arguments, Arguments);
  int (*execveat)(int, const char*, Arguments, Arguments, int);
  Spawn* posix_spawn;
  Spawn* posix_spawnp;
  int (*daemon)(int, int);
  void (*exit_now)(int);
  int (*dlclose)(void*);
  bool found;
};
constinit NextProcessCalls g_calls = {};

template <class F>
void Look(const char* name, F* function) {
  void* found = FindNext(name, Search::kAtStart).function;
  if (found != nullptr) *function = reinterpret_cast<F>(found);
}

__attribute__((constructor)) void FindProcessCalls() {
  Look("execve", &g_calls.execve);
  Look("execvpe", &g_calls.execvpe);
  Look("fexecve", &g_calls.fexecve);
  Look("execveat", &g_calls.execveat);
  Look("posix_spawn", &g_calls.posix_spawn);
  Look("posix_spawnp", &g_calls.posix_spawnp);
  Look("daemon", &g_calls.daemon);
  Look("_exit", &g_calls.exit_now);
  Look("dlclose", &g_calls.dlclose);
  g_calls.found = true;
}

const NextProcessCalls& Calls() {
  if (TM_UNLIKELY(!g_calls.found)) FindProcessCalls();
  return g_calls;
}

bool IsExecutable(const char* path) {
  constexpr long kMayExecute = 1;
  return InSandbox() || Syscall(SYS_faccessat, AT_FDCWD, AsLong(path), kMayExecute) == 0;
}

// The file that execvp would run, made in `candidate` if need be; nullptr: none. A shell
// tries one directory of PATH after the other; a profile for each attempt would be written
// and removed again.
const char* FindProgram(const char* file, char (&candidate)[4096]) {
  if (strchr(file, '/') != nullptr) return IsExecutable(file) ? file : nullptr;
  const char* path = "/bin:/usr/bin";
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (strncmp(*entry, "PATH=", 5) == 0) {
      path = *entry + 5;
      break;
    }
  }
  for (;;) {
    const size_t length = strcspn(path, ":");
    const size_t file_length = strlen(file);
    if (length + file_length + 2 <= sizeof(candidate)) {
      memcpy(candidate, path, length);
      size_t at = length;
      if (length > 0) candidate[at++] = '/';
      memcpy(candidate + at, file, file_length + 1);
      if (IsExecutable(candidate)) return candidate;
    }
    if (path[length] == '\0') return nullptr;
    path += length + 1;
  }
}

// Looking at files is out of the question in a sandbox.
bool IsForeign(int directory, const char* path) {
  return !InSandbox() && IsForeignProgram(directory, path);
}

// Environments whose copy is bigger go into a mapping. (Of a vfork child that becomes another
// program its parent then keeps it, once per program started: small beside what it starts.)
constexpr size_t kMaxBytesOnStack = 8192;

// Runs start(environment), with the environment that a program is to find.
template <class Start>
int WithEnvironment(Arguments environment, const EnvironmentChanges& changes, Start start) {
  const size_t bytes = ChangedEnvironmentBytes(environment, changes);
  if (bytes == 0) return start(environment);
  const bool on_stack = bytes <= kMaxBytesOnStack;
  void* memory = on_stack ? alloca(bytes) : MapPrivate(bytes);
  if (memory == nullptr) return start(environment);
  const int result = start(ChangeEnvironment(environment, changes, memory));
  if (!on_stack) Unmap(memory, bytes);
  return result;
}

// Runs exec(environment), which returns only if it fails. `likely`: nothing says yet that it
// will.
template <class Exec>
int Replace(bool likely, bool foreign, Arguments environment, Exec exec) {
  if (!likely) return exec(environment);
  SuspendRecording(state::kSealExec);
  const int result = WithEnvironment(environment, {foreign, IsFirstProcess()}, exec);
  const int saved_errno = errno;
  ResumeRecording();
  errno = saved_errno;
  return result;
}

int Missing() {
  errno = ENOSYS;
  return -1;
}

int Execve(const char* path, Arguments arguments, Arguments environment) {
  if (Calls().execve == nullptr) return Missing();
  const bool likely = IsExecutable(path);
  return Replace(likely, likely && IsForeign(AT_FDCWD, path), environment,
                 [&](Arguments e) { return g_calls.execve(path, arguments, e); });
}

int Execv(const char* path, Arguments arguments) { return Execve(path, arguments, environ); }

int Execvpe(const char* file, Arguments arguments, Arguments environment) {
  if (Calls().execvpe == nullptr) return Missing();
  char candidate[4096];
  const char* path = FindProgram(file, candidate);
  return Replace(path != nullptr, path != nullptr && IsForeign(AT_FDCWD, path), environment,
                 [&](Arguments e) { return g_calls.execvpe(file, arguments, e); });
}

int SpawnProgram(Spawn* next, const char* path, pid_t* child, const char* file,
                 const posix_spawn_file_actions_t* actions, const posix_spawnattr_t* attributes,
                 Arguments arguments, Arguments environment) {
  if (next == nullptr) return ENOSYS;
  const bool foreign = path != nullptr && IsForeign(AT_FDCWD, path);
  return WithEnvironment(environment, {foreign, false}, [&](Arguments e) {
    return next(child, file, actions, attributes, arguments, e);
  });
}

// The arguments of execl and its like, up to the null pointer that ends them.
size_t CountArguments(va_list list) {
  size_t count = 1;
  while (va_arg(list, const char*) != nullptr) ++count;
  return count;
}

// to[0] = first, then the list with its null pointer.
void CopyArguments(char** to, const char* first, va_list list) {
  size_t i = 0;
  to[i++] = const_cast<char*>(first);
  do {
    to[i] = va_arg(list, char*);
  } while (to[i++] != nullptr);
}

// `arguments` becomes an array on this function's stack; `list` stays behind the last.
#define TM_ARGUMENTS(arguments, first, list)                                               \
  va_list list;                                                                            \
  va_start(list, first);                                                                   \
  const size_t arguments##_count = CountArguments(list);                                   \
  va_end(list);                                                                            \
  char** arguments = static_cast<char**>(alloca((arguments##_count + 1) * sizeof(char*))); \
  va_start(list, first);                                                                   \
  CopyArguments(arguments, first, list)

[[noreturn]] void ExitNow(int status) {
  FinishRecording(state::kSealExited, status);
  if (Calls().exit_now != nullptr) g_calls.exit_now(status);
  for (;;) Syscall(SYS_exit_group, status);
}

}  // namespace

extern "C" {

TM_EXPORT int execve(const char* path, Arguments arguments, Arguments environment) noexcept {
  return Execve(path, arguments, environment);
}

TM_EXPORT int execv(const char* path, Arguments arguments) noexcept {
  return Execv(path, arguments);
}

TM_EXPORT int execvp(const char* file, Arguments arguments) noexcept {
  return Execvpe(file, arguments, environ);
}

TM_EXPORT int execvpe(const char* file, Arguments arguments, Arguments environment) noexcept {
  return Execvpe(file, arguments, environment);
}

TM_EXPORT int execl(const char* path, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  va_end(list);
  return Execv(path, arguments);
}

TM_EXPORT int execlp(const char* file, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  va_end(list);
  return Execvpe(file, arguments, environ);
}

TM_EXPORT int execle(const char* path, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  const Arguments environment = va_arg(list, Arguments);
  va_end(list);
  return Execve(path, arguments, environment);
}

TM_EXPORT int fexecve(int fd, Arguments arguments, Arguments environment) noexcept {
  if (Calls().fexecve == nullptr) return Missing();
  return Replace(true, !InSandbox() && IsForeignProgram(fd), environment,
                 [&](Arguments e) { return g_calls.fexecve(fd, arguments, e); });
}

TM_EXPORT int execveat(int directory, const char* path, Arguments arguments, Arguments environment,
                       int flags) noexcept {
  if (Calls().execveat == nullptr) return Missing();
  const bool by_fd = path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0;
  const bool foreign =
      by_fd ? !InSandbox() && IsForeignProgram(directory) : IsForeign(directory, path);
  return Replace(true, foreign, environment, [&](Arguments e) {
    return g_calls.execveat(directory, path, arguments, e, flags);
  });
}

TM_EXPORT int posix_spawn(pid_t* child, const char* path, const posix_spawn_file_actions_t* actions,
                          const posix_spawnattr_t* attributes, Arguments arguments,
                          Arguments environment) {
  return SpawnProgram(Calls().posix_spawn, path, child, path, actions, attributes, arguments,
                      environment);
}

TM_EXPORT int posix_spawnp(pid_t* child, const char* file,
                           const posix_spawn_file_actions_t* actions,
                           const posix_spawnattr_t* attributes, Arguments arguments,
                           Arguments environment) {
  char candidate[4096];
  return SpawnProgram(Calls().posix_spawnp, FindProgram(file, candidate), child, file, actions,
                      attributes, arguments, environment);
}

// The caller ends inside, by libc's own _exit; its child goes on, and records anew.
TM_EXPORT int daemon(int keep_directory, int keep_files) noexcept {
  if (Calls().daemon == nullptr) return Missing();
  SuspendRecording(state::kSealExited);
  const int result = g_calls.daemon(keep_directory, keep_files);
  const int saved_errno = errno;
  ResumeRecording();
  errno = saved_errno;
  return result;
}

TM_EXPORT void _exit(int status) { ExitNow(status); }
TM_EXPORT void _Exit(int status) noexcept { ExitNow(status); }

TM_EXPORT int dlclose(void* handle) noexcept {
  // Before glibc 2.34 it is in a library of its own that may come later.
  if (Calls().dlclose == nullptr) {
    g_calls.dlclose = reinterpret_cast<int (*)(void*)>(FindNext("dlclose", Search::kNow).function);
    if (g_calls.dlclose == nullptr) return -1;
  }
  const int result = g_calls.dlclose(handle);
  AfterDlclose();
  return result;
}

}  // extern "C"

}  // namespace tidemark::preload
