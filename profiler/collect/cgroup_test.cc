#include "profiler/collect/cgroup.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace tidemark::collect {
namespace {

// A folder that looks like /sys/fs/cgroup.
class Cgroups : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "cgroups-" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& folder, const std::string& file, const std::string& text) {
    std::filesystem::create_directories(root_ + folder);
    std::ofstream(root_ + folder + "/" + file) << text;
  }

  std::string root_;
};

TEST_F(Cgroups, Version2TakesTheLeastOfAllAround) {
  Write("/pod/app", "memory.max", "max\n");
  Write("/pod", "memory.max", "2147483648\n");
  Write("", "memory.max", "4294967296\n");
  EXPECT_EQ(MemoryLimitOf("0::/pod/app\n", root_), 2147483648u);
  EXPECT_EQ(MemoryLimitOf("0::/\n", root_), 4294967296u);
  Write("/pod/app", "memory.max", "1048576\n");
  EXPECT_EQ(MemoryLimitOf("0::/pod/app\n", root_), 1048576u);
}

TEST_F(Cgroups, Version1) {
  Write("/memory/app", "memory.limit_in_bytes", "1073741824\n");
  Write("/memory", "memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(MemoryLimitOf("9:cpu:/app\n4:hugetlb,memory:/app\n0::/\n", root_), 1073741824u);
  EXPECT_EQ(MemoryLimitOf("4:memory:/\n", root_), 0u);
}

TEST_F(Cgroups, NothingToSee) {
  EXPECT_EQ(MemoryLimitOf("", root_), 0u);
  EXPECT_EQ(MemoryLimitOf("nonsense\n0::\n1:memory\n4:memory:/../..\n", root_), 0u);
  Write("/app", "memory.max", "not a number");
  EXPECT_EQ(MemoryLimitOf("0::/app\n", root_), 0u);
  EXPECT_EQ(ReadMemoryLimit(-1), 0u);
}

}  // namespace
}  // namespace tidemark::collect
