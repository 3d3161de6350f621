#include "analyzer/golang/call_site.h"

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/golang/testing.h"
#include "gtest/gtest.h"

namespace tidemark::golang {
namespace {

using testing::Assembler;
using testing::FakeProgram;

const char* Word(AllocationKind kind) {
  constexpr const char* kWords[] = {"map", "slice", "string", "channel", "object", "closure"};
  return kWords[static_cast<int>(kind)];
}
const char* Word(AllocationStep step) {
  constexpr const char* kWords[] = {"", "create", "grow", "insert", "copy"};
  return kWords[static_cast<int>(step)];
}

// Calls of a made-up program.
class CallSiteTest : public ::testing::Test {
 protected:
  CallSiteTest() {
    text_ = program_.AddType(TypeKind::kString, "string", 16);
    number_ = program_.AddType(TypeKind{2}, "int", 8);
    map_ = program_.AddMap("map[string]int", text_, number_);
    rec_ = program_.AddStruct("store.Rec", "example.com/app/store", 24,
                              {{0, number_}, {8, map_}, {16, number_}});
    makemap_small_ = program_.AddFunction("runtime.makemap_small");
    mapassign_ = program_.AddFunction("runtime.mapassign_faststr");
    newobject_ = program_.AddFunction("runtime.newobject");
    growslice_ = program_.AddFunction("runtime.growslice");
    mallocgc_ = program_.AddFunction("runtime.mallocgc");
    convt64_ = program_.AddFunction("runtime.convT64");
  }

  Assembler Next() const { return Assembler(program_.NextFunction()); }

  // "map map[string]int create"; for a stack of return addresses.
  std::string At(const std::vector<uint64_t>& stack) {
    auto image = ElfImage::FromBytes(program_.Build(), "test");
    EXPECT_TRUE(image.ok()) << image.status();
    auto binary = GoBinary::FromImage(*std::move(image));
    EXPECT_TRUE(binary.ok()) << binary.status();
    CallSites sites(**binary);
    const std::optional<Allocation> found = sites.AllocationAt(stack);
    // Answers are kept.
    const std::optional<Allocation> again = sites.AllocationAt(stack);
    EXPECT_EQ(found.has_value(), again.has_value());
    if (!found) return "none";
    EXPECT_EQ(found->type, again->type);
    return absl::StrCat(Word(found->kind), " ", found->type, " ", Word(found->step),
                        found->is_inferred ? " inferred" : "");
  }

  FakeProgram program_;
  uint64_t text_, number_, map_, rec_;
  uint64_t makemap_small_, mapassign_, newobject_, growslice_, mallocgc_, convt64_;
};

TEST_F(CallSiteTest, TypeInTheRegisterOfTheVersion) {
  Assembler code = Next();
  code.Lea(kRax, number_).Lea(kRsi, rec_).Call(growslice_);
  const uint64_t here = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "slice []store.Rec grow");
  program_.is_1_20 = false;
  EXPECT_EQ(At({here}), "slice []int grow");
  program_.is_relocated = true;
  EXPECT_EQ(At({here}), "slice []int grow");
}

TEST_F(CallSiteTest, WhatIsNoCallOfTheRunTime) {
  Assembler code = Next();
  code.Lea(kRax, rec_).Call(code.here() + 7);
  const uint64_t own = code.here();
  code.Bytes({0xff, 0xd0});  // call rax
  const uint64_t indirect = code.here();
  code.Call(newobject_ + 1);
  const uint64_t within = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({own}), "none");
  EXPECT_EQ(At({indirect}), "none");
  EXPECT_EQ(At({within}), "none");
  EXPECT_EQ(At({within - 1}), "none");
  EXPECT_EQ(At({0x1234}), "none");
  EXPECT_EQ(At({~uint64_t{0}}), "none");
  EXPECT_EQ(At({0}), "none");
  EXPECT_EQ(At({}), "none");
}

