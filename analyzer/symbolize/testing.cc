#include "analyzer/symbolize/testing.h"

#include <gelf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/demangle.h"

namespace tidemark::symbolize {
namespace {

struct ExecutableSegment {
  uint64_t offset = 0;
  uint64_t address = 0;
  uint64_t size = 0;
};

ExecutableSegment SegmentOf(const ElfFile& file) {
  size_t count = 0;
  elf_getphdrnum(file.elf(), &count);
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr p;
    if (gelf_getphdr(file.elf(), static_cast<int>(i), &p) != nullptr && p.p_type == PT_LOAD &&
        (p.p_flags & PF_X) != 0) {
      return {p.p_offset, p.p_vaddr, p.p_memsz};
    }
  }
  return {};
}

}  // namespace

std::vector<Symbol> FunctionsOf(const ElfFile& file) {
  std::vector<Symbol> functions;
  for (Elf_Scn* s = nullptr; (s = elf_nextscn(file.elf(), s)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(s, &header);
    if (header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(s, nullptr);
    for (size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      gelf_getsym(data, static_cast<int>(i), &symbol);
      const int type = GELF_ST_TYPE(symbol.st_info);
      if ((type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF) {
        functions.push_back({elf_strptr(file.elf(), header.sh_link, symbol.st_name),
                             symbol.st_value, symbol.st_size});
      }
    }
  }
  return functions;
}

std::vector<uint64_t> AddressesIn(const std::vector<Symbol>& functions, size_t count) {
  std::mt19937_64 random(20261120);
  std::set<uint64_t> addresses;
  for (size_t i = 0; i < 3 * count && addresses.size() < count && !functions.empty(); ++i) {
    const Symbol& f = functions[random() % functions.size()];
    if (f.size != 0) addresses.insert(f.begin + random() % f.size);
  }
  return {addresses.begin(), addresses.end()};
}

std::shared_ptr<const Profile> ProfileOf(const Module& module,
                                         const std::vector<uint64_t>& addresses,
                                         const std::vector<std::string>& comments) {
  ProfileBuilder builder;
  for (const std::string& comment : comments) builder.AddComment(builder.AddString(comment));
  const ValueType type{builder.AddString("inuse_space"), builder.AddString("bytes")};
  builder.SetSampleTypes({&type, 1});
  Mapping mapping;
  mapping.start = module.start;
  mapping.limit = module.limit;
  mapping.offset = module.offset;
  mapping.file = builder.AddString(module.path);
  mapping.build_id = builder.AddString(module.build_id);
  const MappingId id = builder.AddMapping(mapping);
  for (const uint64_t address : addresses) {
    const LocationId location = builder.AddLocation(address, id, false, {});
    const int64_t value = 1;
    builder.AddSample(builder.AddStack({&location, 1}), builder.AddLabels({}), {&value, 1});
  }
  return *builder.Build();
}

Module Mapped(const ElfFile& file, const std::string& path, uint64_t bias) {
  const ExecutableSegment segment = SegmentOf(file);
  const uint64_t first = segment.address & ~uint64_t{4095};
  return {path, file.build_id(), bias + first,
          bias + ((segment.address + segment.size + 4095) & ~uint64_t{4095}),
          segment.offset & ~uint64_t{4095}};
}

std::vector<std::string> Lines(const Profile& profile, LocationId id) {
  std::vector<std::string> lines;
  for (const Line& line : profile.lines(id)) {
    const Function& f = profile.function(line.function);
    lines.push_back(
        absl::StrCat(profile.string(f.name), " ", profile.string(f.filename), ":", line.line));
  }
  return lines;
}

std::vector<std::vector<std::string>> Oracle(const std::string& path,
                                             const std::vector<uint64_t>& addresses) {
  const std::string input = testing::TempDir() + absl::StrCat("/addresses.", getpid());
  {
    std::ofstream out(input);
    for (const uint64_t a : addresses) out << "0x" << std::hex << a << "\n";
  }
  const std::string command =
      absl::StrCat("llvm-symbolizer-14 --inlines --no-demangle --obj=", path, " < ", input);
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[65536];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) text.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  std::filesystem::remove(input);

  std::vector<std::vector<std::string>> chains;
  for (absl::string_view block : absl::StrSplit(text, "\n\n", absl::SkipEmpty())) {
    const std::vector<std::string> lines = absl::StrSplit(block, '\n', absl::SkipEmpty());
    std::vector<std::string>& chain = chains.emplace_back();
    for (size_t i = 0; i + 1 < lines.size(); i += 2) {
      std::vector<std::string> place = absl::StrSplit(lines[i + 1], ':');  // file:line:column
      std::string file = place[0] == "??" ? "" : place[0];
      if (!file.empty()) file = std::filesystem::path(file).lexically_normal().string();
      chain.push_back(
          absl::StrCat(lines[i] == "??" ? "" : Demangle(lines[i]), " ", file, ":", place[1]));
    }
  }
  return chains;
}

ScopedEnvironment::ScopedEnvironment(const char* name, const char* value) : name_(name) {
  if (const char* before = std::getenv(name); before != nullptr) {
    was_set_ = true;
    before_ = before;
  }
  if (value == nullptr) {
    unsetenv(name);
  } else {
    setenv(name, value, 1);
  }
}

ScopedEnvironment::~ScopedEnvironment() {
  if (was_set_) {
    setenv(name_.c_str(), before_.c_str(), 1);
  } else {
    unsetenv(name_.c_str());
  }
}

ScratchDirectory::ScratchDirectory() {
  static std::atomic<int> serial{0};
  dir_ = std::filesystem::temp_directory_path() /
         absl::StrCat("symbolize_test.", getpid(), ".", serial.fetch_add(1));
  std::filesystem::remove_all(dir_);
  std::filesystem::create_directories(dir_);
}

ScratchDirectory::~ScratchDirectory() { std::filesystem::remove_all(dir_); }

void ScratchDirectory::Write(const std::string& name, const std::string& text) const {
  std::filesystem::create_directories((dir_ / name).parent_path());
  std::ofstream(dir_ / name, std::ios::binary) << text;
}

void ScratchDirectory::Run(const std::string& command) const {
  ASSERT_EQ(std::system(absl::StrCat("cd ", dir_.string(), " && ", command).c_str()), 0) << command;
}

}  // namespace tidemark::symbolize
