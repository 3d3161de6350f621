#include "profiler/preload/state_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    char name[] = "/tmp/tidemark-state-test-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~StateFileTest() override { std::filesystem::remove_all(directory_); }

  void* Create(const char* path, const char* output = nullptr, void* at = nullptr) {
    return CreateStateFile({path, output, 0x1234}, at, path_);
  }

  std::string directory_;
  char path_[kMaxPath];
};

TEST_F(StateFileTest, HasItsDirectoryFilledInAndNobodyElseMayReadIt) {
  void* base = Create(directory_.c_str());
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(std::string(path_),
            directory_ + "/" + std::to_string(getpid()) + ".0000000000001234.state");
  struct stat st;
  ASSERT_EQ(stat(path_, &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_EQ(static_cast<uint64_t>(st.st_size), StateFileBytes());
  EXPECT_GE(static_cast<uint64_t>(st.st_blocks) * 512, StateFileBytes()) << "space not reserved";
  const State s = StateAt(base);
  EXPECT_EQ(s.header->magic, state::kMagic);
  EXPECT_EQ(s.header->ready, 0u);
  uint64_t end = 3 * state::kPageBytes;
  for (const state::Section& section : s.header->sections) {
    EXPECT_EQ(section.offset % state::kPageBytes, 0u);
    EXPECT_GE(section.offset, end);
    end = section.offset + section.capacity * section.stride;
  }
  EXPECT_LE(end, StateFileBytes());
  Unmap(base, StateFileBytes());
}

TEST_F(StateFileTest, NeverOverwritesAFileOrFollowsALink) {
  const std::string file = directory_ + "/mine";
  ASSERT_EQ(symlink("/etc/passwd", file.c_str()), 0);
  EXPECT_EQ(Create(file.c_str()), nullptr);
  std::filesystem::remove(file);
  void* base = Create(file.c_str());
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(Create(file.c_str()), nullptr) << "a second process must not share it";
  Unmap(base, StateFileBytes());
}

TEST_F(StateFileTest, RefusesADirectoryThatOthersMayWrite) {
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  EXPECT_EQ(Create(directory_.c_str()), nullptr);
}

TEST_F(StateFileTest, MapsOverAnInheritedState) {
  void* first = Create(directory_.c_str());
  ASSERT_NE(first, nullptr);
  StateAt(first).totals->samples = 7;
  std::filesystem::remove(path_);
  ASSERT_EQ(Create(directory_.c_str(), nullptr, first), first);
  EXPECT_EQ(StateAt(first).totals->samples, 0u);
  Unmap(first, StateFileBytes());
}

// SIGXFSZ would kill the target.
TEST_F(StateFileTest, RespectsTheFileSizeLimit) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(Create(directory_.c_str()) == nullptr ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tidemark::preload
