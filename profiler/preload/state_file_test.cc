#include "profiler/preload/state_file.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

// In /tmp, where space is reserved at once unless it is a tmpfs too.
class StateFileTest : public testing::Test {
 protected:
  explicit StateFileTest(const char* where = "/tmp") {
    std::string name = std::string(where) + "/tidemark-state-test-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~StateFileTest() override { std::filesystem::remove_all(directory_); }

  void* Create(const char* path, const char* output = nullptr, void* at = nullptr,
               bool exact = false) {
    return CreateStateFile({path, output, 0x1234, exact}, at, path_);
  }

  uint64_t AllocatedBytes() const {
    struct stat st;
    return stat(path_, &st) == 0 ? static_cast<uint64_t>(st.st_blocks) * 512 : 0;
  }

  std::string directory_;
  char path_[kMaxPath];
};

class TmpfsStateTest : public StateFileTest {
 protected:
  TmpfsStateTest() : StateFileTest("/dev/shm") {}
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
  struct statfs file_system;
  ASSERT_EQ(statfs(path_, &file_system), 0);
  if (file_system.f_type != TMPFS_MAGIC) {
    EXPECT_GE(AllocatedBytes(), StateAt(base).header->file_bytes) << "space not reserved";
  }
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

TEST_F(TmpfsStateTest, TakesSpaceAsItGrows) {
  void* base = Create(directory_.c_str());
  ASSERT_NE(base, nullptr);
  const State s = StateAt(base);
  const uint64_t at_first = AllocatedBytes();
  EXPECT_LE(at_first, 64u << 10);
  EXPECT_TRUE(Reach(state::kSectionNodes, &s.nodes[0]));
  EXPECT_EQ(AllocatedBytes(), at_first) << "the first nodes come with the file";
  for (uint64_t i = 0; i < kSiteCapacity; ++i) {
    ASSERT_TRUE(Reach(state::kSectionSites, &s.sites[i]));
    s.sites[i].stack = 1;
    if (i == 0) {
      EXPECT_LE(AllocatedBytes(), at_first + (64 << 10));
    }
  }
  EXPECT_EQ(AllocatedBytes(), at_first + kSiteCapacity * sizeof(state::Site));
  for (uint32_t page : {0u, 7u, 1000u}) {
    EXPECT_TRUE(ReachPage(reinterpret_cast<char*>(s.live) + page * state::kPageBytes));
  }
  EXPECT_EQ(AllocatedBytes(), at_first + kSiteCapacity * sizeof(state::Site) + 3 * 4096);
  int elsewhere;
  EXPECT_TRUE(Reach(state::kSectionSites, &elsewhere));
  EXPECT_EQ(s.sites[kSiteCapacity - 1].stack, 1u);
  Unmap(base, s.header->file_bytes);
}

TEST_F(TmpfsStateTest, FrozenItHasAllOfItsSpace) {
  void* base = Create(directory_.c_str());
  ASSERT_NE(base, nullptr);
  const State s = StateAt(base);
  FreezeSpace();
  EXPECT_EQ(AllocatedBytes(), s.header->file_bytes);
  EXPECT_TRUE(Reach(state::kSectionNodes, &s.nodes[kNodeCapacity - 1]));
  EXPECT_TRUE(ReachPage(s.live));
  Unmap(base, s.header->file_bytes);
}

// An exact state is too big for that: what was not made ready is refused, until it thaws.
TEST_F(TmpfsStateTest, FrozenAnExactStateGrowsNoMore) {
  void* base = Create(directory_.c_str(), nullptr, nullptr, true);
  ASSERT_NE(base, nullptr);
  const State s = StateAt(base);
  FreezeSpace();
  EXPECT_TRUE(Reach(state::kSectionNodes, &s.nodes[100000]));
  EXPECT_FALSE(Reach(state::kSectionNodes, &s.nodes[kExactNodeCapacity - 1]));
  ThawSpace();
  EXPECT_TRUE(Reach(state::kSectionNodes, &s.nodes[1000000]));
  Unmap(base, s.header->file_bytes);
}

TEST_F(TmpfsStateTest, RenewedItHoldsWhatItHeld) {
  void* base = Create(directory_.c_str());
  ASSERT_NE(base, nullptr);
  const State s = StateAt(base);
  s.totals->samples = 77;
  ASSERT_TRUE(Reach(state::kSectionSites, &s.sites[5000]));
  s.sites[5000].stack = 5;
  char* page = reinterpret_cast<char*>(s.live + 3 * kLivePerShard) + 9 * state::kPageBytes;
  ASSERT_TRUE(ReachPage(page));
  page[17] = 'x';
  s.shards[3].pages = 1u << 9;
  s.shards[3].lock = 1;
  s.shards[3].sequence = 11;
  const std::string first = path_;
  std::filesystem::remove(path_);
  ASSERT_TRUE(RenewStateFile({directory_.c_str(), nullptr, 0x1234, false}, base, path_));
  EXPECT_EQ(path_, first);
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(s.totals->samples, 77u);
  EXPECT_EQ(s.sites[5000].stack, 5u);
  EXPECT_EQ(page[17], 'x');
  EXPECT_EQ(s.shards[3].lock, 0u);
  EXPECT_EQ(s.shards[3].sequence % 2, 0u);
  // It is the file that is mapped now, and it goes on growing.
  s.totals->samples = 78;
  std::ifstream file(path_, std::ios::binary);
  file.seekg(2 * state::kPageBytes + offsetof(state::Totals, samples));
  uint64_t samples = 0;
  file.read(reinterpret_cast<char*>(&samples), sizeof(samples));
  EXPECT_EQ(samples, 78u);
  const uint64_t before = AllocatedBytes();
  EXPECT_TRUE(Reach(state::kSectionSites, &s.sites[kSiteCapacity - 1]));
  EXPECT_GT(AllocatedBytes(), before);
  Unmap(base, s.header->file_bytes);
}

TEST_F(TmpfsStateTest, RenewingThatFailsChangesNothing) {
  void* base = Create(directory_.c_str());
  ASSERT_NE(base, nullptr);
  const State s = StateAt(base);
  s.totals->samples = 77;
  const std::string wish = directory_ + "/missing/state";
  EXPECT_FALSE(RenewStateFile({wish.c_str(), nullptr, 0x1234, false}, base, path_));
  EXPECT_EQ(path_[0], '\0');
  EXPECT_EQ(s.totals->samples, 77u);
  EXPECT_TRUE(Reach(state::kSectionSites, &s.sites[5000]));
  s.sites[5000].stack = 5;
  Unmap(base, s.header->file_bytes);
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
