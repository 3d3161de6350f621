#include "analyzer/symbolize/symbol_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/symbolizer.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const SymbolCache::Key kKey = {"00112233445566778899", "module 1 2 3"};

Answers Example() {
  Answers answers;
  const uint32_t f = answers.AddFunction({"shop::Add(int)", "_ZN4shop3AddEi", "/src/a.cc", 12});
  const uint32_t g = answers.AddFunction({"main", "main", "/src/a.cc", 40});
  const NamedLine inlined[] = {{f, 14}, {g, 44}};
  answers.Add(0x1000, inlined);
  answers.Add(0x2000, {&inlined[1], 1});
  answers.Add(0x3000, {});  // known to be unknown
  return answers;
}

void ExpectExample(const std::optional<Answers>& answers) {
  ASSERT_TRUE(answers);
  const Answers example = Example();
  EXPECT_EQ(answers->functions(), example.functions());
  for (const Answers::Entry& entry : example.entries()) {
    const Answers::Entry* const found = answers->Find(entry.address);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(answers->lines(*found), example.lines(entry));
  }
  EXPECT_EQ(answers->Find(0x4000), nullptr);
}

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Cache : public testing::Test {
 protected:
  std::unique_ptr<SymbolCache> Open(uint64_t max_bytes = SymbolCache::kMaxBytes) {
    return SymbolCache::OpenIn(dir_.Path("base/.cache"), max_bytes);
  }
  std::string Directory() const { return dir_.Path("base/.cache/tidemark/symbols"); }
  std::string File(const std::string& build_id) const {
    return absl::StrCat(Directory(), "/", build_id, ".symbols");
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(Directory())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  ScratchDirectory dir_;
};

TEST_F(Cache, GivesBackWhatWasStored) {
  const auto cache = Open();
  ASSERT_TRUE(cache);
  EXPECT_FALSE(cache->Load(kKey));
  cache->Store(kKey, Example());
  ExpectExample(cache->Load(kKey));
  ExpectExample(Open()->Load(kKey));
}

TEST_F(Cache, DirectoriesAndFilesAreTheUsersAlone) {
  Open()->Store(kKey, Example());
  EXPECT_THAT(Files(), ElementsAre("00112233445566778899.symbols"));
  struct stat st;
  ASSERT_EQ(stat(Directory().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  ASSERT_EQ(stat(dir_.Path("base/.cache").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  ASSERT_EQ(stat(File(kKey.build_id).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
}

TEST_F(Cache, OtherFilesAnswersAreNoAnswers) {
  const auto cache = Open();
  cache->Store(kKey, Example());
  EXPECT_FALSE(cache->Load({kKey.build_id, "module 1 2 4"}));
  EXPECT_FALSE(cache->Load({"aa112233445566778899", kKey.identity}));
  EXPECT_FALSE(cache->Load({"../../../etc/passwd", kKey.identity}));
  EXPECT_FALSE(cache->Load({"", kKey.identity}));
}

TEST_F(Cache, NoChangedOrMissingByteGoesUnnoticed) {
  const std::string bytes = SymbolCache::Encode(kKey.identity, Example());
  ExpectExample(SymbolCache::Decode(bytes, kKey.identity));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_FALSE(SymbolCache::Decode(flipped, kKey.identity)) << i;
    }
    EXPECT_FALSE(SymbolCache::Decode(bytes.substr(0, i), kKey.identity)) << i;
  }
  EXPECT_FALSE(SymbolCache::Decode(bytes + '\0', kKey.identity));
}

TEST_F(Cache, ACorruptFileIsReplaced) {
  const auto cache = Open();
  cache->Store(kKey, Example());
  std::string bytes = ReadFile(File(kKey.build_id));
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(File(kKey.build_id), std::ios::binary) << bytes;
  EXPECT_FALSE(cache->Load(kKey));
  cache->Store(kKey, Example());
  ExpectExample(cache->Load(kKey));
}

TEST_F(Cache, LinksAndStrangeFilesAreNotFollowed) {
  const auto cache = Open();
  cache->Store(kKey, Example());
  fs::rename(File(kKey.build_id), dir_.Path("elsewhere"));
  fs::create_symlink(dir_.Path("elsewhere"), File(kKey.build_id));
  EXPECT_FALSE(cache->Load(kKey));
  const std::string before = ReadFile(dir_.Path("elsewhere"));
  Answers other;
  other.Add(0x9999, {});
  cache->Store(kKey, other);  // replaces the link, not what it leads to
  EXPECT_EQ(ReadFile(dir_.Path("elsewhere")), before);
  EXPECT_FALSE(fs::is_symlink(File(kKey.build_id)));
  EXPECT_TRUE(cache->Load(kKey));

  fs::remove(File(kKey.build_id));
  mkfifo(File(kKey.build_id).c_str(), 0600);  // must not block
  EXPECT_FALSE(cache->Load(kKey));
  fs::remove(File(kKey.build_id));
  fs::create_directory(File(kKey.build_id));
  EXPECT_FALSE(cache->Load(kKey));
  cache->Store(kKey, Example());
  EXPECT_THAT(Files(), ElementsAre("00112233445566778899.symbols")) << "a temporary file was left";
}

TEST_F(Cache, UnsafeDirectoriesAreNotUsed) {
  ASSERT_TRUE(Open());
  fs::permissions(Directory(), fs::perms::all);
  EXPECT_FALSE(Open());
  fs::remove_all(Directory());
  fs::create_directory(dir_.Path("target"));
  fs::create_directory_symlink(dir_.Path("target"), Directory());
  EXPECT_FALSE(Open());
  fs::remove(Directory());
  std::ofstream(Directory()) << "a file";
  EXPECT_FALSE(Open());
  EXPECT_FALSE(SymbolCache::OpenIn("/proc/self/no/such", 1 << 20));
}

// What root made in a user's home, that user could not change.
TEST_F(Cache, RootLeavesTheHomesOfOthersAlone) {
  if (geteuid() != 0) {
    EXPECT_TRUE(Open());  // a user's own home: nothing to leave alone
    return;
  }
  dir_.Run("mkdir home && chown 4242:4242 home");
  EXPECT_FALSE(SymbolCache::OpenIn(dir_.Path("home/.cache"), SymbolCache::kMaxBytes));
  EXPECT_FALSE(fs::exists(dir_.Path("home/.cache")));
  dir_.Run("mkdir home/.cache && chown 4242:4242 home/.cache");
  EXPECT_FALSE(SymbolCache::OpenIn(dir_.Path("home/.cache"), SymbolCache::kMaxBytes));
  EXPECT_TRUE(fs::is_empty(dir_.Path("home/.cache")));
}

TEST_F(Cache, TheLongestUnusedGoFirst) {
  const size_t size = SymbolCache::Encode(kKey.identity, Example()).size();
  const auto cache = Open(3 * size + size / 2);
  const auto store = [&](const std::string& id, time_t used) {
    cache->Store({id, kKey.identity}, Example());
    const timespec times[2] = {{used, 0}, {used, 0}};
    utimensat(AT_FDCWD, File(id).c_str(), times, 0);
  };
  store("aa", 1000);
  store("bb", 2000);
  store("cc", 3000);
  EXPECT_TRUE(cache->Load({"aa", kKey.identity}));  // used now
  store("dd", 4000);
  EXPECT_THAT(Files(), ElementsAre("aa.symbols", "cc.symbols", "dd.symbols"));
  // What a killed process left goes like the rest.
  std::ofstream(Directory() + "/ee.1.0.new") << std::string(size, 'x');
  const timespec times[2] = {{500, 0}, {500, 0}};
  utimensat(AT_FDCWD, (Directory() + "/ee.1.0.new").c_str(), times, 0);
  std::ofstream(Directory() + "/notes") << "not ours";
  store("ff", 5000);
  EXPECT_THAT(Files(), ElementsAre("aa.symbols", "dd.symbols", "ff.symbols", "notes"));
}

TEST_F(Cache, ProcessesAndThreadsAtTheSameTime) {
  constexpr int kProcesses = 4;
  Open();
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    const auto cache = Open();
    bool good = cache != nullptr;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&cache] {
        for (int n = 0; n < 200; ++n) cache->Store(kKey, Example());
      });
    }
    for (int n = 0; n < 200; ++n) {
      const auto answers = cache->Load(kKey);
      good = good && (!answers || answers->functions() == Example().functions());
    }
    for (std::thread& t : threads) t.join();
    _exit(good && cache->Load(kKey) ? 0 : 1);
  }
  for (int i = 0; i < kProcesses; ++i) {
    int status = 0;
    wait(&status);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(Files(), ElementsAre("00112233445566778899.symbols"));
}

TEST_F(Cache, WhereTheEnvironmentSays) {
  const ScopedEnvironment home("HOME", dir_.Path("home").c_str());
  {
    const ScopedEnvironment xdg("XDG_CACHE_HOME", dir_.Path("xdg").c_str());
    const ScopedEnvironment off("TIDEMARK_CACHE", "0");
    EXPECT_FALSE(SymbolCache::Open());
    EXPECT_FALSE(fs::exists(dir_.Path("xdg")));
  }
  const ScopedEnvironment on("TIDEMARK_CACHE", nullptr);
  {
    const ScopedEnvironment xdg("XDG_CACHE_HOME", dir_.Path("xdg").c_str());
    EXPECT_TRUE(SymbolCache::Open());
    EXPECT_TRUE(fs::exists(dir_.Path("xdg/tidemark/symbols")));
  }
  const ScopedEnvironment relative("XDG_CACHE_HOME", "relative");  // to be ignored, says XDG
  EXPECT_TRUE(SymbolCache::Open());
  EXPECT_TRUE(fs::exists(dir_.Path("home/.cache/tidemark/symbols")));
}

// The whole way: a profile's answers come from the cache, and only while they are true.
class CachedSymbols : public Cache {
 protected:
  void SetUp() override {
    dir_.Write("a.c", "int twice(int x) { return 2 * x; }\nint main(void) { return twice(1); }\n");
    dir_.Run("gcc -g -Wl,--build-id=0x0011223344556677889900112233445566778899 a.c -o full");
    dir_.Run("objcopy --only-keep-debug full debug && objcopy --strip-debug full program");
    const auto file = ElfFile::Open(dir_.Path("program"));
    ASSERT_TRUE(file.ok());
    for (const Symbol& s : FunctionsOf(**file)) {
      if (s.name == "twice")
        profile_ = ProfileOf(Mapped(**file, dir_.Path("program")), {s.begin + kBias});
    }
    ASSERT_TRUE(profile_);
  }
  std::vector<std::string> Symbols() {
    Options options;
    options.search_path = {dir_.Path("debugdir")};
    const auto result = Symbolize(profile_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return Lines(*result->profile, LocationId{0});
  }

  const ScopedEnvironment cache_{"XDG_CACHE_HOME", dir_.Path("base/.cache").c_str()};
  const ScopedEnvironment on_{"TIDEMARK_CACHE", nullptr};
  std::shared_ptr<const Profile> profile_;
};

TEST_F(CachedSymbols, AreTrueAnswers) {
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
  EXPECT_THAT(Files(), ElementsAre("0011223344556677889900112233445566778899.symbols"));
  const std::string stored = ReadFile(File("0011223344556677889900112233445566778899"));
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
  EXPECT_EQ(ReadFile(File("0011223344556677889900112233445566778899")), stored);
}

TEST_F(CachedSymbols, ComeFromTheCache) {
  Symbols();
  std::string bytes = ReadFile(File("0011223344556677889900112233445566778899"));
  // A forgery with a good checksum shows that nothing else is asked.
  const size_t end_of_identity = bytes.find("/program");
  ASSERT_NE(end_of_identity, std::string::npos);
  uint32_t identity_size = 0;
  std::memcpy(&identity_size, bytes.data() + 16, sizeof(identity_size));
  const std::string identity = bytes.substr(20, identity_size);
  auto answers = SymbolCache::Decode(bytes, identity);
  ASSERT_TRUE(answers);
  Answers forged;
  const NamedLine line{forged.AddFunction({"forged", "forged", "", 0}), 0};
  forged.Add(answers->entries()[0].address, {&line, 1});
  std::ofstream(File("0011223344556677889900112233445566778899"), std::ios::binary)
      << SymbolCache::Encode(identity, forged);
  EXPECT_THAT(Symbols(), ElementsAre("forged :0"));
  const ScopedEnvironment off("TIDEMARK_CACHE", "0");
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
}

TEST_F(CachedSymbols, NoticeDebugFilesInstalledLaterAndRemoved) {
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
  dir_.Run(
      "mkdir -p debugdir/.build-id/00 && cp debug "
      "debugdir/.build-id/00/11223344556677889900112233445566778899.debug");
  EXPECT_THAT(Symbols(), ElementsAre(testing::EndsWith("/a.c:1")));
  EXPECT_THAT(Symbols(), ElementsAre(testing::EndsWith("/a.c:1")));
  dir_.Run("rm -r debugdir");
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
}

TEST_F(CachedSymbols, AnUnwritableCacheIsNoError) {
  dir_.Run("mkdir base && touch base/.cache");
  EXPECT_THAT(Symbols(), ElementsAre("twice :0"));
}

}  // namespace
}  // namespace tidemark::symbolize
