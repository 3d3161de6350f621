// A C program that uses one part of what the library stands in front of, chosen by its
// argument, and says on stdout what came of it. Exit status 1: something was wrong.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) {                                      \
      printf("line %d: not so: %s\n", __LINE__, #condition); \
      fflush(stdout);                                        \
      _exit(1);                                              \
    }                                                        \
  } while (0)

// The declarations of these two depend on the C library's age.
extern void free_sized(void* block, size_t size) __attribute__((weak));
extern void free_aligned_sized(void* block, size_t alignment, size_t size) __attribute__((weak));

static int IsAligned(const void* block, size_t alignment) {
  return ((uintptr_t)block & (alignment - 1)) == 0;
}

static void Fill(void* block, size_t size) { memset(block, (int)(size & 0xff), size); }
static int IsFilled(const void* block, size_t size, size_t as) {
  const unsigned char* p = block;
  for (size_t i = 0; i < size; ++i) {
    if (p[i] != (as & 0xff)) return 0;
  }
  return 1;
}

// Every entry point, sampled (sizes near and above the rate) and not.
static void Family(void) {
  static const size_t kSizes[] = {1, 7, 16, 100, 1000, 5000, 70000, 300000, 2000000};
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < sizeof(kSizes) / sizeof(kSizes[0]); ++i) {
      const size_t size = kSizes[i];
      errno = 77;
      char* m = malloc(size);
      CHECK(m != NULL && IsAligned(m, 16) && malloc_usable_size(m) >= size);
      Fill(m, size);
      char* c = calloc(3, size);
      CHECK(c != NULL && IsFilled(c, 3 * size, 0));
      Fill(c, size);
      m = realloc(m, 2 * size);
      CHECK(m != NULL && IsFilled(m, size, size));
      m = realloc(m, size);
      CHECK(m != NULL && IsFilled(m, size, size));
      c = reallocarray(c, 5, size);
      CHECK(c != NULL && IsFilled(c, size, size));
      void* p = NULL;
      CHECK(posix_memalign(&p, 256, size) == 0 && IsAligned(p, 256));
      Fill(p, size);
      void* a = aligned_alloc(64, (size + 63) / 64 * 64);
      CHECK(a != NULL && IsAligned(a, 64));
      void* g = memalign(4096, size);
      CHECK(g != NULL && IsAligned(g, 4096));
      void* v = valloc(size);
      CHECK(v != NULL && IsAligned(v, (size_t)getpagesize()));
      void* pv = pvalloc(size);
      CHECK(pv != NULL && IsAligned(pv, (size_t)getpagesize()));
      CHECK(IsFilled(p, size, size));
      free(m);
      free(c);
      free(p);
      free(a);
      if (free_sized != NULL) {
        free_sized(malloc(size), size);
        free_aligned_sized(aligned_alloc(64, 64 * size), 64, 64 * size);
      }
      free(g);
      free(v);
      free(pv);
      free(NULL);
      CHECK(errno == 77);
    }
  }
  void* fresh = realloc(NULL, 1000);
  CHECK(fresh != NULL);
  CHECK(realloc(fresh, 0) == NULL);
  puts("family: fine");
}

