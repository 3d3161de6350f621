// Record with the real libtidemark.so of this build and small targets.

#include "profiler/collect/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "profiler/collect/process.h"

namespace tidemark::collect {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class RecordTest : public testing::Test {
 protected:
  RecordTest() {
    std::string name = testing::TempDir() + "record_test.XXXXXX";
    directory_ = mkdtemp(name.data());
    options_.output_directory = directory_ + "/out/deep";
    options_.rate = "1";  // every allocation: a shell makes few
    options_.writer = [](const std::string& path,
                         const std::string& profile) -> absl::StatusOr<ProfileFacts> {
      // Marks the file as finished; the bytes behind the mark stay to be looked at.
      std::ofstream(path, std::ios::binary | std::ios::trunc) << "finished" << profile;
      return ProfileFacts{profile.size(), {}};
    };
  }
  ~RecordTest() override { std::filesystem::remove_all(directory_); }

  // What Record returned, its stderr in stderr_. The target inherits that stderr.
  int Run(std::vector<std::string> command) {
    options_.command = std::move(command);
    testing::internal::CaptureStderr();
    const int status = Record(options_);
    stderr_ = testing::internal::GetCapturedStderr();
    return status;
  }
  int Shell(const std::string& script) { return Run({"/bin/sh", "-c", script}); }

  static std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  // Contents of the profiles whose comments say `reason`; all were finished.
  std::vector<std::string> Profiles(const std::string& reason) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(options_.output_directory)) {
      const std::string text = Read(entry.path());
      EXPECT_THAT(entry.path().string(), EndsWith(".pb.gz"));
      EXPECT_TRUE(absl::StartsWith(text, "finished")) << entry.path();
      if (absl::StrContains(text, "tidemark.reason=" + reason)) found.push_back(text);
    }
    return found;
  }

  std::string directory_;
  RecordOptions options_;
  std::string stderr_;
};

TEST_F(RecordTest, ReturnsTheTargetsStatus) {
  EXPECT_EQ(Run({"true"}), 0);
  EXPECT_EQ(Run({"/bin/false"}), 1);
  EXPECT_EQ(Shell("exit 42"), 42);
  EXPECT_EQ(Shell("kill -TERM $$"), 128 + SIGTERM);
}

TEST_F(RecordTest, OwnFailures) {
  EXPECT_EQ(Run({"no-such-program-anywhere"}), kNotFound);
  EXPECT_EQ(stderr_, "tidemark: cannot run no-such-program-anywhere: No such file or directory\n");
  EXPECT_EQ(Run({directory_}), kCannotRun);
  std::ofstream(directory_ + "/file") << "no program";
  EXPECT_EQ(Run({directory_ + "/file"}), kCannotRun);
  options_.output_directory = directory_ + "/file";
  EXPECT_EQ(Run({"true"}), kRecordFailed);
  EXPECT_THAT(stderr_, AllOf(HasSubstr("Not a directory"), HasSubstr(directory_ + "/file")));
}

TEST_F(RecordTest, FinishesTheProfileThatTheTargetWrote) {
  EXPECT_EQ(Shell("exit 0"), 0);
  EXPECT_THAT(Profiles("exit"), SizeIs(1));
  EXPECT_THAT(stderr_, AllOf(HasSubstr("1 profile in " + options_.output_directory),
                             HasSubstr("next: tidemark leaks " + options_.output_directory)));
  // A second run leaves the first one's files alone.
  options_.writer = [](const std::string& path,
                       const std::string&) -> absl::StatusOr<ProfileFacts> {
    return absl::InternalError("called for " + path);
  };
  EXPECT_EQ(Shell("exit 0"), 0);
  EXPECT_THAT(stderr_, HasSubstr("called for"));
  EXPECT_THAT(stderr_, HasSubstr("1 profile in"));
}

TEST_F(RecordTest, TheNextStepIsOnAProfileWithSamples) {
  options_.writer = [](const std::string& path,
                       const std::string&) -> absl::StatusOr<ProfileFacts> {
    const bool is_shells = absl::StrContains(path, "/sh.");
    return ProfileFacts{is_shells ? 0u : 1u, {}};
  };
  EXPECT_EQ(Shell("/bin/true; exit 0"), 0);
  EXPECT_THAT(stderr_,
              AllOf(HasSubstr("2 profiles in"), HasSubstr("no samples of /bin/sh itself:"),
                    HasSubstr("next: tidemark leaks " + options_.output_directory + "/true.")));
}

