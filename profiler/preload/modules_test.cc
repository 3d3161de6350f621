// The table of loaded code: what is listed, and that it follows dlopen and dlclose.

#include "profiler/preload/modules.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark::preload {
namespace {

std::vector<std::pair<uint64_t, uint64_t>> g_retired;

uint64_t Address(void* handle) { return reinterpret_cast<uint64_t>(dlsym(handle, "Enter")); }

class ModulesTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kCapacity = 4096;
  static constexpr uint64_t kStringCapacity = 256 << 10;

  void SetUp() override {
    g_retired.clear();
    SetRetireRange([](uint64_t start, uint64_t limit) { g_retired.emplace_back(start, limit); });
    Attach(kCapacity, kStringCapacity);
  }
  // The table outlives the test: modules.cc keeps it until the next Attach.
  void Attach(uint64_t capacity, uint64_t string_capacity) {
    static std::vector<std::unique_ptr<state::Module[]>> tables;
    static std::vector<std::unique_ptr<char[]>> strings;
    static std::vector<std::unique_ptr<state::Totals>> totals;
    table_ = tables.emplace_back(new state::Module[kCapacity]()).get();
    strings_ = strings.emplace_back(new char[kStringCapacity]()).get();
    totals_ = totals.emplace_back(new state::Totals()).get();
    AttachModules(table_, capacity, strings_, string_capacity, totals_, 0);
    RefreshModules();
  }
  std::string_view Path(uint32_t index) const {
    return {strings_ + table_[index].path_offset, table_[index].path_bytes};
  }
  const state::Module* Find(uint64_t address) {
    LoadedModule module{};
    if (!FindModule(address, &module) || module.index >= totals_->module_count) return nullptr;
    return &table_[module.index];
  }

  state::Module* table_;
  char* strings_;
  state::Totals* totals_;
};

TEST_F(ModulesTest, ListsTheProgramLibcAndTheVdso) {
  LoadedModule module{};
  ASSERT_TRUE(FindModule(reinterpret_cast<uint64_t>(&g_retired), &module) ||
              FindModule(reinterpret_cast<uint64_t>(__builtin_return_address(0)), &module));
  char exe[1024] = "";
  ASSERT_GT(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
  EXPECT_EQ(Path(module.index), exe);
  EXPECT_EQ(module.is_self, 0u);
  EXPECT_NE(module.eh_frame_hdr, 0u);
  EXPECT_EQ(table_[module.index].start, module.start);
  EXPECT_EQ(table_[module.index].limit, module.limit);

  ASSERT_TRUE(FindModule(reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "getpid")), &module));
  EXPECT_NE(Path(module.index).find("libc.so.6"), std::string_view::npos);
  EXPECT_EQ(table_[module.index].build_id_bytes, 20u);

  bool vdso = false;
  for (uint32_t i = 0; i < totals_->module_count; ++i) {
    vdso = vdso || (Path(i) == "[vdso]" && table_[i].start == getauxval(AT_SYSINFO_EHDR));
  }
  EXPECT_TRUE(vdso);
}

// What the kernel says about each address is what is listed: file offset and path.
TEST_F(ModulesTest, AgreesWithTheKernelsMaps) {
  FILE* maps = fopen("/proc/self/maps", "r");
  ASSERT_NE(maps, nullptr);
  char line[4096];
  int compared = 0;
  while (fgets(line, sizeof(line), maps) != nullptr) {
    unsigned long start;
    unsigned long limit;
    unsigned long offset;
    char permissions[8];
    char path[2048] = "";
    if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %2047s", &start, &limit, permissions, &offset,
               path) != 5 ||
        permissions[2] != 'x' || path[0] != '/') {
      continue;
    }
    const state::Module* module = Find(start);
    ASSERT_NE(module, nullptr) << line;
    EXPECT_EQ(start - module->start + module->file_offset, offset) << line;
    EXPECT_GE(module->limit, limit) << line;
    // ld.so's name of the file may go through links; the kernel's does not.
    char* real =
        realpath(std::string(Path(static_cast<uint32_t>(module - table_))).c_str(), nullptr);
    ASSERT_NE(real, nullptr) << line;
    EXPECT_STREQ(real, path) << line;
    free(real);
    ++compared;
  }
  fclose(maps);
  EXPECT_GE(compared, 4);
}

TEST_F(ModulesTest, DoesNotKnowOtherMemory) {
  LoadedModule module;
  int local = 0;
  EXPECT_FALSE(FindModule(0, &module));
  EXPECT_FALSE(FindModule(reinterpret_cast<uint64_t>(&local), &module));
  EXPECT_FALSE(FindModule(UINT64_MAX, &module));
}

