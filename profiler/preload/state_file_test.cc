#include "profiler/preload/state_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
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

  void* Create(const char* path, const char* output = nullptr, void* at = nullptr,
               bool exact = false) {
    return CreateStateFile({path, output, 0x1234, exact}, at, path_);
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
  EXPECT_EQ(static_cast<uint64_t>(st.st_size), StateAt(base).header->file_bytes);
  EXPECT_GE(static_cast<uint64_t>(st.st_blocks) * 512, StateAt(base).header->file_bytes)
      << "space not reserved";
  const State s = StateAt(base);
  EXPECT_EQ(s.header->magic, state::kMagic);
  EXPECT_EQ(s.header->ready, 0u);
  std::map<uint64_t, uint64_t> ends;
  for (uint32_t kind = 0; kind < state::kSectionCount; ++kind) {
    const state::Section& section = s.header->sections[kind];
    EXPECT_EQ(section.offset % state::kPageBytes, 0u);
    const uint64_t prefix =
        kind == state::kSectionLive ? state::kLiveShards * sizeof(state::LiveShard) : 0;
    if (section.capacity == 0) continue;
    ends[section.offset] = section.offset + prefix + section.capacity * section.stride;
  }
  uint64_t end = 3 * state::kPageBytes;
  for (const auto& [offset, limit] : ends) {
    EXPECT_GE(offset, end);
    end = limit;
  }
  EXPECT_LE(end, s.header->file_bytes);
  Unmap(base, StateAt(base).header->file_bytes);
}

// Exact mode may need a gigabyte of counters: it gets the addresses, not the memory.
TEST_F(StateFileTest, ExactModeTakesSpaceAsItGrows) {
  void* base = Create(directory_.c_str(), nullptr, nullptr, true);
  ASSERT_NE(base, nullptr);
  struct stat st;
  ASSERT_EQ(stat(path_, &st), 0);
  EXPECT_GE(StateAt(base).header->file_bytes, uint64_t{1} << 30);
  EXPECT_LE(static_cast<uint64_t>(st.st_blocks) * 512, uint64_t{2} << 20);
  Unmap(base, StateAt(base).header->file_bytes);
}

TEST_F(StateFileTest, NeverOverwritesAFileOrFollowsALink) {
  const std::string file = directory_ + "/mine";
  ASSERT_EQ(symlink("/etc/passwd", file.c_str()), 0);
  EXPECT_EQ(Create(file.c_str()), nullptr);
  std::filesystem::remove(file);
  void* base = Create(file.c_str());
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(Create(file.c_str()), nullptr) << "a second process must not share it";
  Unmap(base, StateAt(base).header->file_bytes);
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
  Unmap(first, StateAt(first).header->file_bytes);
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