TEST_F(RecordTest, ATargetThatWasKilledLeavesAProfile) {
  EXPECT_EQ(Shell("kill -KILL $$"), 128 + SIGKILL);
  const std::vector<std::string> profiles = Profiles("after death");
  ASSERT_THAT(profiles, SizeIs(1));
  EXPECT_THAT(profiles[0], Not(HasSubstr("tidemark.samples=0")));
}

TEST_F(RecordTest, StatesAreGoneAfterwards) {
  const std::string seen = directory_ + "/seen";
  EXPECT_EQ(Shell("echo $TIDEMARK_STATE > " + seen + "; ls $TIDEMARK_STATE > " + seen + ".ls"), 0);
  std::string state_directory = Read(seen);
  ASSERT_FALSE(state_directory.empty());
  state_directory.pop_back();
  EXPECT_THAT(Read(seen + ".ls"), HasSubstr(".state\n"));
  EXPECT_FALSE(std::filesystem::exists(state_directory)) << state_directory;
}

TEST_F(RecordTest, StatesOfFinishedProcessesGoMeanwhile) {
  const std::string seen = directory_ + "/seen";
  EXPECT_EQ(Shell("for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; ls $TIDEMARK_STATE | wc -l > " +
                  seen + "; sleep 2.5; ls $TIDEMARK_STATE | wc -l >> " + seen),
            0);
  int before = 0;
  int after = 0;
  std::ifstream(seen) >> before >> after;
  EXPECT_GE(before, 10);  // some have two: of a fork, and of what it became by exec
  EXPECT_LE(after, 8);    // the shell, ls and wc, and sleep if it ended just now
  EXPECT_GE(Profiles("exit").size(), 10u);
}

TEST_F(RecordTest, EveryProcessGetsAProfile) {
  EXPECT_EQ(Shell("/bin/sh -c 'exit 0'; /bin/sh -c 'exit 0'; (exit 0); exit 0"), 0);
  EXPECT_GE(Profiles("exit").size(), 3u);
}

TEST_F(RecordTest, SnapshotsWhileItRuns) {
  options_.interval_s = 0.1;
  EXPECT_EQ(Shell("sleep 1; exit 3"), 3);
  EXPECT_GE(Profiles("interval").size(), 2u);
  EXPECT_THAT(stderr_, HasSubstr("*.pb.gz"));
}

TEST_F(RecordTest, SnapshotsWhenTheHeapGrew) {
  options_.growth_bytes = 64 << 10;
  // Grows by 100 KiB, sleeps, grows again, then stays.
  EXPECT_EQ(Shell("a=$(printf %0100000d 1); sleep 0.6; b=$(printf %0100000d 1); sleep 0.6"), 0);
  const size_t grown = Profiles("growth").size();
  EXPECT_GE(grown, 2u);
  EXPECT_LE(grown, 8u) << "not once for each look";
}

TEST_F(RecordTest, SaysWhyADormantRunHasNoSamples) {
  options_.writer = [](const std::string&, const std::string&) -> absl::StatusOr<ProfileFacts> {
    return ProfileFacts{};
  };
  setenv("TIDEMARK_ACTIVE", "0", 1);
  EXPECT_EQ(Shell("exit 0"), 0);
  unsetenv("TIDEMARK_ACTIVE");
  EXPECT_THAT(stderr_, HasSubstr("no samples: recording was dormant"));
}

TEST_F(RecordTest, SnapshotsOfExactRecordingsToo) {
  options_.rate = "exact";
  options_.interval_s = 0.1;
  EXPECT_EQ(Shell("sleep 0.6"), 0);
  EXPECT_GE(Profiles("interval").size(), 2u);
}

TEST_F(RecordTest, PassesItsSettingsOn) {
  const std::string seen = directory_ + "/seen";
  options_.children = "w*";
  options_.mmap = options_.threads = true;
  EXPECT_EQ(Shell("env > " + seen), 0);
  const std::string environment = Read(seen);
  EXPECT_THAT(environment, HasSubstr("TIDEMARK_MMAP=1\n"));
  EXPECT_THAT(environment, HasSubstr("TIDEMARK_THREADS=1\n"));
  EXPECT_THAT(environment, testing::ContainsRegex("TIDEMARK_CHILD(REN|_OF)=w\\*\n"));
}

