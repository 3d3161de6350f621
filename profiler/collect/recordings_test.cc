// What FindRecordings finds, among whatever else runs on this machine.

#include "profiler/collect/recordings.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proto/state_test_util.h"

namespace tidemark::collect {
namespace {

using state::HandmadeState;
using testing::ElementsAre;
using testing::IsEmpty;

// A folder of its own that looks like another user's: real ones are left alone.
class RecordingsTest : public testing::Test {
 protected:
  RecordingsTest() {
    std::string name = "/dev/shm/tidemark-test.XXXXXX";
    directory_ = mkdtemp(name.data());
    run_ = directory_ + "/record.AAAAAA";
    mkdir(run_.c_str(), 0700);
    // A PID that no process has: of a child that was waited for.
    dead_pid_ = fork();
    if (dead_pid_ == 0) _exit(0);
    waitpid(dead_pid_, nullptr, 0);
  }
  ~RecordingsTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& path, HandmadeState& state, pid_t pid) {
    state.header().pid = pid;
    std::ofstream(path, std::ios::binary) << state.bytes();
    return path;
  }

  // Those in the folder only.
  std::vector<Recording> Find() {
    std::vector<Recording> found = FindRecordings();
    std::erase_if(found, [&](const Recording& r) { return !r.state.starts_with(directory_); });
    return found;
  }

  std::string directory_;
  std::string run_;
  pid_t dead_pid_;
};

TEST_F(RecordingsTest, TellsLiveFromKilledFromEnded) {
  HandmadeState state;
  state.totals().last_event_ns = 5000000000;
  Write(directory_ + "/1.state", state, dead_pid_);
  state.totals().seal = state::kSealExited;
  Write(run_ + "/2.state", state, dead_pid_);
  state.totals().losses[state::kLossOutputFailed] = 1;
  Write(run_ + "/3.state", state, dead_pid_);
  std::ofstream(run_ + "/4.state") << "neither a state nor anything";
  std::ofstream(run_ + "/5.txt") << "x";

  const std::string own = directory_ + "/own.state";
  state.totals().seal = state::kSealRunning;
  Write(own, state, getpid());
  const int fd = open(own.c_str(), O_RDWR);
  const size_t bytes = state.bytes().size();
  void* const base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  ASSERT_NE(base, MAP_FAILED);

  const std::vector<Recording> found = Find();
  munmap(base, bytes);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].end, Recording::End::kRunning);
  EXPECT_EQ(found[0].pid, getpid());
  EXPECT_EQ(found[0].state, own);
  EXPECT_GT(found[0].memory.rss_bytes, 0u);
  EXPECT_EQ(found[0].wanted.activity, Activity::kActive);
  EXPECT_EQ(found[1].end, Recording::End::kKilled);
  EXPECT_EQ(found[1].pid, dead_pid_);
  EXPECT_EQ(found[1].age_ns, 5000000000u);
  EXPECT_EQ(found[2].end, Recording::End::kWritten);
  EXPECT_EQ(found[3].end, Recording::End::kUnwritten);
}

TEST_F(RecordingsTest, RemovesWhatDeadProcessesLeftAndNothingElse) {
  HandmadeState state;
  const std::string killed = Write(directory_ + "/1.state", state, dead_pid_);
  const std::string in_run = Write(run_ + "/2.state", state, dead_pid_);
  std::ofstream(run_ + "/5.txt") << "x";
  auto lock = LockStateDirectory(run_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_TRUE(IsStateDirectoryLocked(run_));
  std::vector<std::string> errors;
  EXPECT_THAT(RemoveDeadStates(Find(), &errors), ElementsAre(killed));
  EXPECT_TRUE(std::filesystem::exists(in_run)) << "its recorder will want it";
  *lock = UniqueFd();
  EXPECT_FALSE(IsStateDirectoryLocked(run_));
  EXPECT_THAT(RemoveDeadStates(Find(), &errors), ElementsAre(in_run));
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(run_ + "/5.txt"));
}

TEST_F(RecordingsTest, WhatIsBeingMadeIsLeftAlone) {
  HandmadeState state;
  state.header().ready = 0;
  const std::string fresh = Write(directory_ + "/1.state", state, dead_pid_);
  EXPECT_THAT(Find(), IsEmpty());
  const timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, fresh.c_str(), long_ago, 0), 0);
  const std::vector<Recording> found = Find();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].end, Recording::End::kUnfinished);
}

TEST_F(RecordingsTest, FindsTheProcessThatMapsAFile) {
  HandmadeState state;
  const std::string path = Write(directory_ + "/1.state", state, getpid());
  EXPECT_EQ(FindMapper(path, getpid()), 0);
  const int fd = open(path.c_str(), O_RDWR);
  void* const base = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  EXPECT_EQ(FindMapper(path, getpid()), getpid());
  EXPECT_EQ(FindMapper(path, dead_pid_), 0) << "it is another process's";
  munmap(base, 4096);
}

}  // namespace
}  // namespace tidemark::collect
