#include "analyzer/golang/go_binary.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "analyzer/golang/go_type.h"
#include "analyzer/golang/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::golang {
namespace {

using ::testing::ElementsAre;

absl::StatusOr<std::unique_ptr<GoBinary>> Open(const std::string& bytes) {
  auto image = ElfImage::FromBytes(bytes, "test");
  if (!image.ok()) return image.status();
  return GoBinary::FromImage(*std::move(image));
}

testing::FakeProgram SmallProgram() {
  testing::FakeProgram program;
  program.AddFunction("main.main");
  program.AddFunction("example.com/app/store.(*Cache).Put");
  return program;
}

class AllLayouts : public ::testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  testing::FakeProgram Program() const {
    testing::FakeProgram program;
    program.is_1_20 = std::get<0>(GetParam());
    program.is_relocated = std::get<1>(GetParam());
    return program;
  }
};
INSTANTIATE_TEST_SUITE_P(, AllLayouts, ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST_P(AllLayouts, Functions) {
  testing::FakeProgram program = Program();
  const uint64_t first = program.AddFunction("main.main");
  const uint64_t second = program.AddFunction("main.f");
  const auto binary = Open(program.Build());
  ASSERT_TRUE(binary.ok()) << binary.status();
  for (const uint64_t address : {first, first + 1, second - 1}) {
    const std::optional<Function> function = (*binary)->FunctionAt(address);
    ASSERT_TRUE(function);
    EXPECT_EQ(function->name, "main.main");
    EXPECT_EQ(function->entry, first);
    EXPECT_EQ(function->end, second);
  }
  EXPECT_EQ((*binary)->FunctionAt(second)->name, "main.f");
  EXPECT_FALSE((*binary)->FunctionAt(program.NextFunction()));
  EXPECT_FALSE((*binary)->FunctionAt(first - 1));
  EXPECT_FALSE((*binary)->FunctionAt(0));
  EXPECT_FALSE((*binary)->FunctionAt(~uint64_t{0}));
}

TEST_P(AllLayouts, Types) {
  testing::FakeProgram program = Program();
  program.AddFunction("main.main");
  const uint64_t text = program.AddType(TypeKind::kString, "string", 16);
  const uint64_t number = program.AddType(TypeKind{2}, "int", 8);
  const uint64_t map = program.AddMap("map[string]int", text, number);
  const uint64_t inner = program.AddStruct("main.inner", "main", 16, {{0, number}, {8, map}});
  const uint64_t outer = program.AddStruct("main.outer", "main", 40, {{0, text}, {16, inner}});
  const auto binary = Open(program.Build());
  ASSERT_TRUE(binary.ok()) << binary.status();
  const std::optional<GoType> type = TypeAt(**binary, map);
  ASSERT_TRUE(type);
  EXPECT_EQ(type->name, "map[string]int");
  EXPECT_EQ(type->kind, TypeKind::kMap);
  EXPECT_EQ(type->key, text);
  EXPECT_EQ(type->element, number);
  EXPECT_EQ(TypeAt(**binary, outer)->package, "main");
  EXPECT_FALSE(TypeAt(**binary, map + 8));
  EXPECT_FALSE(TypeAt(**binary, map + 1));
  EXPECT_FALSE(TypeAt(**binary, 0x401000));

  const auto field = [&](uint64_t offset) {
    const auto found = FieldAt(**binary, *TypeAt(**binary, outer), offset);
    return found ? std::string(found->name) : std::string("none");
  };
  EXPECT_EQ(field(0), "string");
  EXPECT_EQ(field(8), "none");  // within it
  EXPECT_EQ(field(16), "int");
  EXPECT_EQ(field(24), "map[string]int");
  EXPECT_EQ(field(32), "none");
  EXPECT_EQ(field(400), "none");
}

TEST(GoBinary, BuildInfo) {
  testing::FakeProgram program = SmallProgram();
  program.modules =
      "path\texample.com/app/cmd\nmod\texample.com/app\tv1.2.3\th1:x\ndep\tdotless/lib\tv0.1\n"
      "=>\t../lib\t(devel)\nbuild\t-compiler=gc\n";
  const auto binary = Open(program.Build());
  ASSERT_TRUE(binary.ok());
  EXPECT_EQ((*binary)->build_info().version, "go1.26.0");
  EXPECT_EQ((*binary)->build_info().main_package, "example.com/app/cmd");
  EXPECT_THAT((*binary)->build_info().modules, ElementsAre("example.com/app", "dotless/lib"));
}

// Its first bytes are text in programs that read it.
TEST(GoBinary, BuildInfoAmongTextsThatBeginLikeIt) {
  testing::FakeProgram program = SmallProgram();
  program.AddFunction("main.\xff Go buildinf:");
  program.AddFunction("main.\xff Go buildinf:bbb");
  const auto binary = Open(program.Build());
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ((*binary)->build_info().version, "go1.26.0");
}

TEST(GoBinary, OtherPrograms) {
  EXPECT_TRUE(absl::IsInvalidArgument(GoBinary::Open("/bin/true").status()));
  std::string bytes = SmallProgram().Build();
  const size_t magic = bytes.find("\xf1\xff\xff\xff");
  ASSERT_NE(magic, std::string::npos);
  std::string newer = bytes;
  newer[magic] = '\xf9';
  EXPECT_TRUE(absl::IsUnimplemented(Open(newer).status()));
  std::string crowded = bytes;
  crowded[magic + 8 + 6] = 1;  // 2^48 functions
  EXPECT_TRUE(absl::IsDataLoss(Open(crowded).status()));
}

// Another linker puts the function table into a section of another name; some programs that
// strip leave no name as it was.
TEST(GoBinary, WithoutSectionNames) {
  for (const bool all : {false, true}) {
    std::string bytes = SmallProgram().Build();
    for (const std::string name : {".gopclntab", ".go.buildinfo", ".go.module", ".text"}) {
      const size_t found = bytes.find(name + '\0');
      ASSERT_NE(found, std::string::npos) << name;
      bytes[found] = 'x';
      if (!all) break;
    }
    const auto binary = Open(bytes);
    ASSERT_TRUE(binary.ok()) << binary.status();
    EXPECT_EQ((*binary)->FunctionAt(0x401000)->name, "main.main");
    EXPECT_EQ((*binary)->build_info().version, "go1.26.0");
  }
}

// Whatever a damaged file holds, what is read is within it.
TEST(GoBinary, EveryByteChanged) {
  testing::FakeProgram program = SmallProgram();
  const uint64_t number = program.AddType(TypeKind{2}, "int", 8);
  const uint64_t type = program.AddStruct("main.T", "main", 8, {{0, number}});
  const std::string whole = program.Build();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char flip : {'\xff', '\x01', '\x80'}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      const auto binary = Open(bytes);
      if (!binary.ok()) continue;
      for (uint64_t address = 0x401000; address < 0x401100; address += 0x40) {
        const std::optional<Function> function = (*binary)->FunctionAt(address);
        if (function) {
          EXPECT_LE(function->name.size(), whole.size());
        }
      }
      if (const auto found = TypeAt(**binary, type)) FieldAt(**binary, *found, 0);
    }
  }
}

}  // namespace
}  // namespace tidemark::golang
