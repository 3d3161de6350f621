// A host of plugins whose calls of malloc may go elsewhere than its own.
// usage: target_plugins deepbind|namespace|reuse PLUGIN [PLUGIN]
#define _GNU_SOURCE
#include <dlfcn.h>
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

struct Plugin {
  void* handle;
  void* (*malloc)(size_t);
  void* (*realloc)(void*, size_t);
  void (*free)(void*);
};

static struct Plugin Find(void* handle) {
  if (handle == NULL) puts(dlerror());
  CHECK(handle != NULL);
  struct Plugin p = {.handle = handle};
  *(void**)&p.malloc = dlsym(handle, "PluginMalloc");
  *(void**)&p.realloc = dlsym(handle, "PluginRealloc");
  *(void**)&p.free = dlsym(handle, "PluginFree");
  CHECK(p.malloc != NULL && p.realloc != NULL && p.free != NULL);
  return p;
}

// The plugin finds libc's malloc before any other. Blocks cross in both directions.
static void Deepbind(const char* path) {
  const struct Plugin p = Find(dlopen(path, RTLD_NOW | RTLD_DEEPBIND));
  for (int i = 0; i < 200; ++i) {
    const size_t bytes = i % 2 == 0 ? MIB : 1000;
    free(p.malloc(bytes));
    p.free(malloc(bytes));
    free(p.realloc(malloc(bytes), 2 * bytes));
    p.free(realloc(p.malloc(bytes), 2 * bytes));
    p.free(p.realloc(realloc(malloc(bytes), 3 * bytes), bytes));
  }
  for (int i = 0; i < 8; ++i) memset(malloc(MIB), 1, 4096);
}

// The plugin has a C library of its own.
static void Namespace(const char* path) {
  const struct Plugin p = Find(dlmopen(LM_ID_NEWLM, path, RTLD_NOW));
  for (int i = 0; i < 200; ++i) {
    void* ours = malloc(MIB);
    p.free(p.realloc(p.malloc(MIB), 2 * MIB));
    free(ours);
  }
  for (int i = 0; i < 8; ++i) memset(malloc(MIB), 1, 4096);
  CHECK(dlclose(p.handle) == 0);
}

// What a plugin allocated lives on without it, and another one comes to its addresses.
static void Reuse(const char* first, const char* second) {
  struct Plugin p = Find(dlopen(first, RTLD_NOW));
  const uintptr_t place = (uintptr_t)p.free;
  void* blocks[8];
  for (int i = 0; i < 8; ++i) blocks[i] = p.malloc(MIB);
  CHECK(dlclose(p.handle) == 0);
  p = Find(dlopen(second, RTLD_NOW));
  puts(place == (uintptr_t)p.free ? "same place" : "another place");
  for (int i = 0; i < 6; ++i) p.malloc(MIB);
  CHECK(dlclose(p.handle) == 0);
  free(blocks[0]);
}

int main(int argc, char** argv) {
  CHECK(argc >= 3);
  if (strcmp(argv[1], "deepbind") == 0) Deepbind(argv[2]);
  if (strcmp(argv[1], "namespace") == 0) Namespace(argv[2]);
  if (strcmp(argv[1], "reuse") == 0) Reuse(argv[2], argv[3]);
  puts("plugins: fine");
  return 0;
}
