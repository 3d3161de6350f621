// A real debuginfod server, and servers that say nothing.

#include "analyzer/symbolize/debuginfod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/symbolizer.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A socket that takes connections and answers nothing.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { Close(); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int port() const { return port_; }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  bool contacted() const {
    pollfd p = {fd_, POLLIN, 0};
    return poll(&p, 1, 0) != 0;
  }

 private:
  int fd_;
  int port_ = 0;
};

bool Accepts(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool accepts = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return accepts;
}

class DebuginfodTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_.Write("a.c", "int twice(int x) { return 2 * x; }\nint main(void) { return twice(1); }\n");
    dir_.Run("mkdir served && gcc -g -Wl,--build-id=sha1 a.c -o full");
    dir_.Run("objcopy --only-keep-debug full served/program.debug");
    dir_.Run("objcopy --strip-all full program");
    const auto full = ElfFile::Open(dir_.Path("full"));
    ASSERT_TRUE(full.ok());
    module_ = Mapped(**full, dir_.Path("program"));
    for (const Symbol& symbol : FunctionsOf(**full)) {
      if (symbol.name == "twice") address_ = symbol.begin + kBias;
    }
    ASSERT_NE(address_, 0u);
  }
  void TearDown() override {
    if (server_ <= 0) return;
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
  }

  // Serves what is in "served" until the end of the test. Its URL.
  std::string Serve() {
    Listener free_port;
    const int port = free_port.port();
    free_port.Close();
    const std::string served = dir_.Path("served");
    const std::string database = absl::StrCat("--database=", dir_.Path("server.sqlite"));
    const std::string log = dir_.Path("server.log");
    server_ = fork();
    if (server_ == 0) {
      unsetenv("DEBUGINFOD_URLS");
      if (freopen(log.c_str(), "w", stdout) == nullptr || dup2(1, 2) < 0) _exit(126);
      execlp("debuginfod", "debuginfod", "-F", "-p", absl::StrCat(port).c_str(), "-t", "1",
             "--rescan-time=1", database.c_str(), served.c_str(), nullptr);
      _exit(127);
    }
    while (!Accepts(port)) {
      int status = 0;
      if (waitpid(server_, &status, WNOHANG) == server_) {
        server_ = 0;
        ADD_FAILURE() << "debuginfod ended with status " << status;
        return "";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return absl::StrCat("http://127.0.0.1:", port);
  }

  // The server answers before it has scanned its files; the client remembers for long what
  // was not there, so each question has a cache of its own.
  Result Symbols(bool remote, std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    static int serial = 0;
    const ScopedEnvironment cache("DEBUGINFOD_CACHE_PATH",
                                  dir_.Path(absl::StrCat("client", ++serial)).c_str());
    Options options;
    options.cache = false;
    options.remote = remote;
    options.remote_limit = limit;
    options.progress = progress_;
    options.search_path = {};
    auto result = Symbolize(ProfileOf(module_, {address_}), options);
    if (!result.ok()) {
      status_ = result.status();
      return {};
    }
    return *std::move(result);
  }
  std::vector<std::string> SymbolLines(const Result& result) {
    return Lines(*result.profile, LocationId{0});
  }

  ScratchDirectory dir_;
  Module module_;
  uint64_t address_ = 0;
  pid_t server_ = 0;
  Progress* progress_ = nullptr;
  absl::Status status_;
};

TEST_F(DebuginfodTest, DebugInformationFromAServer) {
  const ScopedEnvironment urls("DEBUGINFOD_URLS", Serve().c_str());
  Result result = Symbols(true);
  for (int i = 0; i < 300 && SymbolLines(result).empty(); ++i) {  // it has yet to scan
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    result = Symbols(true);
  }
  EXPECT_THAT(SymbolLines(result), ElementsAre(EndsWith("/a.c:1")));
  EXPECT_THAT(result.warnings, IsEmpty());
  // The program itself is gone: its place is known from the debug file's segments.
  dir_.Run("rm program");
  EXPECT_THAT(SymbolLines(Symbols(true)), ElementsAre(EndsWith("/a.c:1")));
  // A server that has no such file is no failure.
  module_.build_id = "00000000000000000000000000000000000000ff";
  result = Symbols(true);
  EXPECT_THAT(SymbolLines(result), IsEmpty());
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("the file is not there")));
}

TEST_F(DebuginfodTest, IsNotContactedUnasked) {
  const Listener listener;
  {
    const ScopedEnvironment urls("DEBUGINFOD_URLS", listener.url().c_str());
    EXPECT_THAT(SymbolLines(Symbols(/*remote=*/false)), IsEmpty());
    EXPECT_FALSE(listener.contacted());
  }
  for (const char* none : {static_cast<const char*>(nullptr), "", " "}) {
    const ScopedEnvironment urls("DEBUGINFOD_URLS", none);
    EXPECT_FALSE(Debuginfod::Configured());
    EXPECT_THAT(Symbols(true).warnings, IsEmpty());
  }
  EXPECT_FALSE(listener.contacted());
}

TEST_F(DebuginfodTest, AServerThatSaysNothingEndsInOneWarning) {
  const Listener listener;
  const ScopedEnvironment urls("DEBUGINFOD_URLS", listener.url().c_str());
  const Result result = Symbols(true, std::chrono::milliseconds(1500));
  EXPECT_TRUE(listener.contacted());
  EXPECT_THAT(SymbolLines(result), IsEmpty());
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("debuginfod: not answered within 1.5s")));
}

TEST_F(DebuginfodTest, NoServerAtAllEndsInOneWarning) {
  Listener listener;
  const ScopedEnvironment urls("DEBUGINFOD_URLS", listener.url().c_str());
  listener.Close();
  const Result result = Symbols(true);
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr(listener.url())));
}

TEST_F(DebuginfodTest, StopsWhenCancelled) {
  const Listener listener;
  const ScopedEnvironment urls("DEBUGINFOD_URLS", listener.url().c_str());
  Progress progress;
  progress_ = &progress;
  std::thread user([&] {
    while (!listener.contacted()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    progress.cancelled = true;
  });
  Symbols(true, std::chrono::hours(1));
  user.join();
  EXPECT_EQ(status_.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace tidemark::symbolize