TEST_F(RecordTest, AProcessThatRunsOnIsNamed) {
  const std::string pid_file = directory_ + "/pid";
  EXPECT_EQ(Shell("sleep 30 > /dev/null 2>&1 & echo $! > " + pid_file +
                  "; echo $TIDEMARK_STATE > " + pid_file + ".state; sleep 0.5"),
            0);
  const std::string pid = std::to_string(std::stoi(Read(pid_file)));
  kill(std::stoi(pid), SIGKILL);
  std::string states = Read(pid_file + ".state");
  states.pop_back();
  EXPECT_TRUE(std::filesystem::remove_all(states) > 1) << "its state was to stay";
  EXPECT_THAT(stderr_, HasSubstr("still runs and records: " + pid + " ("));
  EXPECT_THAT(stderr_, HasSubstr("tidemark snapshot " + pid));
}

TEST_F(RecordTest, LossesAreNamedOncePerProcess) {
  options_.interval_s = 0.1;
  options_.writer = [](const std::string& path,
                       const std::string&) -> absl::StatusOr<ProfileFacts> {
    // The count rises from profile to profile of one process.
    const auto sequence = static_cast<uint64_t>(std::stoi(path.substr(path.size() - 10, 4)));
    return ProfileFacts{1, {{"nodes_full", 100 + (sequence == 1 ? 5u : 0u)}}};
  };
  EXPECT_EQ(Shell("sleep 0.5; :"), 0);
  // The shell and sleep.
  EXPECT_THAT(stderr_, HasSubstr("tidemark: lost: nodes_full 210\n"));
}

TEST_F(RecordTest, OneLineForATroubleThatComesAgainAndAgain) {
  options_.interval_s = 0.1;
  options_.writer = [](const std::string& path,
                       const std::string&) -> absl::StatusOr<ProfileFacts> {
    return absl::ResourceExhaustedError("cannot write: No space left on device (where: " + path +
                                        ")");
  };
  EXPECT_EQ(Shell("sleep 0.6"), 0);
  const size_t at = stderr_.find("No space left");
  ASSERT_NE(at, std::string::npos) << stderr_;
  EXPECT_EQ(stderr_.find("No space left", at + 1), std::string::npos) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr(" more of these"));
}

TEST_F(RecordTest, KeepsWhatWasPreloadedBefore) {
  const std::string seen = directory_ + "/seen";
  setenv("LD_PRELOAD", "libpthread.so.0", 1);
  setenv("TIDEMARK_OUT", "/somewhere/else", 1);
  EXPECT_EQ(Shell("echo $LD_PRELOAD $TIDEMARK_OUT > " + seen), 0);
  unsetenv("LD_PRELOAD");
  unsetenv("TIDEMARK_OUT");
  EXPECT_THAT(Read(seen), EndsWith(absl::StrCat("/libtidemark.so:libpthread.so.0 ",
                                                options_.output_directory, "\n")));
}

TEST_F(RecordTest, PassesSignalsOn) {
  const std::string ready = directory_ + "/ready";
  options_.command = {"/bin/sh", "-c",
                      "trap 'exit 55' USR1; : > " + ready + "; while :; do sleep 0.05; done"};
  const pid_t recorder = fork();
  if (recorder == 0) _exit(Record(options_));
  for (int i = 0; i < 400 && !std::filesystem::exists(ready); ++i) usleep(50000);
  ASSERT_TRUE(std::filesystem::exists(ready));
  kill(recorder, SIGUSR1);
  int status = 0;
  waitpid(recorder, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 55);
}

TEST_F(RecordTest, NothingIsSaidOnStdout) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(Shell("echo hello"), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "hello\n");
}

TEST_F(RecordTest, SaysWhyThereIsNoProfile) {
  // The loader ignores LD_PRELOAD's library when the program clears it before an exec; the
  // shell that did the exec is in the profiles, so it is recorded as told not to.
  setenv("TIDEMARK_CHILDREN", "skip", 1);
  EXPECT_EQ(Shell("exit 0"), 0);
  unsetenv("TIDEMARK_CHILDREN");
  EXPECT_THAT(stderr_, HasSubstr("tidemark: no profile: "));
}

}  // namespace
}  // namespace tidemark::collect