// What must fail, fails as it would alone, and leaves the block as it was. `volatile`
// keeps the compiler from knowing the sizes.
static void Failures(void) {
  static const size_t kAbsurd[] = {
      SIZE_MAX,    SIZE_MAX - 1000000, (size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX + (1 << 20),
      PTRDIFF_MAX, SIZE_MAX / 2 - 4096};
  for (size_t i = 0; i < sizeof(kAbsurd) / sizeof(kAbsurd[0]); ++i) {
    volatile size_t size = kAbsurd[i];
    errno = 0;
    CHECK(malloc(size) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(1, size) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(size, 16) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(reallocarray(NULL, size, 16) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(aligned_alloc(64, size) == NULL && errno == ENOMEM);
    void* out = (void*)1;
    errno = 5;
    CHECK(posix_memalign(&out, 64, size) == ENOMEM);
    volatile size_t odd = 24;
    CHECK(posix_memalign(&out, odd, 10) == EINVAL);
    // Sampled and small blocks alike survive.
    for (size_t old = 100; old < 10000000; old *= 100) {
      char* block = malloc(old);
      Fill(block, old);
      errno = 0;
      CHECK(realloc(block, size) == NULL && errno == ENOMEM);
      CHECK(IsFilled(block, old, old));
      free(block);
    }
  }
  // The countdown must still work: this is what the profile has to show.
  for (int i = 0; i < 100; ++i) Fill(malloc(1 << 20), 100);
  puts("failures: fine");
}

static void* Churn(void* argument) {
  unsigned long seed = (unsigned long)(uintptr_t)argument;
  void* blocks[16] = {0};
  for (int i = 0; i < 200; ++i) {
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    const int at = (int)(seed >> 33) & 15;
    free(blocks[at]);
    const size_t size = (seed >> 40) & 0x1fff;
    blocks[at] = malloc(size);
    memset(blocks[at], 1, size);
  }
  for (int i = 0; i < 16; ++i) free(blocks[i]);
  return argument;
}

// More threads than the state has slots for, one after the other, a few at a time, on the
// smallest stacks there are.
static void Threads(void) {
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 16384) == 0);
  uintptr_t n = 0;
  for (int storm = 0; storm < 300; ++storm) {
    pthread_t threads[8];
    for (int i = 0; i < 8; ++i) {
      CHECK(pthread_create(&threads[i], &attributes, Churn, (void*)++n) == 0);
    }
    for (int i = 0; i < 8; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  puts("threads: fine");
}

static void* volatile g_handed_over[4];
static void* HandOver(void* unused) {
  for (int i = 0; i < 4; ++i) g_handed_over[i] = malloc(3 << 20);
  return unused;
}

// Blocks of a thread that ended are freed by another one.
static void Remote(void) {
  for (int round = 0; round < 20; ++round) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, HandOver, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 4; ++i) free(g_handed_over[i]);
  }
  puts("remote: fine");
}

static void Allocate(size_t megabytes) {
  for (size_t i = 0; i < megabytes; ++i) Fill(malloc(1 << 20), 64);
}

static void Expect(pid_t child, int status) {
  int got = 0;
  CHECK(child > 0 && waitpid(child, &got, 0) == child);
  CHECK(WIFEXITED(got) && WEXITSTATUS(got) == status);
}

static void* volatile g_inherited[64];

// Children of all kinds. Each says by its exit status how it went.
static void Children(const char* self) {
  for (int i = 0; i < 64; ++i) g_inherited[i] = malloc(1 << 20);

  pid_t child = fork();  // frees and allocates, then exit
  if (child == 0) {
    for (int i = 0; i < 64; ++i) free(g_inherited[i]);
    Allocate(20);
    exit(3);
  }
  Expect(child, 3);

  child = fork();  // _exit
  if (child == 0) {
    Allocate(20);
    _exit(4);
  }
  Expect(child, 4);

  child = fork();  // a grandchild, while the child goes on
  if (child == 0) {
    Allocate(10);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      Allocate(10);
      _exit(5);
    }
    Expect(grandchild, 5);
    _exit(6);
  }
  Expect(child, 6);

  child = fork();  // does nothing at all
  if (child == 0) _exit(7);
  Expect(child, 7);

  child = vfork();
  if (child == 0) _exit(8);
  Expect(child, 8);

  child = vfork();  // a program that is not there, then one that is
  if (child == 0) {
    execl("/nonexistent/program", "program", (char*)NULL);
    execl(self, "target_c", "grow", (char*)NULL);
    _exit(99);
  }
  Expect(child, 0);

  child = fork();
  if (child == 0) {
    char* const arguments[] = {"target_c", "grow", NULL};
    Allocate(5);
    execv(self, arguments);
    _exit(99);
  }
  Expect(child, 0);

  for (int i = 0; i < 64; ++i) free(g_inherited[i]);
  Allocate(30);
  puts("children: fine");
}

static atomic_int g_stop;
static void* ChurnUntilStopped(void* argument) {
  while (!atomic_load(&g_stop)) Churn(argument);
  return NULL;
}

