#include "analyzer/symbolize/symbolizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/module_finder.h"
#include "analyzer/symbolize/testing.h"

namespace tidemark::symbolize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Options WithoutCache() {
  Options options;
  options.cache = false;
  return options;
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
  const auto result = Symbolize(ProfileOf(module, shifted), WithoutCache());
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

// Compilers now and then let two calls side by side claim an address: which of them counts is
// not told, and LLVM's choice follows from how it cuts ranges.
TEST(Symbolize, AgreesWithLlvmOnThisProgram) { EXPECT_GE(Agreement(OwnPath(), 4000), 0.999); }

TEST(Symbolize, AgreesWithLlvmOnLibc) {
  EXPECT_EQ(Agreement("/lib/x86_64-linux-gnu/libc.so.6", 4000), 1);
}

TEST(Symbolize, AnotherBuildsFileIsRefusedAndSaid) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  Module module = Mapped(**file, OwnPath());
  module.build_id = "0123456789abcdef";
  const auto profile = ProfileOf(module, {module.start + 0x100});
  const auto result = Symbolize(profile, WithoutCache());
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(Lines(*result->profile, LocationId{0}), IsEmpty());
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("not 0123456789abcdef")));
}

TEST(Symbolize, OnlyWhatLacksSymbols) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  const std::vector<uint64_t> addresses = AddressesIn(FunctionsOf(**file), 1);
  const auto once = Symbolize(ProfileOf(module, {addresses[0] + kBias}), WithoutCache());
  ASSERT_TRUE(once.ok());
  EXPECT_FALSE(Lines(*once->profile, LocationId{0}).empty());
  EXPECT_TRUE(once->profile->mapping(MappingId{0}).has_functions);
  const auto twice = Symbolize(once->profile, WithoutCache());
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->profile, once->profile);
  Options force = WithoutCache();
  force.force = true;
  const auto again = Symbolize(once->profile, force);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(Lines(*again->profile, LocationId{0}), Lines(*once->profile, LocationId{0}));
}

TEST(Symbolize, AddressesOutsideTheModuleStayUnknown) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  const auto result = Symbolize(
      ProfileOf(module, {0, 1, module.start - 1, module.limit, ~uint64_t{0}}), WithoutCache());
  ASSERT_TRUE(result.ok());
  for (uint32_t i = 0; i < 5; ++i) {
    EXPECT_THAT(Lines(*result->profile, LocationId{i}), IsEmpty());
  }
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("5 of 5 addresses have no symbol")));
}

// Locations that no sample of interest refers to are not looked up, and modules with no others
// not opened: else there would be a warning of the file that is not there.
TEST(Symbolize, OnlyWhatSamplesShow) {
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  const std::vector<uint64_t> addresses = AddressesIn(FunctionsOf(**file), 3);
  ASSERT_EQ(addresses.size(), 3u);
  ProfileBuilder builder;
  const ValueType types[] = {{builder.AddString("alloc_space"), builder.AddString("bytes")},
                             {builder.AddString("inuse_space"), builder.AddString("bytes")}};
  builder.SetSampleTypes(types);
  Mapping mapping;
  mapping.start = module.start;
  mapping.limit = module.limit;
  mapping.offset = module.offset;
  mapping.file = builder.AddString(module.path);
  const MappingId here = builder.AddMapping(mapping);
  mapping.file = builder.AddString("/no/such/file");
  const MappingId nowhere = builder.AddMapping(mapping);
  const LocationId live = builder.AddLocation(addresses[0] + kBias, here, false, {});
  const LocationId freed = builder.AddLocation(addresses[1] + kBias, here, false, {});
  const LocationId gone = builder.AddLocation(addresses[2] + kBias, nowhere, false, {});
  const int64_t values[][2] = {{10, 10}, {10, 0}, {0, 0}};
  const LocationId* const stacks[] = {&live, &freed, &gone};
  for (size_t i = 0; i < 3; ++i) {
    builder.AddSample(builder.AddStack({stacks[i], 1}), builder.AddLabels({}), values[i]);
  }
  const std::shared_ptr<const Profile> profile = *builder.Build();
  Options options = WithoutCache();
  const auto all = Symbolize(profile, options);
  ASSERT_TRUE(all.ok());
  EXPECT_FALSE(Lines(*all->profile, live).empty());
  EXPECT_FALSE(Lines(*all->profile, freed).empty());
  EXPECT_THAT(all->warnings, IsEmpty());
  options.sample_type = 1;
  const auto inuse = Symbolize(profile, options);
  ASSERT_TRUE(inuse.ok());
  EXPECT_EQ(Lines(*inuse->profile, live), Lines(*all->profile, live));
  EXPECT_THAT(Lines(*inuse->profile, freed), IsEmpty());
}

TEST(Symbolize, StopsWhenCancelled) {
  Progress progress;
  progress.cancelled = true;
  Options options = WithoutCache();
  options.progress = &progress;
  const auto file = ElfFile::Open(OwnPath());
  ASSERT_TRUE(file.ok());
  const Module module = Mapped(**file, OwnPath());
  EXPECT_EQ(Symbolize(ProfileOf(module, {module.start}), options).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace tidemark::symbolize
