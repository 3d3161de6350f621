// A program of stacks that are hard to unwind; run beneath the unwind checker, which
// compares two unwinders at each CheckUnwind() and at each allocation.
//
// usage: edge_cases PLUGIN_DIRECTORY CASE…

#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" void tidemark_check_unwind() __attribute__((weak));

namespace {

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

// Keeps a call from becoming a jump, and a value from being optimised away.
template <typename T>
void Use(T&& value) {
  __asm__ volatile("" ::"g"(&value) : "memory");
}

NOINLINE void CheckUnwind() {
  tidemark_check_unwind();
  __asm__ volatile("");
}

NOINLINE void Alloca(size_t bytes) {
  char* block = static_cast<char*>(alloca(bytes));
  memset(block, 1, bytes);
  CheckUnwind();
  Use(block);
}

// Over-aligned locals make the compiler realign the stack.
NOINLINE void Realigned(int depth) {
  alignas(128) char buffer[256];
  memset(buffer, depth, sizeof(buffer));
  CheckUnwind();
  if (depth > 0) Realigned(depth - 1);
  Use(buffer);
}

// …and with a dynamic size beside them, the realigned frame needs its DRAP for the CFA.
NOINLINE void RealignedAlloca(size_t bytes, int depth) {
  alignas(64) char buffer[128];
  memset(buffer, depth, sizeof(buffer));
  char* block = static_cast<char*>(alloca(bytes));
  memset(block, 1, bytes);
  CheckUnwind();
  if (depth > 0) RealignedAlloca(bytes + 24, depth - 1);
  Use(buffer);
  Use(block);
}

NOINLINE void BigFrame() {
  char buffer[200000];
  memset(buffer, 1, sizeof(buffer));
  CheckUnwind();
  Use(buffer);
}

// 1 MiB and more does not fold into a rule.
NOINLINE void HugeFrame() {
  char buffer[3 << 20];
  buffer[0] = buffer[sizeof(buffer) - 1] = 1;
  CheckUnwind();
  Use(buffer);
}

NOINLINE int Recurse(int depth) {
  if (depth == 0) {
    CheckUnwind();
    return 0;
  }
  const int result = Recurse(depth - 1) + 1;
  Use(result);
  return result;
}

void TestFrames() {
  for (size_t bytes = 1; bytes < 5000; bytes = bytes * 3 + 1) Alloca(bytes);
  Realigned(3);
  RealignedAlloca(40, 3);
  BigFrame();
  HugeFrame();
  for (int depth : {1, 100, 490}) Recurse(depth);
}

void TestDeep() {
  for (int depth : {520, 5000, 60000}) Recurse(depth);
}

// A call that does not return is the last instruction: its return address is in the next
// function.
[[noreturn]] NOINLINE void CheckAndThrow() {
  CheckUnwind();
  throw std::runtime_error(std::string(100, 'x'));
}
[[noreturn]] NOINLINE void EndsInCall() { CheckAndThrow(); }
NOINLINE void AfterIt() { CheckUnwind(); }

struct Cleanup {
  ~Cleanup() { CheckUnwind(); }
};

void TestNoReturn() {
  for (int i = 0; i < 3; ++i) {
    try {
      Cleanup cleanup;
      EndsInCall();
    } catch (const std::exception& error) {
      CheckUnwind();
      Use(error);
    }
  }
  AfterIt();
}

jmp_buf g_jump;
void TestLongjmp() {
  static int i;  // kept over the jump
  for (i = 0; i < 3; ++i) {
    if (setjmp(g_jump) == 0) {
      Alloca(100);
      longjmp(g_jump, 1);
    }
    CheckUnwind();
  }
}

NOINLINE void HandlerBody(int signal) {
  CheckUnwind();
  if (signal == SIGUSR1) raise(SIGUSR2);
  Use(signal);
}
void OnSignal(int signal) {
  HandlerBody(signal);
  CheckUnwind();
}
void Install(int signal, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}
void UseAlternateStack() {
  static char stack[128 << 10];
  stack_t alternate;
  memset(&alternate, 0, sizeof(alternate));
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof(stack);
  sigaltstack(&alternate, nullptr);
}
void TestSignals() {
  for (int usr1_flags : {0, SA_ONSTACK, SA_SIGINFO | SA_ONSTACK}) {
    UseAlternateStack();
    Install(SIGUSR1, &OnSignal, usr1_flags);
    Install(SIGUSR2, &OnSignal, 0);
    raise(SIGUSR1);
    CheckUnwind();
  }
}

ucontext_t g_main_context;
ucontext_t g_coroutine_context;
NOINLINE void CoroutineWork(int depth) {
  CheckUnwind();
  if (depth > 0) CoroutineWork(depth - 1);
  swapcontext(&g_coroutine_context, &g_main_context);
  CheckUnwind();
}
void Coroutine(int depth) { CoroutineWork(depth); }
void TestCoroutine() {
  const size_t bytes = 64 << 10;
  void* stack = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  getcontext(&g_coroutine_context);
  g_coroutine_context.uc_stack.ss_sp = stack;
  g_coroutine_context.uc_stack.ss_size = bytes;
  g_coroutine_context.uc_link = &g_main_context;
  makecontext(&g_coroutine_context, reinterpret_cast<void (*)()>(&Coroutine), 1, 3);
  for (int i = 0; i < 5; ++i) {
    swapcontext(&g_main_context, &g_coroutine_context);
    CheckUnwind();
  }
}

void* ThreadMain(void*) {
  static pthread_key_t key;
  pthread_key_create(&key, [](void*) { CheckUnwind(); });
  pthread_setspecific(key, &key);
  thread_local Cleanup cleanup;
  Use(cleanup);
  TestFrames();
  return nullptr;
}
void TestThreads() {
  pthread_t threads[4];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, &ThreadMain, nullptr);
  for (pthread_t& thread : threads) pthread_join(thread, nullptr);
  atexit([] { CheckUnwind(); });
}