// Forks while other threads are anywhere inside the library, and inside the allocator.
static void ForkStorm(void) {
  pthread_t threads[2];
  for (uintptr_t i = 0; i < 2; ++i) {
    CHECK(pthread_create(&threads[i], NULL, ChurnUntilStopped, (void*)(i + 1)) == 0);
  }
  for (int i = 0; i < 60; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      Allocate(2);
      Churn((void*)77);
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, Churn, (void*)5) == 0);
      CHECK(pthread_join(thread, NULL) == 0);
      if (i % 2 == 0) exit(9);
      _exit(9);
    }
    Expect(child, 9);
  }
  atomic_store(&g_stop, 1);
  for (int i = 0; i < 2; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  puts("fork storm: fine");
}

// Ends the process while other threads allocate, and while one of them ends it too.
static void* EndProcess(void* status) { exit((int)(uintptr_t)status); }
static void RaceToExit(void) {
  pthread_t thread;
  for (uintptr_t i = 0; i < 3; ++i) {
    CHECK(pthread_create(&thread, NULL, ChurnUntilStopped, (void*)(i + 1)) == 0);
  }
  Allocate(20);
  CHECK(pthread_create(&thread, NULL, EndProcess, (void*)11) == 0);
  usleep(1000);
  _exit(11);
}

// Each exec function once; the environment goes along.
static void Execs(const char* self) {
  extern char** environ;
  char* const arguments[] = {"target_c", "exit", "0", NULL};
  for (int way = 0; way < 8; ++way) {
    const pid_t child = fork();
    if (child == 0) {
      Allocate(3);
      switch (way) {
        case 0:
          execve(self, arguments, environ);
          break;
        case 1:
          execv(self, arguments);
          break;
        case 2:
          execvp(self, arguments);
          break;
        case 3:
          execvpe(self, arguments, environ);
          break;
        case 4:
          execl(self, "target_c", "exit", "0", (char*)NULL);
          break;
        case 5:
          execlp(self, "target_c", "exit", "0", (char*)NULL);
          break;
        case 6:
          execle(self, "target_c", "exit", "0", (char*)NULL, environ);
          break;
        default: {
          FILE* file = fopen(self, "r");
          fexecve(fileno(file), arguments, environ);
        }
      }
      _exit(99);
    }
    Expect(child, 0);
  }
  puts("execs: fine");
}

// An exec that fails late: the file may be executed, but is no program.
static void FailedExec(void) {
  char name[] = "/tmp/tidemark-not-a-program-XXXXXX";
  const int fd = mkstemp(name);
  CHECK(fd >= 0 && write(fd, "\177ELFnonsense", 12) == 12 && fchmod(fd, 0700) == 0);
  close(fd);
  Allocate(10);
  errno = 0;
  CHECK(execl(name, "x", (char*)NULL) == -1 && errno == ENOEXEC);
  errno = 0;
  CHECK(execlp("tidemark-there-is-no-such-program", "x", (char*)NULL) == -1 && errno == ENOENT);
  unlink(name);
  Allocate(20);
  puts("failed exec: fine");
}

// Execs that fail late, each for another reason; then a death that leaves the state.
static void LateExecs(const char* self) {
  char name[] = "/tmp/tidemark-busy-program-XXXXXX";
  const int fd = mkstemp(name);
  CHECK(fd >= 0 && write(fd, "neither a program nor a script", 30) == 30 && fchmod(fd, 0700) == 0);
  Allocate(10);
  char* const arguments[] = {"x", NULL};
  CHECK(execv(name, arguments) == -1 && errno == ETXTBSY);  // open for writing
  close(fd);
  CHECK(execv(name, arguments) == -1 && errno == ENOEXEC);
  enum { kHuge = 3 << 20 };
  char* huge = malloc(kHuge);
  Fill(huge, kHuge - 1);
  huge[kHuge - 1] = 0;
  char* const too_big[] = {huge, huge, huge, NULL};
  CHECK(execv(self, too_big) == -1 && errno == E2BIG);
  free(huge);
  unlink(name);
  Allocate(20);
  puts("late execs: fine");
  fflush(stdout);
  raise(SIGKILL);
}

