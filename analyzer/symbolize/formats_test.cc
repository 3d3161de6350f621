// The kinds of files that compilers, linkers and packagers make, each by the real tool.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/module_finder.h"
#include "analyzer/symbolize/symbolizer.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Chain = std::vector<std::string>;

constexpr char kSource[] = R"(
#include <algorithm>
#include <map>
#include <string>
#include <vector>
namespace shop {
struct Item { std::string name; int price; };
class Basket {
 public:
  __attribute__((noinline)) void Add(const char* name, int price) {
    items_.push_back({name, price});
    by_name_[name] += price;
  }
  __attribute__((noinline)) int Total() const {
    int total = 0;
    for (const Item& item : items_) total += item.price;
    return total;
  }
 private:
  std::vector<Item> items_;
  std::map<std::string, int> by_name_;
};
namespace {
__attribute__((noinline)) void Sort(std::vector<int>* v) {
  std::sort(v->begin(), v->end(), [](int a, int b) { return a > b; });
}
}  // namespace
}  // namespace shop
int other(int);
int main(int argc, char** argv) {
  shop::Basket basket;
  for (int i = 0; i < argc; ++i) basket.Add(argv[i], i);
  std::vector<int> prices(argc, 3);
  shop::Sort(&prices);
  return basket.Total() + prices[0] + other(argc);
}
)";

constexpr char kOther[] = R"(
#include <string>
#include <vector>
__attribute__((noinline)) int other(int n) {
  std::vector<std::string> words(n, "word");
  int sum = 0;
  for (const auto& w : words) sum += w.size();
  return sum;
}
)";

class Formats : public testing::Test {
 protected:
  void SetUp() override {
    dir_.Write("main.cc", kSource);
    dir_.Write("other.cc", kOther);
  }