TEST_F(CallSiteTest, AnotherMachine) {
  Assembler code = Next();
  code.Lea(kRax, rec_).Call(newobject_);
  const uint64_t here = code.here();
  program_.AddFunction("main.f", code.Return().code());
  std::string bytes = program_.Build();
  bytes[18] = '\xb7';  // e_machine: aarch64
  bytes[19] = 0;
  auto image = ElfImage::FromBytes(bytes, "test");
  ASSERT_TRUE(image.ok());
  const auto binary = GoBinary::FromImage(*std::move(image));
  ASSERT_TRUE(binary.ok());
  EXPECT_FALSE(CallSites(**binary).AllocationAt({here}));
}

TEST_F(CallSiteTest, UnknownFunctionOfTheRunTime) {
  const uint64_t unknown = program_.AddFunction("runtime.something");
  Assembler code = Next();
  code.Call(unknown);
  const uint64_t here = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "object  create");
}

// Where there are the run time's frames, the outermost tells what is made, growth what happens.
TEST_F(CallSiteTest, FramesOfTheRunTime) {
  Assembler grow = Next();
  grow.Lea(kRax, rec_).Call(newobject_);
  const uint64_t in_grow = grow.here();
  const uint64_t grow_at = program_.AddFunction("runtime.hashGrow", grow.Return().code());
  const uint64_t in_assign = mapassign_ + 1;  // its code does not matter
  Assembler code = Next();
  code.Lea(kRax, map_).Call(mapassign_);
  const uint64_t here = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({in_grow, in_assign, here}), "map map[string]int grow");
  EXPECT_EQ(At({here}), "map map[string]int insert");
  EXPECT_EQ(At({in_grow}), "object store.Rec create");
  EXPECT_NE(grow_at, 0u);
}

// A function that is handed the type, in a register or in a dictionary.
TEST_F(CallSiteTest, TypeOfTheCaller) {
  Assembler inner = Next();
  inner.Move(kRcx, kRbx).Move(kRax, kRcx).Call(newobject_);
  const uint64_t in_inner = inner.here();
  const uint64_t inner_at = program_.AddFunction("store.New[...]", inner.Return().code());
  Assembler outer = Next();
  outer.Lea(kRbx, rec_).Call(inner_at);
  const uint64_t in_outer = outer.here();
  program_.AddFunction("main.f", outer.Return().code());
  Assembler other = Next();
  other.Lea(kRbx, rec_).Call(newobject_);
  const uint64_t in_other = other.here();
  program_.AddFunction("main.g", other.Return().code());
  EXPECT_EQ(At({in_inner, in_outer}), "object store.Rec create");
  EXPECT_EQ(At({in_inner}), "object  create");
  EXPECT_EQ(At({in_inner, in_other}), "object  create");  // another was called there
  EXPECT_EQ(At({in_inner, in_inner, in_inner}), "object  create");
}

TEST_F(CallSiteTest, TypeOfAMapFromAnInsertion) {
  Assembler code = Next();
  code.SubtractFromStack(0x20).Call(makemap_small_);
  const uint64_t here = code.here();
  code.Store(kRsp, 8, kRax).Lea(kRax, map_).Load(kRbx, kRsp, 8).Call(mapassign_);
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "map map[string]int create inferred");
}

TEST_F(CallSiteTest, TypeOfAMapFromAField) {
  Assembler code = Next();
  code.SubtractFromStack(0x20).Lea(kRax, rec_).Call(newobject_).Store(kRsp, 8, kRax);
  code.Call(makemap_small_);
  const uint64_t here = code.here();
  code.Load(kRcx, kRsp, 8).Store(kRcx, 8, kRax);
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "map map[string]int create inferred");
}

TEST_F(CallSiteTest, TypeOfAMapFromItsCallerAndCallee) {
  Assembler make = Next();
  make.Call(makemap_small_);
  const uint64_t in_make = make.here();
  const uint64_t make_at = program_.AddFunction("main.make", make.Return().code());
  Assembler fill = Next();
  fill.Move(kRbx, kRcx).Lea(kRax, map_).Call(mapassign_);
  const uint64_t fill_at = program_.AddFunction("main.fill", fill.Return().code());
  Assembler code = Next();
  code.Call(make_at);
  const uint64_t here = code.here();
  code.Move(kRcx, kRax).Call(fill_at);
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({in_make, here}), "map map[string]int create inferred");
  EXPECT_EQ(At({in_make}), "map  create inferred");
}

