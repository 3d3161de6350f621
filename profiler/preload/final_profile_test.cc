#include "profiler/preload/final_profile.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "profiler/preload/os.h"
#include "profiler/preload/state_file.h"

namespace tidemark::preload {
namespace {

// An empty state of this process: writing it is what is tested here, what is in it is
// tested with the writer.
class FinalProfileTest : public testing::Test {
 protected:
  FinalProfileTest() {
    char name[] = "/tmp/tidemark-final-test-XXXXXX";
    directory_ = mkdtemp(name);
    char path[kMaxPath];
    state_ = StateAt(CreateStateFile({directory_.c_str(), nullptr, 7, false}, nullptr, path));
    state_.header->pid = 4711;
    state_.header->process_id = 0xabc;
    std::strcpy(state_.header->comm, "my prog");
    state_.header->start_monotonic_ns = MonotonicNs();
    Into(directory_ + "/a/b");
  }
  ~FinalProfileTest() override {
    Unmap(state_.header, state_.header->file_bytes);
    std::filesystem::remove_all(directory_);
  }

  void Into(const std::string& output) {
    std::strcpy(state_.header->output_directory, output.c_str());
  }
  bool Write() { return WriteFinalProfile(state_.header, {"exit", false}, path_); }
  size_t FilesIn(const std::string& folder) {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                             std::filesystem::directory_iterator()));
  }

  std::string directory_;
  State state_;
  char path_[kMaxProfilePath];
};

TEST_F(FinalProfileTest, NamesFilesInSequenceAndKeepsThemPrivate) {
  const std::string prefix = directory_ + "/a/b/my_prog.4711.0000000000000abc.";
  ASSERT_TRUE(Write());
  EXPECT_EQ(std::string(path_), prefix + "0001.pb.gz");
  ASSERT_TRUE(Write());
  EXPECT_EQ(std::string(path_), prefix + "0002.pb.gz");
  struct stat st;
  ASSERT_EQ(stat(path_, &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_GT(st.st_size, 100);
  ASSERT_EQ(stat((directory_ + "/a").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  EXPECT_EQ(FilesIn(directory_ + "/a/b"), 2u) << "a temporary file was left";
}

TEST_F(FinalProfileTest, NeverReplacesAFileOfSomebodyElse) {
  ASSERT_TRUE(MakeDirectories((directory_ + "/a/b").c_str()));
  const std::string taken = directory_ + "/a/b/my_prog.4711.0000000000000abc.0001.pb.gz";
  std::ofstream(taken) << "mine";
  ASSERT_TRUE(Write());
  EXPECT_NE(std::string(path_), taken);
  std::string text;
  std::ifstream(taken) >> text;
  EXPECT_EQ(text, "mine");
}

TEST_F(FinalProfileTest, ReplacesWhatACutOffAttemptLeft) {
  ASSERT_TRUE(MakeDirectories((directory_ + "/a/b").c_str()));
  std::ofstream(directory_ + "/a/b/.4711.0000000000000abc.part") << "half";
  ASSERT_TRUE(Write());
  EXPECT_EQ(FilesIn(directory_ + "/a/b"), 1u);
}

TEST_F(FinalProfileTest, FailsWithoutATraceWhereTheDirectoryCannotBeMade) {
  std::ofstream(directory_ + "/file") << "x";
  Into(directory_ + "/file/below");
  EXPECT_FALSE(Write());
  EXPECT_EQ(std::string(path_), "");
  Into("/proc/no/such");
  EXPECT_FALSE(Write());
}

TEST_F(FinalProfileTest, DoesNotFollowALinkPlantedForTheTemporaryFile) {
  ASSERT_TRUE(MakeDirectories((directory_ + "/a/b").c_str()));
  std::ofstream(directory_ + "/victim") << "precious";
  std::filesystem::create_symlink(directory_ + "/victim",
                                  directory_ + "/a/b/.4711.0000000000000abc.part");
  EXPECT_TRUE(Write());
  std::string text;
  std::ifstream(directory_ + "/victim") >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(FinalProfileTest, RaisesNoSignalAtTheFileSizeLimit) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {50, 50};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(Write() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(FilesIn(directory_ + "/a/b"), 0u);
}

TEST(MakeDirectories, TakesWhatIsThere) {
  EXPECT_TRUE(MakeDirectories("/tmp"));
  EXPECT_TRUE(MakeDirectories("/tmp/"));
  EXPECT_FALSE(MakeDirectories("/etc/passwd"));
  EXPECT_FALSE(MakeDirectories(("/tmp/" + std::string(2000, 'x')).c_str()));
}

}  // namespace
}  // namespace tidemark::preload
