// Times malloc/free pairs: nanoseconds per pair, for run.py to compare plain and preloaded
// runs of it. In C, so that nothing but the malloc family stands between.
//
// usage: pair SIZE PAIRS THREADS
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t g_size;
static long g_pairs;

static void* Work(void* unused) {
  (void)unused;
  for (long i = 0; i < g_pairs; ++i) {
    void* block = malloc(g_size);
    __asm__ volatile("" : : "r"(block) : "memory");  // keeps the pair from being optimised out
    free(block);
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  g_size = strtoul(argv[1], NULL, 10);
  g_pairs = strtol(argv[2], NULL, 10);
  const int threads = atoi(argv[3]);
  if (g_pairs <= 0 || threads < 1 || threads > 64) return 2;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  pthread_t others[64];
  for (int i = 1; i < threads; ++i) {
    if (pthread_create(&others[i], NULL, Work, NULL) != 0) return 1;
  }
  Work(NULL);
  for (int i = 1; i < threads; ++i) pthread_join(others[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double ns = (end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec);
  printf("%.4f\n", ns / g_pairs);
  return 0;
}