// Every way to start `file`, whose arguments and environment go along. They are waited for
// in turn, so that what they print has an order.
static void Start(const char* file) {
  extern char** environ;
  char* const arguments[] = {(char*)file, "grow", NULL};
  for (int way = 0; way < 8; ++way) {
    pid_t child = way < 6 ? fork() : 0;
    if (child == 0) {
      if (way == 0) execve(file, arguments, environ);
      if (way == 1) execl(file, file, "grow", (char*)NULL);
      if (way == 2) execvp(file, arguments);
      if (way == 3) execlp(file, file, "grow", (char*)NULL);
      if (way == 4) {
        FILE* program = fopen(file, "r");
        fexecve(fileno(program), arguments, environ);
      }
      if (way == 5) execveat(AT_FDCWD, file, arguments, environ, 0);
      if (way == 6) CHECK(posix_spawn(&child, file, NULL, NULL, arguments, environ) == 0);
      if (way == 7) CHECK(posix_spawnp(&child, file, NULL, NULL, arguments, environ) == 0);
      if (way < 6) _exit(99);
    }
    Expect(child, 0);
  }
  pid_t child = vfork();
  if (child == 0) {
    execve(file, arguments, environ);
    _exit(99);
  }
  Expect(child, 0);
  char command[4096];
  snprintf(command, sizeof(command), "%s grow", file);
  CHECK(system(command) == 0);
  FILE* pipe = popen(command, "w");
  CHECK(pipe != NULL && pclose(pipe) == 0);
  puts("start: fine");
}

static void Daemon(void) {
  Allocate(10);
  CHECK(daemon(1, 1) == 0);
  Allocate(20);
}

// As servers do that show a title in ps: the place of arguments and environment is reused.
static void Title(char** argv) {
  extern char** environ;
  static char* moved[1000];
  size_t count = 0;
  char* end = argv[0];
  for (char** entry = argv; *entry != NULL; ++entry) end = *entry + strlen(*entry);
  for (char** entry = environ; *entry != NULL; ++entry) {
    end = *entry + strlen(*entry);
    CHECK(count + 1 < 1000);
    moved[count++] = strdup(*entry);
  }
  environ = moved;
  memset(argv[0], 'x', (size_t)(end - argv[0]));
  CHECK(chdir("/") == 0);
  Allocate(10);
  const pid_t child = fork();
  if (child == 0) {
    Allocate(20);
    exit(0);
  }
  Expect(child, 0);
  puts("title: fine");
}

static int AllocateAndLeave(void* megabytes) {
  Allocate((size_t)(uintptr_t)megabytes);
  return 0;
}

// Processes and threads that libc has not made.
static void RawClones(void) {
  Allocate(5);
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    Allocate(10);
    _exit(3);
  }
  Expect(child, 3);
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  } wanted = {.exit_signal = SIGCHLD};
  child = (pid_t)syscall(SYS_clone3, &wanted, sizeof(wanted));
  if (child == 0) {
    Allocate(20);
    exit(4);
  }
  Expect(child, 4);
  // In the parent's memory, while it waits.
  enum { kStack = 1 << 18 };
  char* stack = mmap(NULL, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  child = clone(AllocateAndLeave, stack + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD, (void*)3);
  Expect(child, 0);
  static volatile pid_t thread;
  thread = -1;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                    CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  CHECK(clone(AllocateAndLeave, stack + kStack, flags, (void*)4, NULL, NULL, &thread) > 0);
  while (thread != 0) usleep(1000);  // cleared by the kernel when it is gone
  puts("raw clones: fine");
}

static void* ChurnUntilCancelled(void* unused) {
  for (;;) {
    Churn(unused);
    pthread_testcancel();
  }
  return NULL;
}

static void Cancel(void) {
  for (int i = 0; i < 200; ++i) {
    pthread_t thread;
    void* result;
    CHECK(pthread_create(&thread, NULL, ChurnUntilCancelled, (void*)7) == 0);
    if (i % 2 == 0) usleep(500);
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
  }
  Allocate(20);
  puts("cancel: fine");
}

static void* OutliveMain(void* main_thread) {
  CHECK(pthread_join(*(pthread_t*)main_thread, NULL) == 0);
  Allocate(20);
  puts("main thread gone: fine");
  return NULL;  // the last thread: the process exits with 0
}
static void MainThreadEnds(void) {
  static pthread_t main_thread;
  pthread_t thread;
  main_thread = pthread_self();
  Allocate(10);
  CHECK(pthread_create(&thread, NULL, OutliveMain, &main_thread) == 0);
  pthread_exit(NULL);
}