TEST_F(CallSiteTest, ContradictingUsesTellNothing) {
  const uint64_t other = program_.AddMap("map[int]int", number_, number_);
  Assembler code = Next();
  code.SubtractFromStack(0x20).Call(makemap_small_);
  const uint64_t here = code.here();
  code.Store(kRsp, 8, kRax);
  for (const uint64_t map : {map_, other}) {
    code.Lea(kRax, map).Load(kRbx, kRsp, 8).Call(mapassign_);
  }
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "map  create inferred");
}

TEST_F(CallSiteTest, ValueInAnInterface) {
  Assembler code = Next();
  code.SubtractFromStack(0x28).Call(convt64_);
  const uint64_t here = code.here();
  code.Lea(kRcx, number_).Store(kRsp, 0x10, kRcx).Store(kRsp, 0x18, kRax);
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "object int copy inferred");
}

// The compiler puts variables without pointers together, and copies slices of such.
TEST_F(CallSiteTest, MemoryWithoutAType) {
  Assembler code = Next();
  code.Bytes({0xb8, 16, 0, 0, 0, 0x31, 0xdb, 0xb9, 1, 0, 0, 0}).Call(mallocgc_);
  const uint64_t variables = code.here();
  code.Bytes({0x31, 0xdb, 0x31, 0xc9}).Call(mallocgc_);
  const uint64_t copy = code.here();
  code.Lea(kRbx, rec_).Call(mallocgc_);
  const uint64_t typed = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({variables}), "object  create");
  EXPECT_EQ(At({copy}), "slice  copy");
  EXPECT_EQ(At({typed}), "object store.Rec create");
}

TEST_F(CallSiteTest, ClosuresAndArrays) {
  const uint64_t closure = program_.AddStruct("struct { F uintptr; X0 int }", "", 16, {});
  const uint64_t array = program_.AddType(TypeKind::kArray, "[3]store.Rec", 72, 0, rec_);
  const uint64_t named = program_.AddType(TypeKind::kArray, "store.Table", 72, 0, rec_);
  std::vector<uint64_t> calls;
  Assembler code = Next();
  for (const uint64_t type : {closure, array, named}) {
    code.Lea(kRax, type).Call(newobject_);
    calls.push_back(code.here());
  }
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({calls[0]}), "closure struct { F uintptr; X0 int } create");
  EXPECT_EQ(At({calls[1]}), "slice [3]store.Rec create");
  EXPECT_EQ(At({calls[2]}), "object store.Table create");
}

// The address of something else than a map where a map's type should be says nothing.
TEST_F(CallSiteTest, TypeOfAnotherKind) {
  Assembler code = Next();
  code.Lea(kRax, rec_).Call(mapassign_);
  const uint64_t here = code.here();
  program_.AddFunction("main.f", code.Return().code());
  EXPECT_EQ(At({here}), "map  insert");
}

// Whatever bytes a file has, there is an answer, or none.
TEST_F(CallSiteTest, RandomDamage) {
  Assembler code = Next();
  code.SubtractFromStack(0x20).Lea(kRax, rec_).Call(newobject_).Store(kRsp, 8, kRax);
  code.Call(makemap_small_);
  const uint64_t here = code.here();
  code.Load(kRcx, kRsp, 8).Store(kRcx, 8, kRax).Lea(kRax, map_).Call(mapassign_);
  program_.AddFunction("main.f", code.Return().code());
  const std::string whole = program_.Build();
  std::mt19937 random(11);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = whole;
    for (uint32_t n = 1 + random() % 4; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    auto image = ElfImage::FromBytes(bytes, "test");
    if (!image.ok()) continue;
    auto binary = GoBinary::FromImage(*std::move(image));
    if (!binary.ok()) continue;
    CallSites sites(**binary);
    sites.AllocationAt({here, here, mapassign_ + 1});
    sites.AllocationAt({mapassign_ + 1, here});
  }
}

}  // namespace
}  // namespace tidemark::golang