  // Addresses all over the functions of the program's own symbol table.
  std::vector<uint64_t> Addresses(const std::string& name) {
    const auto file = ElfFile::Open(dir_.Path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    std::vector<uint64_t> addresses = AddressesIn(FunctionsOf(**file), 400);
    EXPECT_GE(addresses.size(), 200u);
    return addresses;
  }

  // Our chains for link-time addresses in `name`, loaded `bias` above where it was linked.
  std::vector<Chain> Chains(const std::string& name, const std::vector<uint64_t>& addresses,
                            uint64_t bias = kBias) {
    const auto file = ElfFile::Open(dir_.Path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    std::vector<uint64_t> loaded;
    for (const uint64_t address : addresses) loaded.push_back(address + bias);
    Options options;
    options.cache = false;
    options.search_path = search_path_;
    const auto result =
        Symbolize(ProfileOf(Mapped(**file, dir_.Path(name), bias), loaded), options);
    EXPECT_TRUE(result.ok()) << result.status();
    warnings_ = result->warnings;
    std::vector<Chain> chains;
    for (uint32_t i = 0; i < addresses.size(); ++i) {
      chains.push_back(Lines(*result->profile, LocationId{i}));
    }
    return chains;
  }

  // llvm-symbolizer leaves out the scopes of names that are not mangled, and takes an object
  // file's name for a source file where it knows of none.
  static bool Same(const std::string& ours, const std::string& theirs) {
    if (ours == theirs || absl::EndsWith(ours, absl::StrCat("::", theirs))) return true;
    const size_t space = ours.rfind(' ');
    return ours.substr(space) == " :0" && absl::StartsWith(theirs, ours.substr(0, space)) &&
           absl::EndsWith(theirs, ":0");
  }
  static void ExpectSame(const std::vector<Chain>& ours, const std::vector<Chain>& theirs,
                         const std::vector<uint64_t>& addresses) {
    ASSERT_EQ(ours.size(), theirs.size());
    size_t different = 0, inlined = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      inlined += theirs[i].size() > 1;
      if (std::equal(ours[i].begin(), ours[i].end(), theirs[i].begin(), theirs[i].end(), &Same)) {
        continue;
      }
      if (++different > 5) continue;
      ADD_FAILURE() << absl::StrCat(absl::Hex(addresses[i])) << ": got "
                    << testing::PrintToString(ours[i]) << "\nwant "
                    << testing::PrintToString(theirs[i]);
    }
    EXPECT_EQ(different, 0u);
    EXPECT_GE(inlined, ours.size() / 20) << "hardly anything was inlined: a weak test";
  }

  void ExpectAsOracle(const std::string& name, uint64_t bias = kBias) {
    const std::vector<uint64_t> addresses = Addresses(name);
    ExpectSame(Chains(name, addresses, bias), Oracle(dir_.Path(name), addresses), addresses);
  }
  // `made` is `full` with its debug information elsewhere or in another form.
  void ExpectAsFull(const std::string& made) {
    const std::vector<uint64_t> addresses = Addresses("full");
    const std::vector<Chain> full = Chains("full", addresses);
    EXPECT_EQ(Chains(made, addresses), full);
    EXPECT_GE(std::count_if(full.begin(), full.end(), [](const Chain& c) { return c.size() > 1; }),
              20);
  }
  void MakeFull(const std::string& flags) {
    dir_.Run(absl::StrCat("g++ -g -O2 -Wl,--build-id=sha1 ", flags, " main.cc other.cc -o full"));
  }

  ScratchDirectory dir_;
  std::vector<std::string> search_path_;
  std::vector<std::string> warnings_;
};

TEST_F(Formats, CompilersAndVersionsOfDwarf) {
  for (const char* compiler : {"g++ -gdwarf-4", "g++ -gdwarf-5", "clang++-14 -gdwarf-4",
                               "clang++-14 -gdwarf-5", "g++ -flto", "g++ -Os"}) {
    SCOPED_TRACE(compiler);
    dir_.Run(absl::StrCat(compiler, absl::StrContains(compiler, "-Os") ? "" : " -O2",
                          " -g main.cc other.cc -o program"));
    ExpectAsOracle("program");
  }
}

TEST_F(Formats, LayoutsOfSegments) {
  for (const char* flags : {"-no-pie", "-Wl,-z,noseparate-code", "-Wl,-z,separate-code",
                            "-no-pie -Wl,-z,noseparate-code", "-Wl,-z,max-page-size=2097152",
                            "-Wl,-Ttext-segment=0x4000000 -no-pie"}) {
    SCOPED_TRACE(flags);
    dir_.Run(absl::StrCat("g++ -g -O2 ", flags, " main.cc other.cc -o program"));
    ExpectAsOracle("program", absl::StrContains(flags, "-no-pie") ? 0 : kBias);
  }
}

// As prelink does: a library that is linked for one address and loaded at another.
TEST_F(Formats, ALibraryLinkedForAnAddress) {
  dir_.Run("g++ -g -O2 -fPIC -shared -Wl,-Ttext-segment=0x3000000000 main.cc other.cc -o lib.so");
  ExpectAsOracle("lib.so");
  ExpectAsOracle("lib.so", 0);
}

TEST_F(Formats, CompressedSections) {
  MakeFull("");
  dir_.Run("objcopy --compress-debug-sections=zlib full zlib");
  dir_.Run("objcopy --compress-debug-sections=zlib-gnu full zlib-gnu");
  dir_.Run("readelf -SW zlib | grep -q 'debug_info.* C '");
  dir_.Run("readelf -SW zlib-gnu | grep -q zdebug_info");
  ExpectAsFull("zlib");
  dir_.Run("objcopy --compress-debug-sections=zstd full zstd");
  dir_.Run("readelf -tW zstd | grep -q ZSTD");
  ExpectAsFull("zstd");
  ExpectAsFull("zlib-gnu");
}

TEST_F(Formats, DwzWithinOneFile) {
  MakeFull("");
  dir_.Run("cp full dwz && dwz dwz");
  ExpectAsFull("dwz");
}

TEST_F(Formats, DwzWithACommonFile) {
  MakeFull("");
  dir_.Run("g++ -g -O1 -Wl,--build-id=sha1 main.cc other.cc -o second");
  dir_.Run("cp full one && cp second two && dwz -m common.dwz -M common.dwz one two");
  dir_.Run("readelf -SW one | grep -q gnu_debugaltlink");
  ExpectAsFull("one");
  EXPECT_THAT(warnings_, IsEmpty());

  // By the build id, below a directory of debug files.
  const auto common = ElfFile::Open(dir_.Path("common.dwz"));
  ASSERT_TRUE(common.ok());
  const std::string id = (*common)->build_id();
  dir_.Run(absl::StrCat("mkdir -p debug/.build-id/", id.substr(0, 2),
                        " && mv common.dwz debug/.build-id/", id.substr(0, 2), "/", id.substr(2),
                        ".debug"));
  search_path_ = {dir_.Path("debug")};
  ExpectAsFull("one");
}

// Names would be those of another program's strings.
TEST_F(Formats, DwzCommonFileOfOthersIsRefused) {
  MakeFull("");
  dir_.Run("cp full one && cp full two && dwz -m common.dwz -M common.dwz one two");
  dir_.Run("g++ -g -O1 -Wl,--build-id=sha1 main.cc -Dother=other2 other.cc -o third");
  dir_.Run("cp third 3 && cp third 4 && dwz -m others.dwz -M others.dwz 3 4");
  dir_.Run("mv others.dwz common.dwz");
  const std::vector<uint64_t> addresses = Addresses("full");
  const std::vector<Chain> chains = Chains("one", addresses);
  const std::vector<Chain> full = Chains("full", addresses);
  for (size_t i = 0; i < chains.size(); ++i) {
    if (chains[i].empty()) continue;
    ASSERT_EQ(chains[i].size(), 1u);
    // The symbol table's name of the outermost function, without a line.
    EXPECT_EQ(chains[i][0].substr(0, chains[i][0].rfind(' ')),
              full[i].back().substr(0, full[i].back().rfind(' ')));
    EXPECT_THAT(chains[i][0], testing::EndsWith(" :0"));
  }
}

TEST_F(Formats, MiniDebugInfo) {
  MakeFull("-rdynamic");
  dir_.Run("nm full --format=posix --defined-only | awk '$2 ~ /[tT]/ {print $1}' | sort > all");
  dir_.Run("objcopy --only-keep-debug full full.debug");
  dir_.Run(
      "objcopy -S --remove-section .gdb_index --remove-section .comment "
      "--keep-symbols=all full.debug mini && xz mini");
  dir_.Run("objcopy --strip-all full stripped");
  dir_.Run("objcopy --add-section .gnu_debugdata=mini.xz stripped program");
  const std::vector<uint64_t> addresses = Addresses("full");
  const std::vector<Chain> full = Chains("full", addresses);
  const std::vector<Chain> mini = Chains("program", addresses);
  size_t local = 0;
  for (size_t i = 0; i < full.size(); ++i) {
    ASSERT_EQ(mini[i].size(), full[i].empty() ? 0u : 1u) << testing::PrintToString(full[i]);
    if (full[i].empty()) continue;
    EXPECT_EQ(mini[i][0].substr(0, mini[i][0].rfind(' ')),
              full[i].back().substr(0, full[i].back().rfind(' ')));
    local += absl::StrContains(mini[i][0], "(anonymous namespace)");
  }
  EXPECT_GT(local, 0u) << "no local function: the dynamic symbols would have done";
}

TEST_F(Formats, SplitDwarf) {
  for (const char* compiler : {"g++ -gdwarf-5", "g++ -gdwarf-4", "clang++-14 -gdwarf-5"}) {
    SCOPED_TRACE(compiler);
    dir_.Run(absl::StrCat(compiler, " -g -O2 -gsplit-dwarf -c main.cc other.cc && ", compiler,
                          " main.o other.o -o program"));
    ExpectAsOracle("program");
  }
}

TEST_F(Formats, SeparateDebugFiles) {
  MakeFull("");
  dir_.Run("objcopy --only-keep-debug full program.debug");
  dir_.Run("objcopy --strip-all --add-gnu-debuglink=program.debug full program");
  ExpectAsFull("program");
  dir_.Run("eu-strip -f eu.debug -o eu full");
  ExpectAsFull("eu");
}

// A program that was built again since: its old profile must not get the new one's names.
TEST_F(Formats, AnUpgradedProgramIsSaid) {
  MakeFull("");
  const auto old = ElfFile::Open(dir_.Path("full"));
  ASSERT_TRUE(old.ok());
  const Module mapped = Mapped(**old, dir_.Path("full"));
  const std::vector<uint64_t> addresses = Addresses("full");
  dir_.Run("rm full");
  MakeFull("-DNEWER -O1");
  Options options;
  options.cache = false;
  const auto result = Symbolize(ProfileOf(mapped, {addresses[0] + kBias}), options);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(Lines(*result->profile, LocationId{0}), IsEmpty());
  EXPECT_THAT(result->warnings, testing::ElementsAre(HasSubstr(mapped.build_id)));
}

// What a living process still has open, though it was deleted since.
TEST_F(Formats, ADeletedProgramThatStillRuns) {
  dir_.Write("sleeper.c", "#include <unistd.h>\nint main(void) { pause(); return 0; }\n");
  dir_.Run("gcc -g -Wl,--build-id=sha1 sleeper.c -o sleeper && { ./sleeper & echo $! > pid; }");
  std::string pid;
  std::getline(std::ifstream(dir_.Path("pid")) >> std::ws, pid);
  const std::string exe = absl::StrCat("/proc/", pid, "/exe");
  while (std::filesystem::read_symlink(exe).filename() != "sleeper") {  // before its exec
  }
  const auto file = ElfFile::Open(dir_.Path("sleeper"));
  ASSERT_TRUE(file.ok());
  const Module mapped = Mapped(**file, dir_.Path("sleeper"));
  uint64_t main_address = 0;
  for (const Symbol& symbol : FunctionsOf(**file)) {
    if (symbol.name == "main") main_address = symbol.begin + kBias;
  }
  dir_.Run("rm sleeper");
  Options options;
  options.cache = false;
  const auto profile = ProfileOf(mapped, {main_address}, {absl::StrCat("tidemark.pid=", pid)});
  const auto alive = Symbolize(profile, options);
  dir_.Run(absl::StrCat("kill ", pid));
  ASSERT_TRUE(alive.ok());
  EXPECT_THAT(Lines(*alive->profile, LocationId{0}),
              testing::ElementsAre(testing::StartsWith("main ")));
}

}  // namespace
}  // namespace tidemark::symbolize
