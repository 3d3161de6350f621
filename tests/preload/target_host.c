// A C program that loads, uses and unloads a C++ plugin several times, so that operator
// new comes and goes with it, perhaps at other addresses.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  for (int round = 0; round < 5; ++round) {
    void* plugin =
        dlopen(argv[1], round % 2 == 0 ? RTLD_NOW | RTLD_LOCAL : RTLD_LAZY | RTLD_GLOBAL);
    if (plugin == NULL) {
      puts(dlerror());
      return 1;
    }
    int (*run)(int);
    *(void**)&run = dlsym(plugin, "RunPlugin");
    if (run == NULL || run(400) != 200) return 1;
    if (dlclose(plugin) != 0) return 1;
    // Something else where the plugin was.
    mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 50; ++i) memset(malloc(100000), 1, 100);
  }
  puts("host: fine");
  return 0;
}
