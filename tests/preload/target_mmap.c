// Anonymous mappings in all the ways they come and go. Says at its end what a profiler must
// have counted: objects and bytes mapped, objects and bytes mapped still.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
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

#define MIB ((size_t)1 << 20)

static size_t g_objects, g_bytes, g_freed_objects, g_freed_bytes;

static void Mapped(size_t bytes) {
  __atomic_add_fetch(&g_objects, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&g_bytes, bytes, __ATOMIC_RELAXED);
}
static void Unmapped(size_t objects, size_t bytes) {
  __atomic_add_fetch(&g_freed_objects, objects, __ATOMIC_RELAXED);
  __atomic_add_fetch(&g_freed_bytes, bytes, __ATOMIC_RELAXED);
}

__attribute__((noinline)) static char* MapAt(void* at, size_t bytes, int flags) {
  char* made = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(made != MAP_FAILED);
  Mapped((bytes + 4095) / 4096 * 4096);
  made[0] = 1;
  return made;
}
static char* Map(size_t bytes) { return MapAt(NULL, bytes, 0); }

static void Whole(void) {
  char* blocks[10];
  for (int i = 0; i < 10; ++i) blocks[i] = Map(MIB);
  for (int i = 0; i < 4; ++i) CHECK(munmap(blocks[i], MIB) == 0);
  Unmapped(4, 4 * MIB);
  CHECK(munmap(Map(MIB + 5), MIB + 1) == 0);  // both are whole pages
  Unmapped(1, MIB + 4096);
}

