#include "profiler/collect/executable.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "profiler/collect/process.h"

namespace tidemark::collect {
namespace {

bool IsExecutableFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

// Reads an object at `offset`; false when the file ends before.
template <class T>
bool ReadObject(const UniqueFd& fd, uint64_t offset, T* to) {
  return pread(fd.get(), to, sizeof(*to), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(sizeof(*to));
}

std::string ReadBytes(const UniqueFd& fd, uint64_t offset, uint64_t bytes) {
  constexpr uint64_t kLimit = 64 << 20;
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return "";
  const uint64_t file_bytes = static_cast<uint64_t>(info.st_size);
  if (offset > file_bytes || bytes > file_bytes - offset || bytes > kLimit) return "";
  std::string data(bytes, '\0');
  const ssize_t n = pread(fd.get(), data.data(), bytes, static_cast<off_t>(offset));
  data.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return data;
}

// What the headers of a 64-bit little-endian ELF file say.
struct ElfFacts {
  bool has_interpreter = false;
  std::string interpreter;
  bool is_go = false;
  bool defines_malloc = false;
  std::string hidden_malloc;  // the name of an allocator's malloc that nobody else can call
};

bool SymbolsDefine(const std::string& symbols, const std::string& names, const char* name) {
  for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, symbols.data() + at, sizeof(symbol));
    if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
    if (symbol.st_name >= names.size()) continue;
    if (std::strcmp(names.c_str() + symbol.st_name, name) == 0) return true;
  }
  return false;
}

ElfFacts ReadElf(const UniqueFd& fd, const Elf64_Ehdr& header) {
  ElfFacts facts;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!ReadObject(fd, header.e_phoff + i * sizeof(segment), &segment)) break;
    if (segment.p_type != PT_INTERP) continue;
    facts.has_interpreter = true;
    facts.interpreter = ReadBytes(fd, segment.p_offset, segment.p_filesz).c_str();
  }
  std::vector<Elf64_Shdr> sections;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!ReadObject(fd, header.e_shoff + i * sizeof(section), &section)) break;
    sections.push_back(section);
  }
  std::string names;
  if (header.e_shstrndx < sections.size()) {
    const Elf64_Shdr& s = sections[header.e_shstrndx];
    names = ReadBytes(fd, s.sh_offset, s.sh_size);
  }
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_name < names.size() &&
        std::strcmp(names.c_str() + section.sh_name, ".go.buildinfo") == 0) {
      facts.is_go = true;
    }
    // Only what the dynamic symbol table exports takes part in interposition.
    if (section.sh_type == SHT_DYNSYM && section.sh_link < sections.size()) {
      const Elf64_Shdr& strings = sections[section.sh_link];
      facts.defines_malloc |=
          SymbolsDefine(ReadBytes(fd, section.sh_offset, section.sh_size),
                        ReadBytes(fd, strings.sh_offset, strings.sh_size), "malloc");
    }
    if (section.sh_type == SHT_SYMTAB && section.sh_link < sections.size()) {
      const Elf64_Shdr& strings = sections[section.sh_link];
      const std::string symbols = ReadBytes(fd, section.sh_offset, section.sh_size);
      const std::string symbol_names = ReadBytes(fd, strings.sh_offset, strings.sh_size);
      // jemalloc as Rust's crates build it, jemalloc with its usual prefix, mimalloc.
      for (const char* name : {"_rjem_malloc", "_rjem_mallocx", "je_malloc", "mi_malloc"}) {
        if (SymbolsDefine(symbols, symbol_names, name)) facts.hidden_malloc = name;
      }
    }
  }
  return facts;
}

bool RaisesPrivileges(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return false;
  if ((info.st_mode & S_ISUID) != 0 && info.st_uid != geteuid()) return true;
  if ((info.st_mode & S_ISGID) != 0 && info.st_gid != getegid()) return true;
  return geteuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

}  // namespace

absl::StatusOr<std::string> ResolveProgram(const std::string& command) {
  std::string path = command;
  if (command.find('/') == std::string::npos) {
    path.clear();
    const char* search = std::getenv("PATH");
    for (absl::string_view directory :
         absl::StrSplit(search != nullptr ? search : "/usr/bin:/bin", ':')) {
      const std::string candidate = absl::StrCat(directory.empty() ? "." : directory, "/", command);
      if (IsExecutableFile(candidate)) {
        path = candidate;
        break;
      }
    }
    if (path.empty()) {
      return absl::NotFoundError(absl::StrCat(command, ": not found in PATH"));
    }
  }
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError(errno, "cannot read the program", path);
  char head[256];
  const ssize_t n = pread(fd.get(), head, sizeof(head), 0);
  if (n < 2 || head[0] != '#' || head[1] != '!') return path;
  absl::string_view line(head + 2, static_cast<size_t>(n) - 2);
  line = line.substr(0, line.find('\n'));
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == absl::string_view::npos) return path;
  line = line.substr(begin);
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::string WhyNothingRecorded(const std::string& program) {
  const UniqueFd fd(open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  Elf64_Ehdr header;
  if (!fd.valid() || !ReadObject(fd, 0, &header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return "";
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) {
    return absl::StrCat(program, " is no 64-bit x86 program, libtidemark.so is");
  }
  const ElfFacts facts = ReadElf(fd, header);
  if (facts.is_go) {
    return absl::StrCat(program,
                        " is a Go program: its allocations do not go through malloc, Go's own "
                        "heap profile (runtime/pprof) has them");
  }
  if (!facts.has_interpreter) {
    return absl::StrCat(program, " is linked statically: nothing can be preloaded into it");
  }
  if (facts.interpreter.find("ld-musl") != std::string::npos) {
    return absl::StrCat(program, " uses the musl C library, libtidemark.so needs glibc");
  }
  if (RaisesPrivileges(program)) {
    return absl::StrCat(program,
                        " gains privileges when it starts: the system then ignores "
                        "LD_PRELOAD (AT_SECURE)");
  }
  if (facts.defines_malloc) {
    return absl::StrCat(program, " has a malloc of its own, which comes before a preloaded one");
  }
  if (!facts.hidden_malloc.empty()) {
    return absl::StrCat(program, " brings an allocator of its own (", facts.hidden_malloc,
                        "), which does not go through malloc");
  }
  return "";
}

}  // namespace tidemark::collect
