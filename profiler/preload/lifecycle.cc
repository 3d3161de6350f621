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
#include "profiler/preload/symbol_lookup.h"
#include "profiler/preload/text.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload {
namespace {

constexpr int kMadvWipeOnFork = 18;

// What a fork child must not inherit: the kernel gives it zeroes.
struct alignas(4096) ProcessPage {
  uint32_t phase;         // (atomic) Phase
  uint32_t finishing;     // (atomic) thread that writes the final profile; 0: none yet
  uint32_t finished;      // (atomic) 1: nothing is left to write
  uint32_t exec_pending;  // 1: BeforeExec finished the recording
  int32_t exit_status;
};

ProcessPage g_process;
// 0 on kernels before 4.14: then a fork child is told by its PID, and stays unprofiled.
uint32_t g_wipe_works;
int g_owner_pid;

uint32_t g_configured;  // options below are valid
uint32_t g_unwanted;    // inert, and so are fork children
uint32_t g_sandboxed;   // (atomic) inherited by fork children, as seccomp is
Options g_options;
char g_output_directory[512];
char g_profile_path[kMaxProfilePath];

using SetSpecific = int (*)(pthread_key_t, const void*);
SetSpecific g_set_specific;  // nullptr: the end of threads is not noticed
pthread_key_t g_thread_key;

Phase CurrentPhase() {
  const Phase phase = static_cast<Phase>(__atomic_load_n(&g_process.phase, __ATOMIC_ACQUIRE));
  if (TM_UNLIKELY(!g_wipe_works) && phase == kPhaseRecording && GetPid() != g_owner_pid) {
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

// The output directory as an absolute path: the target may change its own later.
bool SetOutputDirectory() {
  TextBuffer text(g_output_directory);
  const char* output = g_options.output != nullptr ? g_options.output : "tidemark.out";
  if (output[0] != '/') {
    char directory[sizeof(g_output_directory)];
    if (Syscall(SYS_getcwd, AsLong(directory), sizeof(directory)) < 0) return false;
    text.Add(directory).AddChar('/');
  }
  return !text.Add(output).overflowed();
}

// Where TIDEMARK_CHILDREN=none is wanted, programs that this one starts find "skip".
// Overwritten in place, in the environment that this program passes on.
void MarkEnvironment(const char (&from)[5], const char (&to)[5]) {
  if (g_options.children || g_unwanted) return;
  const Options now =
      ParseOptions(environ, [](const char*, const char*, const char*, const char*) {});
  if (now.children_value != nullptr && strcmp(now.children_value, from) == 0) {
    memcpy(now.children_value, to, sizeof(to));
  }
}

// Reads the environment, once.
void Configure() {
  g_configured = 1;
  g_options = ParseOptions(environ, Complain);
  g_unwanted = getauxval(AT_SECURE) != 0 || g_options.excluded || !SetOutputDirectory();
  MarkEnvironment(kChildrenNone, kChildrenSkip);
}

bool StartThisProcess() {
  const bool forked = g_configured != 0;
  if (!forked) {
    Configure();
    g_wipe_works =
        Syscall(SYS_madvise, AsLong(&g_process), sizeof(g_process), kMadvWipeOnFork) == 0;
  }
  if (g_unwanted || InSandbox() || (forked && !g_options.children)) return false;
  g_owner_pid = GetPid();
  // Fills g_next in, should this be the process's very first allocation.
  if (g_options.exact) g_next.free(g_next.malloc(1));
  const bool started = StartRecording({g_options.rate_bytes, g_options.exact, RealMalloc(),
                                       g_options.active, g_options.state, g_output_directory});
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
  return header != nullptr && CurrentPhase() == kPhaseRecording && header->pid == GetPid();
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

void FinishRecording(state::Seal seal, int exit_status) {
  const state::Header* header = CurrentState();
  if (!OwnsState(header)) return;
  if (InSandbox()) {
    CountLoss(state::kLossOutputFailed);
    Seal(seal, exit_status);
    return;
  }
  uint32_t writer = 0;
  if (!__atomic_compare_exchange_n(&g_process.finishing, &writer, static_cast<uint32_t>(GetTid()),
                                   false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
    AwaitFinished(writer);
    return;
  }
  const int saved_errno = errno;
  const bool written = WriteFinalProfile(header, {"exit", g_options.threads}, g_profile_path);
  if (!written) CountLoss(state::kLossOutputFailed);
  Seal(seal, exit_status);
  // A state that could not be turned into a profile stays for `tidemark snapshot`.
  const char* state_path = CurrentStatePath();
  if (written && g_options.state == nullptr && state_path[0] != '\0') {
    Syscall(SYS_unlink, AsLong(state_path));
  }
  if (g_options.log) {
    Say(written ? "wrote " : "could not write the profile into ",
        written ? g_profile_path : g_output_directory);
  }
  __atomic_store_n(&g_process.finished, 1u, __ATOMIC_RELEASE);
  errno = saved_errno;
}

void BeforeExec() {
  if (!OwnsState(CurrentState())) return;
  MarkEnvironment(kChildrenSkip, kChildrenNone);  // it remains the program that was meant
  FinishRecording(state::kSealExec, 0);
  g_process.exec_pending = 1;
}

void AfterFailedExec() {
  if (!OwnsState(CurrentState()) || g_process.exec_pending == 0) return;
  MarkEnvironment(kChildrenNone, kChildrenSkip);
  if (!InSandbox() && g_profile_path[0] != '\0') Syscall(SYS_unlink, AsLong(g_profile_path));
  Seal(state::kSealRunning, 0);
  g_process.exec_pending = 0;
  __atomic_store_n(&g_process.finished, 0u, __ATOMIC_RELAXED);
  __atomic_store_n(&g_process.finishing, 0u, __ATOMIC_RELEASE);
}

void EnterSandbox(bool strict) {
  __atomic_store_n(&g_sandboxed, 1u, __ATOMIC_RELAXED);
  if (strict) __atomic_store_n(&g_process.phase, kPhaseInert, __ATOMIC_RELEASE);
}

bool InSandbox() { return __atomic_load_n(&g_sandboxed, __ATOMIC_RELAXED) != 0; }

void AfterDlclose() {
  const int saved_errno = errno;
  ForgetLateOperators();
  if (InRecording()) ForgetUnloadedModules();
  errno = saved_errno;
}

}  // namespace tidemark::preload
