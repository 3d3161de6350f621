#include "analyzer/symbolize/module_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace tidemark::symbolize {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A small program, its stripped copy and its debug file, in a directory of their own.
class ModuleFinder : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / absl::StrCat("module_finder.", getpid());
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    std::ofstream(dir_ / "a.c") << "int main(void) { return 0; }\n";
    Run("cc -g -O1 -Wl,--build-id=0x00112233445566778899aabbccddeeff00112233 a.c -o full");
    Run("objcopy --only-keep-debug full debug");
    Run("objcopy --strip-all full stripped");
  }
  void TearDown() override { fs::remove_all(dir_); }

  void Run(const std::string& command) {
    ASSERT_EQ(std::system(absl::StrCat("cd ", dir_.string(), " && ", command).c_str()), 0)
        << command;
  }
  void Put(const std::string& from, const std::string& to) {
    fs::create_directories((dir_ / to).parent_path());
    fs::copy_file(dir_ / from, dir_ / to);
  }
  std::string Path(const std::string& name) const { return (dir_ / name).string(); }

  const std::string id_ = "00112233445566778899aabbccddeeff00112233";
  fs::path dir_;
};

TEST_F(ModuleFinder, TheFileItself) {
  const ModuleFiles files = FindModule({Path("full"), id_});
  ASSERT_TRUE(files.module);
  EXPECT_EQ(files.module->build_id(), id_);
  EXPECT_TRUE(files.module->has_debug_info());
  EXPECT_FALSE(files.debug);
  EXPECT_EQ(files.problem, "");
}

TEST_F(ModuleFinder, AnotherBuildIdIsRefusedAndSaid) {
  const ModuleFiles files = FindModule({Path("full"), "aabbccdd"});
  EXPECT_FALSE(files.found());
  EXPECT_THAT(
      files.problem,
      HasSubstr("it has the build id 00112233445566778899aabbccddeeff00112233, not aabbccdd"));
}

TEST_F(ModuleFinder, AFileWithoutBuildIdIsRefusedWhenTheMappingHasOne) {
  Run("cc -Wl,--build-id=none a.c -o noid");
  const ModuleFiles files = FindModule({Path("noid"), id_});
  EXPECT_FALSE(files.found());
  EXPECT_THAT(files.problem, HasSubstr("it has no build id, not 0011"));
}

TEST_F(ModuleFinder, ADeletedFileIsOnlyTrustedByItsBuildId) {
  EXPECT_TRUE(FindModule({Path("full") + " (deleted)", id_}).found());
  const ModuleFiles files = FindModule({Path("full") + " (deleted)", ""});
  EXPECT_FALSE(files.found());
  EXPECT_THAT(files.problem, HasSubstr("deleted"));
}

TEST_F(ModuleFinder, SearchPathAsPprofBinaryPath) {
  int n = 0;
  for (const std::string& place :
       {absl::StrCat(id_, "/prog"), absl::StrCat(id_, "/any name"), absl::StrCat("opt/prog/", id_),
        std::string("00/112233445566778899aabbccddeeff00112233.debug"), std::string("prog"),
        std::string("opt/prog"),
        std::string(".build-id/00/112233445566778899aabbccddeeff00112233.debug")}) {
    const std::string directory = absl::StrCat("search", n++);
    Put("full", absl::StrCat(directory, "/", place));
    const std::string search[] = {Path("nowhere"), Path(directory)};
    const ModuleFiles files = FindModule({"/opt/prog", id_, search});
    EXPECT_TRUE(files.found() && files.best().has_debug_info()) << place;
  }
}

TEST_F(ModuleFinder, DebugFileByBuildIdBesideTheStrippedModule) {
  Put("debug", "search/.build-id/00/112233445566778899aabbccddeeff00112233.debug");
  const std::string search[] = {Path("search")};
  for (const std::string& id : {id_, std::string()}) {
    const ModuleFiles files = FindModule({Path("stripped"), id, search});
    ASSERT_TRUE(files.module);
    ASSERT_TRUE(files.debug);
    EXPECT_FALSE(files.module->has_debug_info());
    EXPECT_EQ(&files.best(), files.debug.get());
  }
}

