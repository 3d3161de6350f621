#include "analyzer/symbolize/symbolizer.h"

#include <gelf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/module_finder.h"

namespace tidemark::symbolize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Where address space randomization might have put a module.
constexpr uint64_t kBias = 0x7f1234560000;

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

struct Symbol {
  std::string name;
  uint64_t begin = 0;
  uint64_t size = 0;
};

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

// Link-time addresses within functions of a file's symbol table: a fixed choice.
std::vector<uint64_t> AddressesIn(const std::vector<Symbol>& functions, size_t count) {
  std::mt19937_64 random(20261120);
  std::set<uint64_t> addresses;
  for (size_t i = 0; i < 3 * count && addresses.size() < count && !functions.empty(); ++i) {
    const Symbol& f = functions[random() % functions.size()];
    if (f.size != 0) addresses.insert(f.begin + random() % f.size);
  }
  return {addresses.begin(), addresses.end()};
}

struct Module {
  std::string path;
  std::string build_id;
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;
};

std::shared_ptr<const Profile> ProfileOf(const Module& module,
                                         const std::vector<uint64_t>& addresses) {
  ProfileBuilder builder;
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

// The module as the loader would map its code.
Module Mapped(const ElfFile& file, const std::string& path) {
  const ExecutableSegment segment = SegmentOf(file);
  const uint64_t first = segment.address & ~uint64_t{4095};
  return {path, file.build_id(), kBias + first,
          kBias + ((segment.address + segment.size + 4095) & ~uint64_t{4095}),
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

// What llvm-symbolizer says of link-time addresses: chains of "function file:line".
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

// One chain of frames compared with llvm-symbolizer's. Three things it does otherwise: it
// leaves out the namespaces of names that are not mangled; it takes the name of the object
// file for the source file where there is no debug information; and of a function's aliases
// it may choose another.
class Comparison {
 public:
  explicit Comparison(const std::vector<Symbol>& symbols) {
    for (const Symbol& s : symbols) places_[Demangle(s.name)].insert(s.begin);
  }

  bool Agree(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) const {
    return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      [this](const std::string& a, const std::string& b) { return Agree(a, b); });
  }

 private:
  bool Agree(const std::string& a, const std::string& b) const {
    const auto [name_a, place_a] = Split(a);
    const auto [name_b, place_b] = Split(b);
    if (place_a != place_b && !(place_a == ":0" && absl::EndsWith(place_b, ":0"))) return false;
    return name_a == name_b || absl::EndsWith(name_a, "::" + name_b) || Aliases(name_a, name_b);
  }
  bool Aliases(const std::string& a, const std::string& b) const {
    const auto at_a = places_.find(a);
    const auto at_b = places_.find(b);
    if (at_a == places_.end() || at_b == places_.end()) return false;
    return std::any_of(at_a->second.begin(), at_a->second.end(),
                       [&](uint64_t place) { return at_b->second.count(place) != 0; });
  }
  static std::pair<std::string, std::string> Split(const std::string& frame) {
    const size_t space = frame.rfind(' ');
    return {frame.substr(0, space), frame.substr(space + 1)};
  }

  std::map<std::string, std::set<uint64_t>> places_;  // by name
};

// The share of addresses whose whole chain of function, file and line agrees.
double Agreement(const std::string& path, size_t count) {
  const ModuleFiles files = FindModule({path, ""});
  EXPECT_TRUE(files.found());
  const ElfFile& symbols = files.best();
  EXPECT_TRUE(symbols.has_debug_info()) << path;
  const std::vector<Symbol> functions = FunctionsOf(symbols);
  const Comparison comparison(functions);
  const std::vector<uint64_t> addresses = AddressesIn(functions, count);
  EXPECT_GE(addresses.size(), count / 2);
  std::vector<uint64_t> shifted;
  for (const uint64_t a : addresses) shifted.push_back(a + kBias);
  Module module = Mapped(*files.module, path);
  const auto result = Symbolize(ProfileOf(module, shifted), Options());
  EXPECT_TRUE(result.ok());
  const auto expected = Oracle(symbols.path(), addresses);
  EXPECT_EQ(expected.size(), addresses.size());
  size_t equal = 0;
  size_t shown = 0;
  for (uint32_t i = 0; i < expected.size(); ++i) {
    const std::vector<std::string> got = Lines(*result->profile, LocationId{i});
    if (comparison.Agree(got, expected[i])) {
      ++equal;
    } else if (++shown <= 10) {
      std::printf("  0x%lx: got %s\n  want %s\n", static_cast<unsigned long>(addresses[i]),
                  testing::PrintToString(got).c_str(), testing::PrintToString(expected[i]).c_str());
    }
  }
  const double share = static_cast<double>(equal) / static_cast<double>(addresses.size());
  std::printf("%s: %zu of %zu chains equal llvm-symbolizer's (%.2f %%)\n", path.c_str(), equal,
              addresses.size(), 100 * share);
  return share;
}

std::string OwnPath() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

TEST(Symbolize, AgreesWithLlvmOnThisProgram) { EXPECT_GE(Agreement(OwnPath(), 4000), 0.99); }

TEST(Symbolize, AgreesWithLlvmOnLibc) {
  EXPECT_GE(Agreement("/lib/x86_64-linux-gnu/libc.so.6", 4000), 0.99);
}

TEST(Symbolize, AnotherBuildsFileIsRefusedAndSaid) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  Module module = Mapped(**file, OwnPath());
  module.build_id = "0123456789abcdef";
  const auto profile = ProfileOf(module, {module.start + 0x100});
  const auto result = Symbolize(profile, Options());
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(Lines(*result->profile, LocationId{0}), IsEmpty());
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("not 0123456789abcdef")));
}

TEST(Symbolize, OnlyWhatLacksSymbols) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  const std::vector<uint64_t> addresses = AddressesIn(FunctionsOf(**file), 1);
  const auto once = Symbolize(ProfileOf(module, {addresses[0] + kBias}), Options());
  ASSERT_TRUE(once.ok());
  EXPECT_FALSE(Lines(*once->profile, LocationId{0}).empty());
  EXPECT_TRUE(once->profile->mapping(MappingId{0}).has_functions);
  const auto twice = Symbolize(once->profile, Options());
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->profile, once->profile);
  Options force;
  force.force = true;
  const auto again = Symbolize(once->profile, force);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(Lines(*again->profile, LocationId{0}), Lines(*once->profile, LocationId{0}));
}

TEST(Symbolize, AddressesOutsideTheModuleStayUnknown) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  const auto result =
      Symbolize(ProfileOf(module, {0, 1, module.start - 1, module.limit, ~uint64_t{0}}), Options());
  ASSERT_TRUE(result.ok());
  for (uint32_t i = 0; i < 5; ++i) {
    EXPECT_THAT(Lines(*result->profile, LocationId{i}), IsEmpty());
  }
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("5 of 5 addresses have no symbol")));
}

TEST(Symbolize, StopsWhenCancelled) {
  Progress progress;
  progress.cancelled = true;
  Options options;
  options.progress = &progress;
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  EXPECT_EQ(Symbolize(ProfileOf(module, {module.start}), options).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace tidemark::symbolize
