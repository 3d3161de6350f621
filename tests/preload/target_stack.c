// How much of the thread's stack a call of the malloc family uses: paints what lies below, calls,
// and looks how deep the paint was touched. Prints the deepest of each kind, in bytes below the
// caller's frame. Every call here comes from an address of its own, so that the recorder meets
// each for the first time, in a thread that it meets for the first time.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPaintBytes = 12 << 10, kPaint = 0xa5 };

// Where the paint ends: the caller's stack pointer, as low as its callees can see it.
static char* volatile g_top;

__attribute__((noinline)) static void Paint(void) {
  char paint[kPaintBytes];
  for (int i = 0; i < kPaintBytes; ++i) ((volatile char*)paint)[i] = (char)kPaint;
  g_top = (char*)__builtin_frame_address(0);
}

__attribute__((noinline, no_sanitize("address"))) static long Touched(void) {
  const volatile char* low = g_top - kPaintBytes + 512;  // Touched's own frame lies above
  const volatile char* at = low;
  while (at < g_top && *at == (char)kPaint) ++at;
  return (long)(g_top - at);
}

static void* volatile g_block;
static long g_deepest[4];

static void Note(int kind, long bytes) {
  if (bytes > g_deepest[kind]) g_deepest[kind] = bytes;
}

// One function per number, so that each has addresses that nobody saw before.
#define SITE(n)                                         \
  __attribute__((noinline)) static void Site##n(void) { \
    Paint();                                            \
    g_block = malloc(1000 + n);                         \
    Note(0, Touched());                                 \
    Paint();                                            \
    g_block = realloc(g_block, 100000 + n);             \
    Note(1, Touched());                                 \
    Paint();                                            \
    free(g_block);                                      \
    Note(2, Touched());                                 \
    Paint();                                            \
    g_block = calloc(10, 100 + n);                      \
    Note(3, Touched());                                 \
    free(g_block);                                      \
  }
SITE(1)
SITE(2)
SITE(3) SITE(4) SITE(5) SITE(6) SITE(7) SITE(8)

    static int Compare(const void* a, const void* b) {
  (void)a;
  (void)b;
  Site8();  // below frames of libc
  return 0;
}

static void* InThread(void* argument) {
  static void (*const kSites[])(void) = {Site1, Site2, Site3, Site4, Site5, Site6, Site7};
  kSites[(intptr_t)argument]();
  if (argument == NULL) {
    int two[2] = {1, 2};
    qsort(two, 2, sizeof(int), Compare);
  }
  return NULL;
}

int main(void) {
  for (intptr_t i = 0; i < 7; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, InThread, (void*)i) != 0) return 1;
    pthread_join(thread, NULL);
  }
  printf("malloc %ld realloc %ld free %ld calloc %ld\n", g_deepest[0], g_deepest[1], g_deepest[2],
         g_deepest[3]);
  return 0;
}
