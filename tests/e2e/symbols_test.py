"""Where names come from, seen from the command line: --symbolize, the cache, just-in-time code,
programs that were built anew since."""

import os
import unittest

import e2e

PROGRAM = """
#include <map>
#include <string>
namespace shop {
struct Basket {
  std::map<int, std::string> items;
  __attribute__((noinline)) void Add(int n) { items[n] = std::string(4000, 'x'); }
};
}
int main() {
  auto* basket = new shop::Basket;
  for (int i = 0; i < 3000; ++i) basket->Add(i);
  return basket->items.size() == 3000 ? 0 : 1;
}
"""

# Code that is in no file: it calls what it is given, with a frame pointer.
GENERATED = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void *kept[4000];
__attribute__((noinline)) static void allocate(void) {
  for (int i = 0; i < 4000; ++i) kept[i] = malloc(4000);
}
int main(void) {
  static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 1;
  memcpy(page + 64, code, sizeof(code));
  char name[64];
  snprintf(name, sizeof(name), "/tmp/perf-%d.map", (int)getpid());
  FILE *map = fopen(name, "w");
  fprintf(map, "%lx %x js:compiled /a b.js:1\n", (unsigned long)(page + 64), (unsigned)sizeof(code));
  fclose(map);
  puts(name);
  ((void (*)(void (*)(void)))(page + 64))(&allocate);
  return kept[0] == NULL;
}
"""


class Symbols(e2e.Case):
    def build(self, name, source, *flags):
        compiler = "g++" if "namespace" in source else "gcc"
        suffix = ".cc" if compiler == "g++" else ".c"
        self.write(name + suffix, source)
        self.run_plain([compiler, "-g", "-O1", "-Wl,--build-id=sha1", *flags,
                        self.path(name + suffix), "-o", self.path(name)], check=True)
        return self.path(name)

    def raw_profile(self, program):
        """A profile as the library writes it: addresses only."""
        done = self.run_plain([program], env=self.environment("65536"), check=True)
        files = [os.path.join(self.out, f) for f in os.listdir(self.out)]
        self.assertEqual(len(files), 1)
        return files[0], done.stdout.decode().strip()

    def top(self, profile, *options, cache="0"):
        done = self.run_plain([e2e.TIDEMARK, "top", *options, profile],
                              env={"TIDEMARK_CACHE": cache, "XDG_CACHE_HOME": self.path("cache"),
                                   "DEBUGINFOD_URLS": ""})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_words(self):
        profile, _ = self.raw_profile(self.build("basket", PROGRAM))
        status, text, _ = self.top(profile, "--symbolize", "none")
        self.assertEqual(status, 0)
        self.assertIn("[basket]", text)
        self.assertNotIn("shop::", text)
        for words in ("local", "fastlocal", "remote", "force", "local:demangle=full"):
            status, text, _ = self.top(profile, "--symbolize", words)
            self.assertEqual(status, 0)
            self.assertIn("shop::Basket::Add(int)\n", text, words)
        lines = ["--granularity", "lines"]
        self.assertIn("basket.cc:7", self.top(profile, *lines, "--symbolize", "local")[1])
        self.assertNotIn("basket.cc", self.top(profile, *lines, "--symbolize", "fastlocal")[1])
        for words in ("demangle=default", "local,demangle=templates"):
            self.assertIn("shop::Basket::Add\n", self.top(profile, "--symbolize", words)[1])
        self.assertIn("_ZN4shop6Basket3AddEi\n",
                      self.top(profile, "--symbolize", "demangle=none")[1])
        status, text, errors = self.top(profile, "--symbolize", "nowhere")
        self.assertEqual((status, text), (2, ""))
        self.assertIn('"nowhere" is none of', errors)
        self.assertEqual(errors.count("\n"), 1)

    def test_cache(self):
        profile, _ = self.raw_profile(self.build("basket", PROGRAM))
        first = self.top(profile)
        self.assertFalse(os.path.exists(self.path("cache")))
        self.assertEqual(self.top(profile, cache="1"), first)
        files = os.listdir(self.path("cache/tidemark/symbols"))
        self.assertGreaterEqual(len(files), 2, "the program's and libc's at least")
        self.assertEqual(self.top(profile, cache="1"), first)

    def test_generated_code(self):
        profile, path = self.raw_profile(self.build("generated", GENERATED))
        self.addCleanup(os.remove, path)
        row = [line for line in self.top(profile)[1].splitlines() if "js:compiled" in line]
        self.assertEqual(len(row), 1)
        self.assertTrue(row[0].endswith("js:compiled /a b.js:1"), row)

    def test_a_program_built_anew(self):
        profile, _ = self.raw_profile(self.build("basket", PROGRAM))
        self.build("basket", PROGRAM, "-DANEW", "-O2")
        status, text, errors = self.top(profile)
        self.assertEqual(status, 0)
        self.assertNotIn("shop::", text)
        self.assertRegex(errors, r"basket: .*it has the build id [0-9a-f]{40}, not [0-9a-f]{40}")


if __name__ == "__main__":
    unittest.main()
