// A program with a malloc of its own, as some bring one: it comes before any preloaded one.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char g_memory[64 << 20] __attribute__((aligned(16)));
static size_t g_used;

void* malloc(size_t size) {
  const size_t at = __atomic_fetch_add(&g_used, (size + 31) / 16 * 16, __ATOMIC_RELAXED);
  if (at + size + 16 > sizeof(g_memory)) return NULL;
  memcpy(g_memory + at, &size, sizeof(size));
  return g_memory + at + 16;
}
void free(void* block) { (void)block; }
void* calloc(size_t count, size_t size) { return malloc(count * size); }
void* realloc(void* block, size_t size) {
  void* moved = malloc(size);
  if (moved != NULL && block != NULL) {
    size_t old;
    memcpy(&old, (char*)block - 16, sizeof(old));
    memcpy(moved, block, old < size ? old : size);
  }
  return moved;
}

int main(void) {
  for (int i = 0; i < 30; ++i) memset(malloc(1 << 20), 1, 4096);
  puts("own malloc: fine");
  return 0;
}