TEST_F(ModulesTest, FollowsLoadingUnloadingAndReloading) {
  const uint64_t before = totals_->module_count;
  void* handle = dlopen(UNWIND_PLUGIN_A, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const uint64_t first_address = Address(handle);
  const state::Module* first = Find(first_address);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first - table_, static_cast<ptrdiff_t>(before));
  EXPECT_EQ(Path(static_cast<uint32_t>(first - table_)), UNWIND_PLUGIN_A);
  EXPECT_GT(first->loaded_ns, 0u);
  EXPECT_EQ(first->unloaded_ns, 0u);
  EXPECT_TRUE(g_retired.empty());

  dlclose(handle);
  RefreshModules();
  EXPECT_GT(first->unloaded_ns, 0u);
  ASSERT_EQ(g_retired.size(), 1u);
  EXPECT_EQ(g_retired[0], std::make_pair(first->start, first->limit));
  EXPECT_EQ(Find(first_address), nullptr);

  usleep(3000);  // the miss of just now is remembered for about a millisecond
  handle = dlopen(UNWIND_PLUGIN_A, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const state::Module* second = Find(Address(handle));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(second->path_offset, first->path_offset);
  EXPECT_GT(second->generation, first->generation);
  EXPECT_EQ(second->unloaded_ns, 0u);
  dlclose(handle);
  RefreshModules();
}

// Unnoticed in between: another file at the same address is another module.
TEST_F(ModulesTest, TellsApartFilesThatTakeTurnsAtAnAddress) {
  const state::Module* first = nullptr;
  uint64_t address = 0;
  void* handle = nullptr;
  // The kernel mostly, not always, gives the second the place of the first.
  for (int attempt = 0; attempt < 20; ++attempt) {
    handle = dlopen(UNWIND_PLUGIN_A, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    address = Address(handle);
    RefreshModules();
    first = Find(address);
    dlclose(handle);
    handle = dlopen(UNWIND_PLUGIN_B, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    if (Address(handle) == address) break;
    dlclose(handle);
    handle = nullptr;
  }
  ASSERT_NE(handle, nullptr);
  ASSERT_NE(first, nullptr);
  RefreshModules();
  const state::Module* second = Find(address);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  EXPECT_GT(first->unloaded_ns, 0u);
  EXPECT_EQ(Path(static_cast<uint32_t>(second - table_)), UNWIND_PLUGIN_B);
  dlclose(handle);
  RefreshModules();
}

// As in a fork child: a fresh state gets all that is loaded, without asking ld.so.
TEST_F(ModulesTest, ListsEverythingAnewInAnotherState) {
  const uint64_t count = totals_->module_count;
  const auto* old_table = table_;
  const std::string old_path(Path(2));
  Attach(kCapacity, kStringCapacity);
  ASSERT_LE(totals_->module_count, count);
  ASSERT_GE(totals_->module_count, 4u);
  EXPECT_NE(old_table, table_);
  char exe[1024] = "";
  ASSERT_GT(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
  int found = 0;
  for (uint32_t i = 0; i < totals_->module_count; ++i) found += Path(i) == exe;
  EXPECT_EQ(found, 1);
}

TEST_F(ModulesTest, CountsWhatHasNoRoom) {
  Attach(2, kStringCapacity);
  EXPECT_EQ(totals_->module_count, 2u);
  EXPECT_GE(totals_->losses[state::kLossModulesFull], 2u);
  // Unlisted, but unwound through.
  int unlisted = 0;
  for (void* address : {dlsym(RTLD_DEFAULT, "getpid"), dlsym(RTLD_DEFAULT, "_Unwind_Resume"),
                        reinterpret_cast<void*>(__builtin_return_address(0))}) {
    LoadedModule module{};
    ASSERT_TRUE(FindModule(reinterpret_cast<uint64_t>(address), &module));
    unlisted += module.index == state::kNoModule;
  }
  EXPECT_GE(unlisted, 1);

  Attach(kCapacity, 4);
  EXPECT_GE(totals_->module_count, 4u);
  EXPECT_GE(totals_->losses[state::kLossModulesFull], 1u);
  EXPECT_LE(totals_->string_bytes, 4u);
  for (uint32_t i = 0; i < totals_->module_count; ++i) {
    EXPECT_LE(table_[i].path_offset + table_[i].path_bytes, 4u);
  }
}

TEST_F(ModulesTest, AnswersWhileFilesComeAndGo) {
  bool stop = false;
  std::thread loading([&] {
    for (int i = 0; i < 200; ++i) {
      void* handle = dlopen(i % 2 == 0 ? UNWIND_PLUGIN_A : UNWIND_PLUGIN_B, RTLD_NOW);
      LoadedModule module;
      EXPECT_TRUE(handle != nullptr && FindModule(Address(handle), &module));
      if (handle != nullptr) dlclose(handle);
      RefreshModules();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  });
  const uint64_t address = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "getpid"));
  LoadedModule expected;
  ASSERT_TRUE(FindModule(address, &expected));
  uint64_t found = 0;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    LoadedModule module{};
    if (!FindModule(address, &module)) continue;
    ++found;
    ASSERT_EQ(module.start, expected.start);
    ASSERT_EQ(module.limit, expected.limit);
    ASSERT_EQ(module.eh_frame_hdr, expected.eh_frame_hdr);
    ASSERT_EQ(module.index, expected.index);
  }
  loading.join();
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace tidemark::preload