// How aligned memory is made of unaligned: more is mapped than needed, and trimmed.
static void Trimmed(void) {
  for (int i = 0; i < 8; ++i) {
    char* block = Map(4 * MIB);
    char* aligned = (char*)(((uintptr_t)block + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
    if (aligned != block) CHECK(munmap(block, (size_t)(aligned - block)) == 0);
    CHECK(munmap(aligned + 2 * MIB, (size_t)(block + 4 * MIB - aligned) - 2 * MIB) == 0);
    Unmapped(0, 2 * MIB);
    aligned[0] = aligned[2 * MIB - 1] = 1;
  }
}

static void Holes(void) {
  char* lives = Map(5 * MIB);
  CHECK(munmap(lives + MIB, MIB) == 0 && munmap(lives + 3 * MIB, MIB) == 0);
  Unmapped(0, 2 * MIB);
  char* ends = Map(3 * MIB);
  CHECK(munmap(ends + MIB, MIB) == 0);
  CHECK(munmap(ends, MIB) == 0);
  CHECK(munmap(ends + 2 * MIB, MIB) == 0);
  Unmapped(1, 3 * MIB);
  // One call for several mappings, and for what is not mapped between them.
  char* room = Map(8 * MIB);
  CHECK(munmap(room, 8 * MIB) == 0);
  Unmapped(1, 8 * MIB);
  MapAt(room, MIB, MAP_FIXED);
  MapAt(room + 2 * MIB, MIB, MAP_FIXED);
  MapAt(room + 3 * MIB, 2 * MIB, MAP_FIXED);
  CHECK(munmap(room + MIB / 2, 3 * MIB) == 0);
  Unmapped(1, MIB / 2 + MIB + MIB / 2);
}

static void Replaced(void) {
  char* block = Map(4 * MIB);
  MapAt(block + MIB, MIB, MAP_FIXED);
  Unmapped(0, MIB);
  CHECK(mmap(block + 2 * MIB, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        block + 2 * MIB);
  Unmapped(0, MIB);
  FILE* file = tmpfile();
  CHECK(file != NULL && ftruncate(fileno(file), 1 << 20) == 0);
  CHECK(mmap(block, MIB, PROT_READ, MAP_SHARED | MAP_FIXED, fileno(file), 0) == block);
  Unmapped(0, MIB);
  CHECK(madvise(block + 3 * MIB, MIB, MADV_DONTNEED) == 0);
}

static void Remapped(void) {
  char* block = Map(MIB);
  size_t size = MIB;
  static const size_t kSizes[] = {8 * MIB, 2 * MIB, 3 * MIB, 3 * MIB, 64 * MIB, MIB};
  for (size_t i = 0; i < sizeof(kSizes) / sizeof(kSizes[0]); ++i) {
    block = mremap(block, size, kSizes[i], MREMAP_MAYMOVE);
    CHECK(block != MAP_FAILED && block[0] == 1);
    Unmapped(1, size);
    Mapped(size = kSizes[i]);
  }
  char* room = Map(4 * MIB);
  block = mremap(block, MIB, 2 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, room + MIB);
  CHECK(block == room + MIB);
  Unmapped(1, MIB + 2 * MIB);  // what moved, and a part of what it covers
  Mapped(2 * MIB);
  // A part moves away.
  CHECK(mremap(room, MIB / 2, 2 * MIB, MREMAP_MAYMOVE) != MAP_FAILED);
  Unmapped(0, MIB / 2);
  Mapped(2 * MIB);
}

// Nothing of this counts, and what fails, fails as it would.
static void Unseen(void) {
  FILE* file = tmpfile();
  CHECK(file != NULL && ftruncate(fileno(file), 1 << 20) == 0);
  char* mapped = mmap(NULL, MIB, PROT_READ, MAP_PRIVATE, fileno(file), 0);
  CHECK(mapped != MAP_FAILED);
  mapped = mremap(mapped, MIB, 2 * MIB, MREMAP_MAYMOVE);
  CHECK(mapped != MAP_FAILED && munmap(mapped, 2 * MIB) == 0);
  char* reserved = mmap(NULL, 1000 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(reserved != MAP_FAILED && munmap(reserved, 1000 * MIB) == 0);

  volatile size_t absurd = SIZE_MAX / 2;
  char* block = Map(MIB);
#define FAILS(call)                                    \
  do {                                                 \
    errno = 0;                                         \
    CHECK((call) == -1);                               \
    fprintf(stderr, "line %d: %d\n", __LINE__, errno); \
  } while (0)
  FAILS((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  FAILS((long)mmap(NULL, absurd, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
  FAILS((long)mmap(block, MIB, PROT_READ, MAP_ANONYMOUS, -1, 0));
  FAILS(munmap(block + 1, MIB));
  FAILS(munmap(block, 0));
  FAILS((long)mremap(block, MIB, absurd, MREMAP_MAYMOVE));
  FAILS((long)mremap(block, MIB, 2 * MIB, 64));
  errno = 77;
  CHECK(munmap(block, MIB) == 0 && errno == 77);
  Unmapped(1, MIB);
}

static void* MapAndUnmap(void* unused) {
  for (int i = 0; i < 300; ++i) {
    char* block = Map(MIB);
    char* other = Map(2 * MIB);
    CHECK(munmap(block, MIB) == 0);
    CHECK(munmap(other + MIB, MIB) == 0 && munmap(other, MIB) == 0);
    Unmapped(2, 3 * MIB);
  }
  return unused;
}

// Threads get each other's addresses. Their stacks, mapped by libc, are not the program's.
static void Threads(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, MapAndUnmap, NULL) == 0);
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void OnSignal(int signal) {
  (void)signal;
  CHECK(munmap(Map(MIB), MIB) == 0);
  Unmapped(1, MIB);
}

static void Signals(void) {
  const struct sigaction action = {.sa_handler = OnSignal};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int i = 0; i < 100; ++i) CHECK(raise(SIGUSR1) == 0);
}

static void Report(void) {
  printf("objects %zu bytes %zu live_objects %zu live_bytes %zu\n", g_objects, g_bytes,
         g_objects - g_freed_objects, g_bytes - g_freed_bytes);
  fflush(stdout);
}

// More mappings than the recorder has room for.
static void Many(void) {
  static char* blocks[12000];
  for (int i = 0; i < 12000; ++i) {
    blocks[i] = mmap(NULL, 4096, i % 2 == 0 ? PROT_READ | PROT_WRITE : PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(blocks[i] != MAP_FAILED);
  }
  for (int i = 0; i < 12000; ++i) CHECK(munmap(blocks[i], 4096) == 0);
  Whole();
}

// A handler maps wherever the recorder of the interrupted mmap may stand.
static volatile sig_atomic_t g_alarms;
static void OnAlarm(int signal) {
  (void)signal;
  char* block = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(block != MAP_FAILED && munmap(block, MIB) == 0);
  ++g_alarms;
}

static void Storm(void) {
  const struct sigaction action = {.sa_handler = OnAlarm, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  const struct itimerval often = {{0, 50}, {0, 50}};
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int i = 0; i < 1000000 && g_alarms < 2000; ++i) {
    char* block = mmap(NULL, 3 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED);
    CHECK(munmap(block + MIB, MIB) == 0 && munmap(block, 3 * MIB) == 0);
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
  Whole();
}

// A child starts with nothing; what it inherited is not its own to free.
static void Fork(void) {
  char* inherited = Map(3 * MIB);
  const pid_t child = fork();
  if (child == 0) {
    g_objects = g_bytes = g_freed_objects = g_freed_bytes = 0;
    CHECK(munmap(inherited, 3 * MIB) == 0);
    Map(5 * MIB);
    Report();
    exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "many") == 0) {
    Many();
  } else if (strcmp(what, "storm") == 0) {
    Storm();
  } else if (strcmp(what, "fork") == 0) {
    Fork();
  } else {
    Whole();
    Trimmed();
    Holes();
    Replaced();
    Remapped();
    Unseen();
    Signals();
    Threads();
  }
  // Blocks of malloc's own are mapped too, but not by the program.
  for (int i = 0; i < 5; ++i) memset(malloc(MIB), 1, MIB);
  Report();
  return 0;
}