TEST_F(ModuleFinder, DebugFileByDebugLink) {
  Run("objcopy --add-gnu-debuglink=debug stripped && mkdir .debug && mv debug .debug/");
  EXPECT_TRUE(FindModule({Path("stripped"), id_}).debug);
}

TEST_F(ModuleFinder, DebugLinkToAnotherBuildIsRefused) {
  Run("cc -g -O1 -Wl,--build-id=none a.c -o noid");
  Run("objcopy --only-keep-debug noid noid.debug && objcopy --strip-all noid");
  Run("objcopy --add-gnu-debuglink=noid.debug noid");
  EXPECT_TRUE(FindModule({Path("noid"), ""}).debug);  // by its checksum
  Run("printf x >> noid.debug");
  const ModuleFiles files = FindModule({Path("noid"), ""});
  EXPECT_FALSE(files.debug);
  EXPECT_THAT(files.problem, HasSubstr("another build"));
}

TEST_F(ModuleFinder, ADebugFileAloneStillPlacesAddresses) {
  Put("debug", "search/.build-id/00/112233445566778899aabbccddeeff00112233.debug");
  const std::string search[] = {Path("search")};
  const ModuleFiles files = FindModule({"/gone/prog", id_, search});
  ASSERT_FALSE(files.module);
  ASSERT_TRUE(files.debug);
  const ModuleFiles whole = FindModule({Path("full"), id_});
  // The code of so small a program is one page, at 0x1000 in the file and in memory.
  const ElfFile::MappedRange mapping{0x555555555000, 0x555555556000, 0x1000};
  const auto address = files.debug->LinkAddress(mapping, 0x555555555123);
  ASSERT_TRUE(address);
  EXPECT_EQ(address, whole.module->LinkAddress(mapping, 0x555555555123));
  EXPECT_FALSE(files.debug->LinkAddress(mapping, 0x555555556000));
}

TEST_F(ModuleFinder, ThingsThatAreNoFiles) {
  mkfifo(Path("fifo").c_str(), 0600);  // must not block
  EXPECT_THAT(FindModule({Path("fifo"), ""}).problem, HasSubstr("not a regular file"));
  EXPECT_THAT(FindModule({Path("a.c"), ""}).problem, HasSubstr("not an ELF file"));
  EXPECT_THAT(FindModule({dir_.string(), ""}).problem, HasSubstr("not a regular file"));
  EXPECT_THAT(FindModule({Path("absent"), ""}).problem, HasSubstr("not there"));
  EXPECT_TRUE(IsAnonymous("[heap]"));
  EXPECT_TRUE(IsAnonymous(""));
  EXPECT_FALSE(IsAnonymous("[vdso]"));
}

TEST_F(ModuleFinder, TruncatedFilesDoNotCrash) {
  const auto size = fs::file_size(Path("full"));
  for (uintmax_t keep = 0; keep < size; keep += 1 + size / 97) {
    fs::copy_file(Path("full"), Path("cut"), fs::copy_options::overwrite_existing);
    fs::resize_file(Path("cut"), keep);
    FindModule({Path("cut"), ""});
  }
}

TEST(Vdso, OnlyWhenItsBuildIdIsKnownToBeTheSame) {
  EXPECT_FALSE(FindModule({"[vdso]", ""}).found());
  EXPECT_FALSE(FindModule({"[vdso]", "aabbccdd"}).found());
  const auto own = ElfFile::OpenOwnVdso();
  ASSERT_TRUE(own.ok());
  ASSERT_NE((*own)->build_id(), "");
  EXPECT_TRUE(FindModule({"[vdso]", (*own)->build_id()}).found());
}

}  // namespace
}  // namespace tidemark::symbolize
