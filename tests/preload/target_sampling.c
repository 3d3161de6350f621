// Allocates a known amount, for comparing the estimate with it. Prints "BYTES BLOCKS" of what
// it allocated in the ways below; what else the process allocates has other sizes.
//
// usage: target_sampling keep|drop BYTES SIZE[,SIZE...]       blocks of these sizes in turn
//        target_sampling rates BYTES SIZES RATE[,RATE...]     as keep, in equal parts, each at
//                                                             another rate (0: as started)
//        target_sampling threads BYTES SIZES COUNT            as keep, in each of COUNT threads
//        target_sampling forks BYTES SIZES COUNT              as keep, in each of COUNT children
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kMaxNumbers = 16 };
static size_t g_sizes[kMaxNumbers];
static int g_size_count;
static size_t g_bytes;
static int g_drop;
static size_t g_made_bytes;
static size_t g_made_blocks;

// Kept blocks are a list through their first words.
static void* g_kept;

static int ParseNumbers(const char* text, size_t* numbers) {
  int count = 0;
  while (count < kMaxNumbers) {
    char* end;
    numbers[count++] = strtoull(text, &end, 10);
    if (*end != ',') return count;
    text = end + 1;
  }
  return count;
}

__attribute__((noinline)) static void Allocate(size_t bytes) {
  size_t made = 0;
  for (size_t i = 0; made < bytes; ++i) {
    const size_t size = g_sizes[i % (size_t)g_size_count];
    void** block = malloc(size);
    if (block == NULL) exit(1);
    made += size;
    ++g_made_blocks;
    if (g_drop) {
      free(block);
    } else {
      *block = g_kept;
      g_kept = block;
    }
  }
  g_made_bytes += made;
}

static void* InThread(void* unused) {
  (void)unused;
  Allocate(g_bytes);
  return NULL;
}

// The control page of the process's own state: Control::rate_bytes is its first word.
static volatile uint64_t* Control(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[1024];
  unsigned long start = 0;
  while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    if (strstr(line, ".state") != NULL && sscanf(line, "%lx", &start) == 1) break;
    start = 0;
  }
  if (maps != NULL) fclose(maps);
  return start == 0 ? NULL : (volatile uint64_t*)(start + 4096);
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const char* how = argv[1];
  g_bytes = strtoull(argv[2], NULL, 10);
  g_size_count = ParseNumbers(argv[3], g_sizes);
  g_drop = strcmp(how, "drop") == 0;
  const int count = argc > 4 ? atoi(argv[4]) : 1;
  if (strcmp(how, "rates") == 0) {
    size_t rates[kMaxNumbers];
    const int rate_count = ParseNumbers(argv[4], rates);
    volatile uint64_t* control = Control();
    for (int i = 0; i < rate_count; ++i) {
      if (control != NULL) *control = rates[i];
      Allocate(g_bytes / (size_t)rate_count);
    }
  } else if (strcmp(how, "threads") == 0) {
    for (int i = 0; i < count; ++i) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, InThread, NULL) != 0) return 1;
      pthread_join(thread, NULL);
    }
  } else if (strcmp(how, "forks") == 0) {
    for (int i = 0; i < count; ++i) {
      if (fork() == 0) {
        Allocate(g_bytes);
        _exit(0);
      }
      wait(NULL);
      g_made_bytes += (g_bytes + g_sizes[0] - 1) / g_sizes[0] * g_sizes[0];
      g_made_blocks += (g_bytes + g_sizes[0] - 1) / g_sizes[0];
    }
  } else {
    Allocate(g_bytes);
  }
  printf("%zu %zu\n", g_made_bytes, g_made_blocks);
  return 0;
}
