#include "profiler/preload/lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "profiler/preload/exact_entry.h"
#include "profiler/preload/final_profile.h"
#include "profiler/preload/interpose_mmap.h"
#include "profiler/preload/next_allocator.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/options.h"
#include "profiler/preload/os.h"
#include "profiler/preload/recorder.h"
#include "profiler/preload/stack_capture.h"
#include "profiler/preload/state_file.h"
#include "profiler/preload/symbol_lookup.h"
#include "profiler/preload/text.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload {
namespace {

// What a fork child must not inherit: the kernel gives it zeroes.
struct alignas(4096) ProcessPage {
  uint32_t phase;      // (atomic) Phase
  uint32_t finishing;  // (atomic) thread that writes the final profile; 0: none yet
  uint32_t finished;   // (atomic) 1: nothing is left to write
  uint32_t suspended;  // 1: SuspendRecording finished the recording
  uint32_t unnamed;    // 1: the state's file was removed
  int32_t exit_status;
};

ProcessPage g_process;
// 0 on kernels before 4.14: then a fork child is told by its PID, and stays unprofiled.
uint32_t g_wipe_works;
int g_owner_pid;

uint32_t g_configured;        // options below are valid
uint32_t g_unwanted;          // inert, and so are fork children
uint32_t g_records_children;  // fork children of this program, that is
int g_first_pid;              // of the process that this program was started in
Options g_options;
char g_output_directory[512];
char g_state_wish[kMaxPath];  // TIDEMARK_STATE; "": none
char g_profile_path[kMaxProfilePath];

using SetSpecific = int (*)(pthread_key_t, const void*);
SetSpecific g_set_specific;  // nullptr: the end of threads is not noticed
pthread_key_t g_thread_key;

// False too where seccomp forbids to ask: then nothing is done that only this process may do.
bool IsProcess(int pid) { return !IsForbidden(kCallGetPid) && GetPid() == pid; }

Phase CurrentPhase() {
  const Phase phase = static_cast<Phase>(__atomic_load_n(&g_process.phase, __ATOMIC_ACQUIRE));
  if (TM_UNLIKELY(!g_wipe_works) && phase == kPhaseRecording && !IsProcess(g_owner_pid)) {
    return kPhaseInert;
  }
  return phase;
}

void Say(const char* what, const char* detail) {
  char line[1024];
  TextBuffer text(line);
  text.Add("tidemark: ").Add(what).Add(detail).AddChar('\n');
  Write(2, line, text.size());
}

void Complain(const char* name, const char* value, const char* expected, const char* used) {
  char line[512];
  TextBuffer text(line);
  text.Add("tidemark: ").Add(name).Add(": \"");
  for (int i = 0; value[i] != '\0' && i < 100; ++i) {
    text.AddChar(value[i] >= ' ' && value[i] != 0x7f ? value[i] : '?');
  }
  text.Add("\" is not ").Add(expected).Add("; using ").Add(used).AddChar('\n');
  Write(2, line, text.size());
}

// `path` as an absolute one, in memory of our own: the target may change its directory, and
// overwrite its environment (servers that set their title do).
template <size_t N>
bool KeepPath(const char* path, char (&to)[N]) {
  TextBuffer text(to);
  if (path[0] != '/') {
    char directory[N];
    if (Syscall(SYS_getcwd, AsLong(directory), sizeof(directory)) < 0) return false;
    text.Add(directory).AddChar('/');
  }
  return !text.Add(path).overflowed();
}

const char* NameOf(const char* path) {
  const char* name = path;
  for (const char* c = path; *c != '\0'; ++c) {
    if (*c == '/') name = c + 1;
  }
  return name;
}

// Is this program called as `pattern` says: its executable, or what it was started as (a link,
// a script)?
bool IsNamed(const char* pattern) {
  const char* started_as = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (started_as != nullptr && MatchesPattern(pattern, NameOf(started_as))) return true;
  char path[4096];
  const long n = Syscall(SYS_readlink, AsLong("/proc/self/exe"), AsLong(path), sizeof(path) - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return MatchesPattern(pattern, NameOf(path));
}

// Reads the environment, once.
void Configure() {
  g_configured = 1;
  g_first_pid = GetPid();
  if (getauxval(AT_SECURE) != 0) {
    g_unwanted = 1;
    return;
  }
  g_options = ParseOptions(environ, Complain);
  g_records_children = g_options.children == Children::kAll ||
                       (g_options.children == Children::kMatching && IsNamed(g_options.pattern));
  const char* output = g_options.output != nullptr ? g_options.output : "tidemark.out";
  g_unwanted = g_options.excluded || (g_options.is_child && !g_records_children) ||
               !KeepPath(output, g_output_directory) ||
               (g_options.state != nullptr && !KeepPath(g_options.state, g_state_wish));
  if (g_options.children != Children::kAll) MarkChildren(environ);
}

const char* StateWish() { return g_state_wish[0] == '\0' ? nullptr : g_state_wish; }

bool StartThisProcess() {
  const bool forked = g_configured != 0;
  if (!forked) {
    Configure();
    g_wipe_works =
        Syscall(SYS_madvise, AsLong(&g_process), sizeof(g_process), kMadvWipeOnFork) == 0;
  }
  if (g_unwanted || InSandbox() || (forked && !g_records_children)) return false;
  g_owner_pid = GetPid();
  // Fills g_next in, should this be the process's very first allocation.
  if (g_options.exact) g_next.free(g_next.malloc(1));
  const bool started = StartRecording({g_options.rate_bytes, g_options.exact, RealMalloc(),
                                       g_options.active, StateWish(), g_output_directory});
  if (started && g_options.exact) InstallExactEntries();
  if (started && g_options.mmap) InstallMmapEntries();
  if (g_options.log) {
    Say(started ? "recording into " : "not recording: no room for the state",
        started ? CurrentStatePath() : "");
  }
  return started;
}

bool Start() {
  if (environ == nullptr && g_configured == 0) return false;  // libc is not set up yet
  uint32_t expected = kPhaseFresh;
  if (!__atomic_compare_exchange_n(&g_process.phase, &expected, kPhaseStarting, false,
                                   __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
    return expected == kPhaseRecording;
  }
  const int saved_errno = errno;
  const bool started = StartThisProcess();
  errno = saved_errno;
  __atomic_store_n(&g_process.phase, started ? kPhaseRecording : kPhaseInert, __ATOMIC_RELEASE);
  return started;
}

// A thread's end is noticed by a pthread key. Compared with the other ways:
// __cxa_thread_atexit_impl allocates for each thread; interposing pthread_create adds a
// frame to every stack. Of the key's hazards none harms the target: it is made early, so
// it is one of the 32 whose values need no memory; destructors of other keys that run
// later find the slot given up, and go on without evidence.
void ThreadEnds(void*) {
  if (InRecording()) ForgetThread();
}

void MakeThreadKey() {
  using KeyCreate = int (*)(pthread_key_t*, void (*)(void*));
  const auto create =
      reinterpret_cast<KeyCreate>(FindNext("pthread_key_create", Search::kAtStart).function);
  const auto set =
      reinterpret_cast<SetSpecific>(FindNext("pthread_setspecific", Search::kAtStart).function);
  if (create == nullptr || set == nullptr || create(&g_thread_key, ThreadEnds) != 0) return;
  g_set_specific = set;
}

void ArmThreadEnd() {
  if (TM_LIKELY(t_state.end_armed != 0) || g_set_specific == nullptr) return;
  t_state.end_armed = 1;  // first: the call may come back to us
  g_set_specific(g_thread_key, &g_thread_key);
}

// Another thread is writing the final profile; ending the process now would cut it off.
// It holds no lock that we could hold, so it gets there; a second is plenty.
void AwaitFinished(uint32_t writer) {
  if (writer == static_cast<uint32_t>(GetTid())) return;  // a handler that interrupted it
  for (int i = 0; i < 1000; ++i) {
    if (__atomic_load_n(&g_process.finished, __ATOMIC_ACQUIRE) != 0) return;
    const timespec pause = {0, 1000000};
    Syscall(SYS_nanosleep, AsLong(&pause), 0);
  }
}

bool OwnsState(const state::Header* header) {
  return header != nullptr && CurrentPhase() == kPhaseRecording && IsProcess(header->pid);
}

// Writes the final profile and seals the state. False: that is not this call's to do.
bool Finish(state::Seal seal, int exit_status, const char* reason) {
  const state::Header* header = CurrentState();
  if (!OwnsState(header)) return false;
  if (InSandbox()) {
    CountLoss(state::kLossOutputFailed);
    Seal(seal, exit_status);
    return true;
  }
  uint32_t writer = 0;
  if (!__atomic_compare_exchange_n(&g_process.finishing, &writer, static_cast<uint32_t>(GetTid()),
                                   false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
    AwaitFinished(writer);
    return false;
  }
  const int saved_errno = errno;
  const bool written = WriteFinalProfile(header, {reason, g_options.threads}, g_profile_path);
  if (!written) CountLoss(state::kLossOutputFailed);
  Seal(seal, exit_status);
  // A state that could not be turned into a profile stays for `tidemark snapshot`.
  const char* state_path = CurrentStatePath();
  if (written && StateWish() == nullptr && state_path[0] != '\0') {
    Syscall(SYS_unlink, AsLong(state_path));
    g_process.unnamed = 1;
  }
  if (g_options.log) {
    Say(written ? "wrote " : "could not write the profile into ",
        written ? g_profile_path : g_output_directory);
  }
  __atomic_store_n(&g_process.finished, 1u, __ATOMIC_RELEASE);
  errno = saved_errno;
  return true;
}

void RememberExitStatus(int status, void*) { g_process.exit_status = status; }

void FinishAtQuickExit() { FinishRecording(state::kSealExited, 0); }

__attribute__((constructor)) void ProcessStarts() {
  const int saved_errno = errno;
  Start();
  if (!g_unwanted) {
    MakeThreadKey();
    on_exit(RememberExitStatus, nullptr);
    at_quick_exit(FinishAtQuickExit);
  }
  ResolveOperators(true);
  errno = saved_errno;
}

__attribute__((destructor)) void ProcessEnds() {
  FinishRecording(state::kSealExited, g_process.exit_status);
}

}  // namespace

bool InRecording() { return CurrentPhase() == kPhaseRecording; }

bool EnterRecording() {
  switch (CurrentPhase()) {
    case kPhaseRecording:
      break;
    case kPhaseFresh:
      if (!Start()) return false;
      break;
    case kPhaseStarting:
      return false;
    case kPhaseInert:
      t_state.left = UINT64_MAX;
      return false;
  }
  ArmThreadEnd();
  return true;
}

void FinishRecording(state::Seal seal, int exit_status) { Finish(seal, exit_status, "exit"); }

void SuspendRecording(state::Seal seal) {
  if (Finish(seal, 0, seal == state::kSealExec ? "exec" : "exit")) g_process.suspended = 1;
}

void ResumeRecording() {
  if (!OwnsState(CurrentState()) || g_process.suspended == 0) return;
  const int saved_errno = errno;
  if (!InSandbox() && g_profile_path[0] != '\0') Syscall(SYS_unlink, AsLong(g_profile_path));
  Seal(state::kSealRunning, 0);
  if (g_process.unnamed != 0) RenewState();
  g_process.unnamed = 0;
  g_process.suspended = 0;
  __atomic_store_n(&g_process.finished, 0u, __ATOMIC_RELAXED);
  __atomic_store_n(&g_process.finishing, 0u, __ATOMIC_RELEASE);
  errno = saved_errno;
}

bool IsFirstProcess() {
  return g_options.children != Children::kAll && !g_options.is_child && IsProcess(g_first_pid);
}

void BeforeSandbox() { FreezeSpace(); }

void SandboxRefused() { ThawSpace(); }

void EnterSandbox(bool strict) {
  __atomic_store_n(&g_in_sandbox, 1u, __ATOMIC_RELAXED);
  if (!strict) return;
  if (InRecording()) ForgetThread();  // exact mode asks the thread's tables first
  __atomic_store_n(&g_process.phase, kPhaseInert, __ATOMIC_RELEASE);
}

void AfterDlclose() {
  const int saved_errno = errno;
  ForgetLateOperators();
  if (InRecording()) ForgetUnloadedModules();
  errno = saved_errno;
}

}  // namespace tidemark::preload
