// The calls that end a process or replace its program, and dlclose, as the target calls
// them. dlopen is not among them: it looks at its caller's address.
//
// glibc's own calls of _exit and execve (in daemon(), posix_spawn) do not come here. After
// those the state file stays, and tells what was recorded.

#include <alloca.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/os.h"
#include "profiler/preload/symbol_lookup.h"

namespace tidemark::preload {
namespace {

using Arguments = char* const*;

// Found when the library is loaded, or before by another library's constructor. Not later:
// a fork child could not look for them safely, the dynamic linker's lock may be held by a
// thread that it does not have.
struct NextProcessCalls {
  int (*execve)(const char*, Arguments, Arguments);
  int (*execv)(const char*, Arguments);
  int (*execvp)(const char*, Arguments);
  int (*execvpe)(const char*, Arguments, Arguments);
  int (*fexecve)(int, Arguments, Arguments);
  int (*execveat)(int, const char*, Arguments, Arguments, int);
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
  Look("execv", &g_calls.execv);
  Look("execvp", &g_calls.execvp);
  Look("execvpe", &g_calls.execvpe);
  Look("fexecve", &g_calls.fexecve);
  Look("execveat", &g_calls.execveat);
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

// Will exec find a program? A shell tries one directory of PATH after the other; a
// profile for each attempt would be written and removed again.
bool FindsProgram(const char* file) {
  if (strchr(file, '/') != nullptr) return IsExecutable(file);
  const char* path = nullptr;
  for (char** entry = environ; entry != nullptr && *entry != nullptr && path == nullptr; ++entry) {
    if (strncmp(*entry, "PATH=", 5) == 0) path = *entry + 5;
  }
  if (path == nullptr) return true;
  char candidate[4096];
  for (;;) {
    const size_t length = strcspn(path, ":");
    const size_t file_length = strlen(file);
    if (length + file_length + 2 <= sizeof(candidate)) {
      memcpy(candidate, path, length);
      size_t at = length;
      if (length > 0) candidate[at++] = '/';
      memcpy(candidate + at, file, file_length + 1);
      if (IsExecutable(candidate)) return true;
    }
    if (path[length] == '\0') return false;
    path += length + 1;
  }
}

// Runs `exec`, which returns only if it fails.
template <class Exec>
int Replace(bool likely, Exec exec) {
  if (likely) BeforeExec();
  const int result = exec();
  const int saved_errno = errno;
  if (likely) AfterFailedExec();
  errno = saved_errno;
  return result;
}

int Missing() {
  errno = ENOSYS;
  return -1;
}

int Execve(const char* path, Arguments arguments, Arguments environment) {
  if (Calls().execve == nullptr) return Missing();
  return Replace(IsExecutable(path), [&] { return g_calls.execve(path, arguments, environment); });
}

int Execv(const char* path, Arguments arguments) {
  if (Calls().execv == nullptr) return Missing();
  return Replace(IsExecutable(path), [&] { return g_calls.execv(path, arguments); });
}

int Execvp(const char* file, Arguments arguments) {
  if (Calls().execvp == nullptr) return Missing();
  return Replace(FindsProgram(file), [&] { return g_calls.execvp(file, arguments); });
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
  return Execvp(file, arguments);
}

TM_EXPORT int execvpe(const char* file, Arguments arguments, Arguments environment) noexcept {
  if (Calls().execvpe == nullptr) return Missing();
  return Replace(FindsProgram(file), [&] { return g_calls.execvpe(file, arguments, environment); });
}

TM_EXPORT int execl(const char* path, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  va_end(list);
  return Execv(path, arguments);
}

TM_EXPORT int execlp(const char* file, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  va_end(list);
  return Execvp(file, arguments);
}

TM_EXPORT int execle(const char* path, const char* first, ...) noexcept {
  TM_ARGUMENTS(arguments, first, list);
  const Arguments environment = va_arg(list, Arguments);
  va_end(list);
  return Execve(path, arguments, environment);
}

TM_EXPORT int fexecve(int fd, Arguments arguments, Arguments environment) noexcept {
  if (Calls().fexecve == nullptr) return Missing();
  return Replace(true, [&] { return g_calls.fexecve(fd, arguments, environment); });
}

TM_EXPORT int execveat(int directory, const char* path, Arguments arguments, Arguments environment,
                       int flags) noexcept {
  if (Calls().execveat == nullptr) return Missing();
  return Replace(true,
                 [&] { return g_calls.execveat(directory, path, arguments, environment, flags); });
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
