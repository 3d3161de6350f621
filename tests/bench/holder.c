// Holds live memory and keeps allocating beside it, for run.py to weigh the recorder's memory and
// to time snapshots of a process that goes on working.
//
// usage: holder BLOCKS BLOCK_SIZE
//
// Allocates and touches BLOCKS blocks from 1024 different stacks, prints "ready", and then answers
// each line on stdin with a line: how many malloc/free pairs were made since the line before, and
// the longest time between two of them in microseconds. Ends at the end of stdin.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double Microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec * 1e-3;
}

static char* Right(size_t size, unsigned path, int levels);

// Each bit of `path` chooses the next function of the call chain.
__attribute__((noinline)) static char* Left(size_t size, unsigned path, int levels) {
  char* volatile block = levels == 0       ? malloc(size)
                         : (path & 1) != 0 ? Right(size, path >> 1, levels - 1)
                                           : Left(size, path >> 1, levels - 1);
  return block;  // read again, so that none of these is a tail call
}

__attribute__((noinline)) static char* Right(size_t size, unsigned path, int levels) {
  char* volatile block = levels == 0       ? malloc(size)
                         : (path & 1) != 0 ? Right(size, path >> 1, levels - 1)
                                           : Left(size, path >> 1, levels - 1);
  return block;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t blocks = strtoul(argv[1], NULL, 10);
  const size_t size = strtoul(argv[2], NULL, 10);
  if (blocks == 0 || size == 0) return 2;
  char** held = calloc(blocks, sizeof(char*));
  if (held == NULL) return 1;
  for (size_t i = 0; i < blocks; ++i) {
    held[i] = Left(size, (unsigned)(i % 1024), 10);
    if (held[i] == NULL) return 1;
    memset(held[i], 1, size);
  }
  printf("ready\n");
  fflush(stdout);
  long pairs = 0;
  double longest = 0;
  double last = Microseconds();
  for (;;) {
    void* block = malloc(64);
    __asm__ volatile("" : : "r"(block) : "memory");  // keeps the pair from being optimised out
    free(block);
    const double now = Microseconds();
    if (now - last > longest) longest = now - last;
    last = now;
    if (++pairs % 1024 != 0) continue;
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 0) == 0) continue;
    char line[16];
    if (read(STDIN_FILENO, line, sizeof(line)) <= 0) break;
    printf("%ld %.0f\n", pairs, longest);
    fflush(stdout);
    pairs = 0;
    longest = 0;
    last = Microseconds();
  }
  for (size_t i = 0; i < blocks; ++i) free(held[i]);
  free(held);
  return 0;
}