int Compare(const void* a, const void* b) {
  CheckUnwind();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
void TestCallbacks() {
  int values[20];
  for (int i = 0; i < 20; ++i) values[i] = (i * 7) % 20;
  qsort(values, 20, sizeof(int), &Compare);
  std::map<std::string, std::vector<int>> map;
  for (int i = 0; i < 200; ++i) map[std::to_string(i)].push_back(i);
}

// An application of the trap flag: a signal after every instruction, so that unwinding
// starts inside prologues, epilogues, the PLT and the dynamic linker.
uint64_t g_steps;
void OnStep(int, siginfo_t*, void* context) {
  CheckUnwind();
  auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (++g_steps == 60000) registers[REG_EFL] &= ~0x100L;
}
NOINLINE int SteppedLeaf(const char* text) {
  alignas(64) char buffer[256];
  const int length = snprintf(buffer, sizeof(buffer), "%s %d %s", text, 42, text);
  Use(buffer);
  return length + static_cast<int>(strlen(buffer)) + memcmp(buffer, text, strlen(text));
}
NOINLINE void Stepped() {
  int values[8] = {5, 3, 8, 1, 9, 2, 7, 4};
  qsort(values, 8, sizeof(int), [](const void* a, const void* b) {
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  Use(SteppedLeaf("stepped"));
  char* rest = nullptr;
  Use(strtol("123", &rest, 10) + atoi("77") + abs(-3));
  Use(getenv("HOME"));
  Use(getppid());
}
void TestSingleStep() {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = &OnStep;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  UseAlternateStack();
  sigaction(SIGTRAP, &action, nullptr);
  __asm__ volatile(
      "lea -128(%%rsp), %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
  Stepped();
  __asm__ volatile(
      "lea -128(%%rsp), %%rsp\n pushfq\n andq $~0x100, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
  printf("%lu instructions\n", g_steps);
}

// Generated code: a function that calls its argument, with and without a frame pointer.
using CallIt = void (*)(void (*)());
CallIt Generate(const uint8_t* code, size_t bytes) {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page, code, bytes);
  mprotect(page, 4096, PROT_READ | PROT_EXEC);
  return reinterpret_cast<CallIt>(page);
}
// Frame pointers from here on: what calls generated code may hold anything in rbp.
NOINLINE void CallGenerated(CallIt code) {
  code(&CheckUnwind);
  __asm__ volatile("");
}
void TestGeneratedWithFramePointer() {
  // push %rbp; mov %rsp,%rbp; sub $32,%rsp; call *%rdi; leave; ret
  const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3};
  CallGenerated(Generate(code, sizeof(code)));
}
void TestGeneratedWithout() {
  // sub $40,%rsp; xor %ebp,%ebp with rbp saved in between; call *%rdi
  const uint8_t code[] = {0x55, 0x48, 0x83, 0xec, 0x20, 0x31, 0xed, 0xff,
                          0xd7, 0x48, 0x83, 0xc4, 0x20, 0x5d, 0xc3};
  CallGenerated(Generate(code, sizeof(code)));
}

sigjmp_buf g_after_fault;
void OnFault(int) {
  CheckUnwind();
  siglongjmp(g_after_fault, 1);
}
NOINLINE void CallThrough(void (*function)()) {
  __asm__ volatile("" : "+r"(function));
  function();
  __asm__ volatile("");
}
void TestStrayCall() {
  UseAlternateStack();
  Install(SIGSEGV, &OnFault, SA_ONSTACK | SA_NODEFER);
  void* bad = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (void* target : {static_cast<void*>(nullptr), bad}) {
    if (sigsetjmp(g_after_fault, 1) == 0) CallThrough(reinterpret_cast<void (*)()>(target));
  }
}

// Two libraries of the same layout whose code at the same addresses has other frames.
const char* g_directory;
void TestReload() {
  void* last = nullptr;
  int same_address = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string path = std::string(g_directory) +
                             (i % 2 == 0 ? "/libunwind_plugin_a.so" : "/libunwind_plugin_b.so");
    void* handle = dlopen(path.c_str(), RTLD_NOW);
    if (handle == nullptr) {
      fprintf(stderr, "%s\n", dlerror());
      exit(3);
    }
    void* entry = dlsym(handle, "Enter");
    same_address += entry == last;
    last = entry;
    reinterpret_cast<void (*)(void (*)())>(entry)(&CheckUnwind);
    dlclose(handle);
  }
  printf("%d reloads at the same address\n", same_address);
  if (same_address < 10) exit(4);
}

void TestFork() {
  const pid_t child = fork();
  CheckUnwind();
  if (child == 0) {
    TestReload();
    exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  if (status != 0) exit(5);
}

__attribute__((constructor)) void BeforeMain() {
  if (tidemark_check_unwind != nullptr) CheckUnwind();
}

struct Case {
  const char* name;
  void (*run)();
};
constexpr Case kCases[] = {
    {"frames", &TestFrames},
    {"deep", &TestDeep},
    {"noreturn", &TestNoReturn},
    {"longjmp", &TestLongjmp},
    {"signals", &TestSignals},
    {"coroutine", &TestCoroutine},
    {"threads", &TestThreads},
    {"callbacks", &TestCallbacks},
    {"single_step", &TestSingleStep},
    {"generated_with_frame_pointer", &TestGeneratedWithFramePointer},
    {"generated_without", &TestGeneratedWithout},
    {"stray_call", &TestStrayCall},
    {"reload", &TestReload},
    {"fork", &TestFork},
};

}  // namespace

int main(int argc, char** argv) {
  if (tidemark_check_unwind == nullptr) {
    fprintf(stderr, "edge_cases: run it beneath the unwind checker\n");
    return 2;
  }
  if (argc < 2) return 2;
  g_directory = argv[1];
  for (int i = 2; i < argc; ++i) {
    bool found = false;
    for (const Case& c : kCases) {
      if (strcmp(argv[i], c.name) != 0) continue;
      c.run();
      found = true;
    }
    if (!found) return 2;
  }
  return 0;
}