static void ExitInHandler(int signal) { exit(signal); }
static void ExitFromHandler(void) {
  CHECK(signal(SIGUSR1, ExitInHandler) != SIG_ERR);
  Allocate(20);
  raise(SIGUSR1);
}

// 2^5 processes, all alive at once.
static void Tree(int depth) {
  Allocate(1);
  for (int i = 0; i < depth; ++i) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      Tree(i);
      _exit(0);
    }
  }
  int status;
  while (wait(&status) > 0) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Blocks from so many stacks, in so many sizes, that every table is full. Two functions, so
// that each bit of `path` makes another stack.
static __attribute__((noinline)) void* Left(unsigned path, int depth, size_t size);
static __attribute__((noinline)) void* Right(unsigned path, int depth, size_t size) {
  void* block = depth == 0        ? malloc(size)
                : (path & 1) != 0 ? Left(path >> 1, depth - 1, size)
                                  : Right(path >> 1, depth - 1, size);
  __asm__ volatile("" : : "r"(block));  // no tail call
  return block;
}
static __attribute__((noinline)) void* Left(unsigned path, int depth, size_t size) {
  void* block = depth == 0        ? malloc(size)
                : (path & 1) != 0 ? Left(path >> 1, depth - 1, size)
                                  : Right(path >> 1, depth - 1, size);
  __asm__ volatile("" : : "r"(block));
  return block;
}
static void* FillTables(void* thread) {
  enum { kBlocks = 150000 };
  static void* volatile blocks[4][kBlocks];
  const uintptr_t t = (uintptr_t)thread;
  for (unsigned i = 0; i < kBlocks; ++i) {
    // The first thread fills the live table, the others those of stacks and sites.
    const unsigned path = t == 0 ? 0 : i * 2654435761u >> 14;
    blocks[t][i] = Right(path, 18, t == 0 ? 4096 : 100 + i % 1000);
  }
  for (unsigned i = 0; i < kBlocks; i += 5) free(blocks[t][i]);
  return NULL;
}
static void FillAllTables(void) {
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; ++i) {
    CHECK(pthread_create(&threads[i], NULL, FillTables, (void*)i) == 0);
  }
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  Threads();
  puts("full tables: fine");
  fflush(stdout);
  char unused;
  CHECK(read(0, &unused, 1) >= 0);  // until it was looked at
}

static volatile sig_atomic_t g_signals;
static void OnSignal(int signal) {
  const int saved = errno;
  void* block = malloc(100000 + (size_t)signal);
  if (block != NULL) memset(block, 1, 100);
  free(block);
  ++g_signals;
  errno = saved;
}

// Allocates in a handler. Only while the target itself is outside of malloc, which would
// not survive it: but our slow path may be anywhere, so the handler is sent at calls too.
static void Signals(void) {
  struct sigaction action = {.sa_handler = OnSignal, .sa_flags = SA_ONSTACK};
  static char stack[1 << 16];
  const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
  CHECK(sigaltstack(&alternative, NULL) == 0);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int i = 0; i < 2000; ++i) {
    void* block = malloc((size_t)i * 100);
    CHECK(raise(SIGUSR1) == 0);
    free(block);
  }
  CHECK(g_signals == 2000);
  puts("signals: fine");
}

// Under a filter that kills for any call that this program does not need itself, it still
// allocates, frees and exits as it would.
static void Sandbox(int by_syscall) {
  Allocate(20);
  void* early[8];
  for (int i = 0; i < 8; ++i) early[i] = malloc(1 << 20);
#define ALLOW(name)                                      \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(write),
      ALLOW(exit_group),
      ALLOW(brk),
      ALLOW(mmap),
      ALLOW(munmap),
      ALLOW(mremap),
      ALLOW(madvise),
      ALLOW(rt_sigprocmask),
      ALLOW(clock_gettime),
      ALLOW(getpid),
      ALLOW(newfstatat),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  if (by_syscall) {
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
  } else {
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  }
  for (int i = 0; i < 8; ++i) free(early[i]);
  Allocate(20);
  puts("sandbox: fine");
}

