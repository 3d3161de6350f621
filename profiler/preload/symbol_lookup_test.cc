#include "profiler/preload/symbol_lookup.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "profiler/preload/next_allocator.h"

// What FindNext must not find: this executable is where the search starts behind.
extern "C" __attribute__((visibility("default"))) int tidemark_symbol_lookup_test_own() {
  return 1;
}

namespace tidemark::preload {
namespace {

struct Object {
  std::string name;
  LoadedObject loaded;
};

std::vector<Object> Objects() {
  std::vector<Object> objects;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* to) {
        LoadedObject object{info->dlpi_addr, nullptr};
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
          object.dynamic =
              reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
        static_cast<std::vector<Object>*>(to)->push_back({info->dlpi_name, object});
        return 0;
      },
      &objects);
  return objects;
}

LoadedObject Named(const std::string& part) {
  for (const Object& o : Objects()) {
    if (o.name.find(part) != std::string::npos) return o.loaded;
  }
  ADD_FAILURE() << "no " << part;
  return {};
}

TEST(FindInObject, AgreesWithDlsym) {
  void* libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(libc, nullptr);
  const LoadedObject object = Named("libc.so.6");
  // Among them: IFUNCs, functions with several versions, a weak one.
  for (const char* name : {"malloc", "free", "strlen", "memchr", "pthread_create", "dlclose",
                           "quick_exit", "posix_spawn", "execve", "regexec", "vfork", "_exit"}) {
    EXPECT_EQ(FindInObject(object, name), dlsym(libc, name)) << name;
    EXPECT_NE(FindInObject(object, name), nullptr) << name;
  }
  dlclose(libc);
}

TEST(FindInObject, KnowsWhatIsNotThere) {
  for (const Object& o : Objects()) {
    EXPECT_EQ(FindInObject(o.loaded, "tidemark_no_such_function"), nullptr) << o.name;
    EXPECT_EQ(FindInObject(o.loaded, ""), nullptr) << o.name;
  }
  EXPECT_EQ(FindInObject({0, nullptr}, "malloc"), nullptr);
  // Data is no function.
  EXPECT_EQ(FindInObject(Named("libc.so.6"), "environ"), nullptr);
  // Imported is not exported.
  EXPECT_EQ(FindInObject(Named("libstdc++"), "malloc"), nullptr);
}

TEST(Imports, TellsCallersFromDefiners) {
  EXPECT_TRUE(Imports(Named("libstdc++"), "malloc"));
  EXPECT_FALSE(Imports(Named("libstdc++"), "_Znwm"));
  EXPECT_FALSE(Imports(Named("libc.so.6"), "malloc"));
  EXPECT_FALSE(Imports({0, nullptr}, "malloc"));
}

TEST(FindNext, FindsTheSameAtStartAndNow) {
  for (const char* name : {"malloc", "_Znwm", "dlclose", "_ZdlPvSt11align_val_t"}) {
    const Found start = FindNext(name, Search::kAtStart);
    const Found now = FindNext(name, Search::kNow);
    EXPECT_NE(start.function, nullptr) << name;
    EXPECT_EQ(start.function, now.function) << name;
    EXPECT_EQ(start.function, dlsym(RTLD_NEXT, name)) << name;
    EXPECT_EQ(start.object.dynamic, now.object.dynamic) << name;
  }
}

TEST(FindNext, DoesNotFindItsOwnFile) {
  EXPECT_EQ(FindNext("tidemark_symbol_lookup_test_own", Search::kAtStart).function, nullptr);
  EXPECT_EQ(FindNext("tidemark_symbol_lookup_test_own", Search::kNow).function, nullptr);
}

TEST(FindInFront, NothingIsBeforeTheExecutable) {
  for (const char* name : {"malloc", "tidemark_symbol_lookup_test_own"}) {
    EXPECT_EQ(FindInFront(name, Search::kAtStart).function, nullptr);
    EXPECT_EQ(FindInFront(name, Search::kNow).function, nullptr);
  }
}

TEST(NextAllocator, FillsItselfInAtTheFirstCall) {
  void* block = g_next.malloc(100);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(reinterpret_cast<void*>(g_next.malloc), dlsym(RTLD_NEXT, "malloc"));
  EXPECT_EQ(reinterpret_cast<void*>(g_next.free), dlsym(RTLD_NEXT, "free"));
  EXPECT_GE(g_next.malloc_usable_size(block), 100u);
  block = g_next.realloc(block, 5000);
  ASSERT_NE(block, nullptr);
  g_next.free(block);
  block = g_next.aligned_alloc(64, 128);
  g_next.free_aligned_sized(block, 64, 128);
  g_next.free_sized(g_next.calloc(2, 8), 16);
}

}  // namespace
}  // namespace tidemark::preload
