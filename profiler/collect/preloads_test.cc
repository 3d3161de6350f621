#include "profiler/collect/preloads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "profiler/collect/process.h"

namespace tidemark::collect {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

// A cache in the loader's format, with `before` in front of it as in files that older
// loaders read too.
std::string Cache(const std::vector<std::pair<std::string, std::string>>& entries,
                  const std::string& before = "") {
  std::string head = "glibc-ld.so.cache1.1";
  head.resize(48);
  const uint32_t count = static_cast<uint32_t>(entries.size());
  std::memcpy(&head[20], &count, sizeof(count));
  std::string table;
  std::string strings;
  const auto add = [&](const std::string& text) {
    const auto at = static_cast<uint32_t>(head.size() + 24 * entries.size() + strings.size());
    strings += text + '\0';
    return at;
  };
  for (const auto& [key, value] : entries) {
    uint32_t words[6] = {0x303, add(key), add(value), 0, 0, 0};
    table.append(reinterpret_cast<const char*>(words), sizeof(words));
  }
  return before + head + table + strings;
}

TEST(LoaderCachePaths, InTheCachesOrder) {
  const std::vector<std::pair<std::string, std::string>> entries = {
      {"libb.so.1", "/x/libb.so.1"}, {"liba.so.1", "/x/liba.so.1"}, {"liba.so.1", "/y/liba.so.1"}};
  EXPECT_THAT(LoaderCachePaths(Cache(entries), "liba.so.1"),
              ElementsAre("/x/liba.so.1", "/y/liba.so.1"));
  EXPECT_THAT(LoaderCachePaths(Cache(entries, "ld.so-1.7.0 and so on"), "libb.so.1"),
              ElementsAre("/x/libb.so.1"));
  EXPECT_THAT(LoaderCachePaths(Cache(entries), "liba.so"), IsEmpty());
}

TEST(LoaderCachePaths, CutAndCorruptOnesGiveLess) {
  const std::string whole = Cache({{"liba.so.1", "/x/liba.so.1"}});
  for (size_t size = 0; size < whole.size(); ++size) {
    for (const std::string& path : LoaderCachePaths(whole.substr(0, size), "liba.so.1")) {
      EXPECT_TRUE(std::string("/x/liba.so.1").starts_with(path)) << size;
    }
  }
  std::string corrupt = whole;
  corrupt.replace(20, 4, "\xff\xff\xff\xff");  // the count
  EXPECT_THAT(LoaderCachePaths(corrupt, "liba.so.1"), ElementsAre("/x/liba.so.1"));
  corrupt.replace(52, 8, "\xff\xff\xff\xff\xff\xff\xff\xff");  // key and value
  EXPECT_THAT(LoaderCachePaths(corrupt, "liba.so.1"), IsEmpty());
}

TEST(FindSharedLibrary, AsTheLoaderDoes) {
  const auto libc = FindSharedLibrary("libc.so.6");
  ASSERT_TRUE(libc.ok()) << libc.status();
  EXPECT_THAT(*libc, StartsWith("/"));
  EXPECT_FALSE(FindSharedLibrary("libno-such-library.so.1").ok());
}

TEST(FindSharedLibrary, LdLibraryPathComesFirstAndOnlyLibrariesCount) {
  std::string directory = testing::TempDir() + "preloads_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/libc.so.6";
  const auto real = FindSharedLibrary("libc.so.6");
  ASSERT_TRUE(real.ok());
  setenv("LD_LIBRARY_PATH", ("/nowhere:" + directory).c_str(), 1);
  std::ofstream(path) << "no library";
  EXPECT_EQ(*FindSharedLibrary("libc.so.6"), *real);
  const auto bytes = ReadSmallFile(*real);
  ASSERT_TRUE(bytes.ok());
  std::ofstream(path, std::ios::binary) << *bytes;
  EXPECT_THAT(*FindSharedLibrary("libc.so.6"), EndsWith(path.substr(path.rfind("preloads_test"))));
  unsetenv("LD_LIBRARY_PATH");
  std::remove(path.c_str());
  std::remove(directory.c_str());
}

}  // namespace
}  // namespace tidemark::collect
