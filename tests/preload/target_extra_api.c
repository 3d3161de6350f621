// The functions that allocators have beside malloc's family: a recorder does not see them,
// but their blocks meet malloc's and free's. Keeps 8 MiB in blocks of 1 MiB.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) {                                      \
      printf("line %d: not so: %s\n", __LINE__, #condition); \
      exit(1);                                               \
    }                                                        \
  } while (0)

#define MIB ((size_t)1 << 20)

static void* Used(void* block) {
  CHECK(block != NULL && malloc_usable_size(block) >= MIB);
  memset(block, 0x5a, 4096);
  return block;
}

static void Jemalloc(void) {
  void* (*mallocx)(size_t, int) = (void* (*)(size_t, int))dlsym(RTLD_DEFAULT, "mallocx");
  void* (*rallocx)(void*, size_t, int) =
      (void* (*)(void*, size_t, int))dlsym(RTLD_DEFAULT, "rallocx");
  void (*dallocx)(void*, int) = (void (*)(void*, int))dlsym(RTLD_DEFAULT, "dallocx");
  void (*sdallocx)(void*, size_t, int) =
      (void (*)(void*, size_t, int))dlsym(RTLD_DEFAULT, "sdallocx");
  if (mallocx == NULL) return;
  for (int i = 0; i < 50; ++i) {
    free(Used(mallocx(MIB, 0)));
    dallocx(Used(malloc(MIB)), 0);
    sdallocx(Used(malloc(MIB)), MIB, 0);
    free(Used(rallocx(Used(malloc(MIB)), 2 * MIB, 0)));
    dallocx(Used(realloc(Used(mallocx(MIB, 0)), 2 * MIB)), 0);
  }
}

static void Functions(const char* malloc_name, const char* realloc_name, const char* free_name) {
  void* (*other_malloc)(size_t) = (void* (*)(size_t))dlsym(RTLD_DEFAULT, malloc_name);
  void* (*other_realloc)(void*, size_t) =
      (void* (*)(void*, size_t))dlsym(RTLD_DEFAULT, realloc_name);
  void (*other_free)(void*) = (void (*)(void*))dlsym(RTLD_DEFAULT, free_name);
  if (other_malloc == NULL) return;
  for (int i = 0; i < 50; ++i) {
    free(Used(other_malloc(MIB)));
    other_free(Used(malloc(MIB)));
    free(Used(other_realloc(Used(malloc(MIB)), 2 * MIB)));
    other_free(Used(realloc(Used(other_malloc(MIB)), 2 * MIB)));
  }
}

int main(void) {
  Jemalloc();
  Functions("tc_malloc", "tc_realloc", "tc_free");
  Functions("mi_malloc", "mi_realloc", "mi_free");
  for (int i = 0; i < 8; ++i) Used(malloc(MIB));
  puts("extra: fine");
  return 0;
}
