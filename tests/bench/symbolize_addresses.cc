// Answers link-time addresses of one ELF file as llvm-symbolizer does, so that the two can be
// compared: 0x… lines on standard input; for each the chain of "function\nfile:line", the
// innermost inlined function first, and an empty line.
//
// usage: bench_symbolize FILE [mangled|demangled]
// $TIDEMARK_CACHE=0 keeps the cache out.

#include <gelf.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/symbolizer.h"

namespace {

using tidemark::Line;
using tidemark::LocationId;
using tidemark::Mapping;
using tidemark::Profile;
using tidemark::ProfileBuilder;
using tidemark::ValueType;

struct Module {
  tidemark::MappingId mapping;
  uint64_t first = 0;
  uint64_t limit = 0;
};

// The file as mapped where it was linked, each executable segment a mapping.
std::vector<Module> AddMappings(const tidemark::symbolize::ElfFile& file, ProfileBuilder* builder) {
  std::vector<Module> modules;
  size_t count = 0;
  elf_getphdrnum(file.elf(), &count);
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr p;
    if (gelf_getphdr(file.elf(), static_cast<int>(i), &p) == nullptr || p.p_type != PT_LOAD ||
        (p.p_flags & PF_X) == 0) {
      continue;
    }
    Mapping mapping;
    mapping.start = p.p_vaddr & ~uint64_t{4095};
    mapping.limit = (p.p_vaddr + p.p_memsz + 4095) & ~uint64_t{4095};
    mapping.offset = p.p_offset & ~uint64_t{4095};
    mapping.file = builder->AddString(file.path());
    mapping.build_id = builder->AddString(file.build_id());
    modules.push_back({builder->AddMapping(mapping), mapping.start, mapping.limit});
  }
  return modules;
}

void PrintChain(const Profile& profile, LocationId id, bool mangled, std::string* out) {
  for (const Line& line : profile.lines(id)) {
    const tidemark::Function& f = profile.function(line.function);
    absl::string_view name = profile.string(mangled ? f.system_name : f.name);
    absl::string_view file = profile.string(f.filename);
    absl::StrAppend(out, name.empty() ? "??" : name, "\n", file.empty() ? "??" : file, ":",
                    line.line, "\n");
  }
  if (profile.lines(id).empty()) *out += "??\n??:0\n";
  *out += "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const auto file = argc < 2 ? absl::InvalidArgumentError("usage: bench_symbolize FILE [mangled]")
                             : tidemark::symbolize::ElfFile::Open(argv[1]);
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", std::string(file.status().message()).c_str());
    return 2;
  }
  const bool mangled = argc > 2 && !std::strcmp(argv[2], "mangled");
  ProfileBuilder builder;
  const ValueType type{builder.AddString("inuse_space"), builder.AddString("bytes")};
  builder.SetSampleTypes({&type, 1});
  const std::vector<Module> modules = AddMappings(**file, &builder);
  char line[64];
  while (std::fgets(line, sizeof(line), stdin) != nullptr) {
    const uint64_t address = std::strtoull(line, nullptr, 16);
    const auto module = std::find_if(modules.begin(), modules.end(), [&](const Module& m) {
      return address >= m.first && address < m.limit;
    });
    const auto mapping = module == modules.end() ? tidemark::MappingId() : module->mapping;
    const LocationId location = builder.AddLocation(address, mapping, false, {});
    const int64_t value = 1;
    builder.AddSample(builder.AddStack({&location, 1}), builder.AddLabels({}), {&value, 1});
  }
  const auto profile = builder.Build();
  const auto result =
      profile.ok() ? tidemark::symbolize::Symbolize(*profile, {}) : profile.status();
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
    return 1;
  }
  std::string out;
  for (uint32_t i = 0; i < result->profile->locations().size(); ++i) {
    PrintChain(*result->profile, LocationId{i}, mangled, &out);
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}
