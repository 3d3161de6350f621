// A plugin in plain C, built twice under two names: KEEP is the function that keeps memory.
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) void* KEEP(size_t bytes) {
  char* block = malloc(bytes);
  if (block != NULL) memset(block, 1, bytes < 4096 ? bytes : 4096);
  return block;
}

void* PluginMalloc(size_t bytes) { return KEEP(bytes); }
void* PluginRealloc(void* block, size_t bytes) { return realloc(block, bytes); }
void PluginFree(void* block) { free(block); }