// As a browser's or a server's workers: threads and children under a filter that kills.
static void BusySandbox(void) {
  Allocate(20);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(write),
      ALLOW(exit_group),
      ALLOW(exit),
      ALLOW(brk),
      ALLOW(mmap),
      ALLOW(munmap),
      ALLOW(mprotect),
      ALLOW(madvise),
      ALLOW(futex),
      ALLOW(clone),
      ALLOW(clone3),
      ALLOW(set_robust_list),
      ALLOW(rseq),
      ALLOW(rt_sigprocmask),
      ALLOW(rt_sigaction),
      ALLOW(wait4),
      ALLOW(sched_getaffinity),
      ALLOW(openat),  // malloc counts the processors, for its arenas
      ALLOW(read),
      ALLOW(close),
      ALLOW(newfstatat),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  for (uintptr_t round = 0; round < 50; ++round) {
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; ++i) {
      CHECK(pthread_create(&threads[i], NULL, Churn, (void*)(4 * round + i)) == 0);
    }
    for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    if (round % 10 == 0) {
      const pid_t child = fork();
      if (child == 0) {
        Allocate(2);
        Churn((void*)round);
        _exit(6);
      }
      Expect(child, 6);
    }
  }
  Allocate(20);
  puts("busy sandbox: fine");
}

static void StrictSandbox(void) {
  void* early = malloc(100000);  // below what is given back to the system
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
  free(early);
  for (int i = 0; i < 1000; ++i) free(malloc(1000));
  static const char kFine[] = "strict sandbox: fine\n";
  if (write(1, kFine, sizeof(kFine) - 1) < 0) return;
  syscall(SYS_exit, 7);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "family") == 0) Family();
  if (strcmp(what, "failures") == 0) Failures();
  if (strcmp(what, "threads") == 0) Threads();
  if (strcmp(what, "remote") == 0) Remote();
  if (strcmp(what, "children") == 0) Children(argv[0]);
  if (strcmp(what, "fork_storm") == 0) ForkStorm();
  if (strcmp(what, "race_to_exit") == 0) RaceToExit();
  if (strcmp(what, "execs") == 0) Execs(argv[0]);
  if (strcmp(what, "failed_exec") == 0) FailedExec();
  if (strcmp(what, "late_execs") == 0) LateExecs(argv[0]);
  if (strcmp(what, "start") == 0) Start(argv[2]);
  if (strcmp(what, "daemon") == 0) Daemon();
  if (strcmp(what, "title") == 0) Title(argv);
  if (strcmp(what, "raw_clones") == 0) RawClones();
  if (strcmp(what, "cancel") == 0) Cancel();
  if (strcmp(what, "main_thread_ends") == 0) MainThreadEnds();
  if (strcmp(what, "exit_from_handler") == 0) ExitFromHandler();
  if (strcmp(what, "tree") == 0) Tree(5);
  if (strcmp(what, "wait") == 0) {
    Allocate(40);
    puts("waiting");
    fflush(stdout);
    pause();
  }
  if (strcmp(what, "fill_tables") == 0) FillAllTables();
  if (strcmp(what, "locked") == 0) {
    CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    Children(argv[0]);
  }
  if (strcmp(what, "signals") == 0) Signals();
  if (strcmp(what, "grow") == 0) Allocate(40);
  if (strcmp(what, "sandbox") == 0) Sandbox(0);
  if (strcmp(what, "sandbox_syscall") == 0) Sandbox(1);
  if (strcmp(what, "busy_sandbox") == 0) BusySandbox();
  if (strcmp(what, "strict_sandbox") == 0) StrictSandbox();
  if (strcmp(what, "exit") == 0 || strcmp(what, "quick_exit") == 0 || strcmp(what, "_exit") == 0) {
    Allocate(40);
    const int status = argc > 2 ? atoi(argv[2]) : 0;
    if (what[0] == 'e') exit(status);
    if (what[0] == 'q') quick_exit(status);
    _exit(status);
  }
  if (strcmp(what, "abort") == 0) {
    Allocate(40);
    abort();
  }
  return 0;
}
