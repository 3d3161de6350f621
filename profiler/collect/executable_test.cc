#include "profiler/collect/executable.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace tidemark::collect {
namespace {

using testing::HasSubstr;

class ExecutableTest : public testing::Test {
 protected:
  ExecutableTest() : path_(testing::TempDir() + "executable_test." + std::to_string(getpid())) {}
  ~ExecutableTest() override { unlink(path_.c_str()); }

  std::string Why(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return WhyNothingRecorded(path_);
  }

  // A program of headers only; `interpreter` empty: static.
  static std::string Elf(const std::string& interpreter) {
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phnum = 1;
    Elf64_Phdr segment = {};
    segment.p_type = interpreter.empty() ? PT_LOAD : PT_INTERP;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_filesz = interpreter.size() + 1;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
    return bytes + interpreter + '\0';
  }

  // A dynamic program whose table of symbols (SHT_DYNSYM or SHT_SYMTAB) defines a function.
  static std::string ElfWithSymbol(uint32_t table, const std::string& name) {
    std::string bytes = Elf("/lib64/ld-linux-x86-64.so.2");
    Elf64_Sym symbol = {};
    symbol.st_name = 1;
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = 5;
    Elf64_Shdr sections[2] = {};
    sections[0].sh_type = table;
    sections[0].sh_offset = bytes.size();
    sections[0].sh_size = sizeof(symbol);
    sections[0].sh_link = 1;
    bytes.append(reinterpret_cast<const char*>(&symbol), sizeof(symbol));
    const std::string names = '\0' + name + '\0';
    sections[1].sh_type = SHT_STRTAB;
    sections[1].sh_offset = bytes.size();
    sections[1].sh_size = names.size();
    bytes += names;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    header.e_shoff = bytes.size();
    header.e_shnum = 2;
    header.e_shstrndx = 1;
    std::memcpy(bytes.data(), &header, sizeof(header));
    return bytes.append(reinterpret_cast<const char*>(sections), sizeof(sections));
  }

  std::string path_;
};

TEST_F(ExecutableTest, NamesTheReason) {
  EXPECT_THAT(Why(Elf("")), HasSubstr("statically"));
  EXPECT_THAT(Why(Elf("/lib/ld-musl-x86_64.so.1")), HasSubstr("musl"));
  std::string other = Elf("");
  other[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(Why(other), HasSubstr("64-bit"));
  EXPECT_EQ(Why(Elf("/lib64/ld-linux-x86-64.so.2")), "");
  EXPECT_EQ(Why("no program"), "");
  EXPECT_EQ(WhyNothingRecorded("/no/such/file"), "");
}

// Where a malloc is defined decides: for everybody, or hidden under a name of its own.
TEST_F(ExecutableTest, NamesTheAllocatorInside) {
  EXPECT_THAT(Why(ElfWithSymbol(SHT_DYNSYM, "malloc")), HasSubstr("has a malloc of its own"));
  EXPECT_THAT(Why(ElfWithSymbol(SHT_SYMTAB, "_rjem_malloc")), HasSubstr("(_rjem_malloc)"));
  EXPECT_THAT(Why(ElfWithSymbol(SHT_SYMTAB, "mi_malloc")), HasSubstr("(mi_malloc)"));
  EXPECT_EQ(Why(ElfWithSymbol(SHT_SYMTAB, "malloc")), "");
  EXPECT_EQ(Why(ElfWithSymbol(SHT_DYNSYM, "my_malloc")), "");
}

TEST_F(ExecutableTest, OrdinaryProgramsHaveNoReason) {
  EXPECT_EQ(WhyNothingRecorded("/bin/sh"), "");
}

// Corrupt headers: no crash, whatever the answer.
TEST_F(ExecutableTest, EveryFlippedByteEndsWell) {
  const std::string good = Elf("/lib64/ld-linux-x86-64.so.2");
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(~bad[at]);
    Why(bad);
    Why(good.substr(0, at));
  }
}

TEST_F(ExecutableTest, ResolvesAsExecWould) {
  EXPECT_THAT(*ResolveProgram("sh"), testing::EndsWith("/sh"));
  EXPECT_EQ(*ResolveProgram("/bin/sh"), "/bin/sh");
  EXPECT_FALSE(ResolveProgram("no-such-program-anywhere").ok());
  std::ofstream(path_) << "#! /usr/bin/env python3\nprint()\n";
  EXPECT_EQ(*ResolveProgram(path_), "/usr/bin/env");
}

}  // namespace
}  // namespace tidemark::collect
