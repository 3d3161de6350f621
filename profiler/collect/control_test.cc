#include "profiler/collect/control.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "proto/state_test_util.h"

namespace tidemark::collect {
namespace {

using state::HandmadeState;
using testing::HasSubstr;

// This process maps the state, as a target does.
class ControlTest : public testing::Test {
 protected:
  ControlTest() : path_(testing::TempDir() + "control_test." + std::to_string(getpid())) {
    state_.header().pid = getpid();
  }
  ~ControlTest() override {
    if (base_ != nullptr) munmap(base_, bytes_);
    unlink(path_.c_str());
  }

  void MapFile() {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << state_.bytes();
    Map(open(path_.c_str(), O_RDWR));
  }
  void MapMemfd() {
    const int fd = memfd_create("tidemark-state", 0);
    const std::string bytes = state_.bytes();
    ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    Map(fd);
  }
  state::Control& control() {
    return *reinterpret_cast<state::Control*>(static_cast<char*>(base_) + state::kPageBytes);
  }

  HandmadeState state_;
  std::string path_;

 private:
  void Map(int fd) {
    bytes_ = state_.bytes().size();
    base_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    ASSERT_NE(base_, MAP_FAILED);
  }

  void* base_ = nullptr;
  size_t bytes_ = 0;
};

TEST_F(ControlTest, TellsWhatIsInForce) {
  state_.totals().samples = 77;
  MapFile();
  const auto report = ControlProcess(getpid(), {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->wanted.activity, Activity::kActive);
  EXPECT_EQ(report->wanted.rate_bytes, 524288u);
  EXPECT_EQ(report->summary.totals.samples, 77u);
  EXPECT_GT(report->memory.rss_bytes, 0u);
  EXPECT_EQ(control().sequence, 0u) << "looking is no change";
}

TEST_F(ControlTest, ChangesReachTheTarget) {
  MapFile();
  auto report = ControlProcess(getpid(), {.rate_bytes = 4096, .paused = true});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->wanted.activity, Activity::kPaused);
  EXPECT_EQ(report->wanted.rate_bytes, 4096u);
  EXPECT_EQ(control().rate_bytes, 4096u);
  EXPECT_EQ(control().paused, 1u);
  EXPECT_EQ(control().sequence, 1u);
  report = ControlProcess(getpid(), {.paused = false});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(control().paused, 0u);
  EXPECT_EQ(control().rate_bytes, 4096u) << "only what was asked for changes";
  EXPECT_EQ(control().sequence, 2u);
}

TEST_F(ControlTest, AStateWithoutANameIsWrittenThroughTheProcess) {
  MapMemfd();
  const auto report = ControlProcess(getpid(), {.rate_bytes = 1000, .paused = true});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(control().rate_bytes, 1000u);
  EXPECT_EQ(control().paused, 1u);
}

TEST_F(ControlTest, SampledAndExactDoNotTurnIntoOneAnother) {
  state_.header().mode = 1;
  MapFile();
  auto report = ControlProcess(getpid(), {.rate_bytes = 4096});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("recorded exactly"));
  EXPECT_EQ(control().rate_bytes, 0u);
  EXPECT_TRUE(ControlProcess(getpid(), {.rate_exact = true}).ok()) << "it is so already";
}

TEST_F(ControlTest, SampledDoesNotBecomeExact) {
  MapFile();
  const auto report = ControlProcess(getpid(), {.rate_exact = true, .paused = true});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(control().paused, 0u) << "a refused change changes nothing";
}

TEST_F(ControlTest, AStoppedRecordingStaysStopped) {
  MapFile();
  control().stopped = 1;
  EXPECT_EQ(ControlProcess(getpid(), {.paused = false}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto report = ControlProcess(getpid(), {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->wanted.activity, Activity::kStopped);
}

TEST_F(ControlTest, SaysHowToProfileAProcessThatIsNot) {
  const auto report = ControlProcess(getpid(), {});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("LD_PRELOAD"));
}

}  // namespace
}  // namespace tidemark::collect
