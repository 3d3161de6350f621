#include "analyzer/golang/value_flow.h"

#include <map>
#include <string>

#include "analyzer/golang/testing.h"
#include "gtest/gtest.h"

namespace tidemark::golang {
namespace {

using testing::Assembler;

constexpr uint64_t kEntry = 0x401000;
constexpr uint64_t kCallee = 0x402000;
constexpr uint64_t kPanic = 0x403000;
constexpr uint64_t kMoreStack = 0x404000;
constexpr uint64_t kType = 0x500000;
constexpr uint64_t kOther = 0x500100;

FunctionFlow Follow(const Assembler& code, const std::map<uint64_t, uint64_t>& memory = {}) {
  Decoder decoder;
  FlowQuery query;
  query.entry = kEntry;
  query.code = {reinterpret_cast<const uint8_t*>(code.code().data()), code.code().size()};
  query.effect = [](uint64_t target) {
    if (target == kPanic) return CallEffect::kNoReturn;
    return target == kMoreStack ? CallEffect::kNone : CallEffect::kOrdinary;
  };
  query.pointer = [&](uint64_t address) {
    const auto it = memory.find(address);
    return it == memory.end() ? uint64_t{0} : it->second;
  };
  return FollowValues(decoder, query);
}

// Of the last call.
Value Argument(const FunctionFlow& flow, Register reg) {
  EXPECT_FALSE(flow.calls.empty());
  return flow.calls.empty() ? Value() : flow.calls.back().registers[reg];
}

TEST(ValueFlow, ConstantsThroughRegisters) {
  Assembler code(kEntry);
  code.Lea(kRcx, kType).Move(kR9, kRcx).Move(kRax, kR9);
  code.Bytes({0xbb, 5, 0, 0, 0});        // mov ebx, 5
  code.Bytes({0x45, 0x31, 0xc0});        // xor r8d, r8d
  code.Bytes({0x48, 0x8d, 0x78, 8});     // lea rdi, [rax+8]
  code.Bytes({0x4c, 0x0f, 0xb6, 0xd3});  // movzx r10, bl
  code.Call(kCallee).Return();
  const FunctionFlow flow = Follow(code);
  ASSERT_EQ(flow.calls.size(), 1u);
  EXPECT_EQ(flow.calls[0].target, kCallee);
  EXPECT_EQ(flow.CallReturningTo(flow.calls[0].return_address), &flow.calls[0]);
  EXPECT_EQ(flow.CallReturningTo(flow.calls[0].return_address - 1), nullptr);
  EXPECT_EQ(Argument(flow, kRax), Value::Constant(kType));
  EXPECT_EQ(Argument(flow, kRbx), Value::Constant(5));
  EXPECT_EQ(Argument(flow, kR8), Value::Constant(0));
  EXPECT_EQ(Argument(flow, kRdi), Value::Constant(kType + 8));
  EXPECT_FALSE(Argument(flow, kR10).is_constant());
  EXPECT_EQ(Argument(flow, kRsi), Value::Entry(kRsi));
}

// A compiler may load the type long before, and keep it in the stack over calls.
TEST(ValueFlow, SpilledOverACall) {
  Assembler code(kEntry);
  code.SubtractFromStack(0x20).Lea(kRax, kType).Store(kRsp, 8, kRax).Call(kCallee);
  const uint64_t result_of = code.here() - 5;
  code.Load(kRcx, kRsp, 8).Move(kRbx, kRax).Call(kCallee).Return();
  const FunctionFlow flow = Follow(code);
  EXPECT_EQ(Argument(flow, kRcx), Value::Constant(kType));
  EXPECT_EQ(Argument(flow, kRbx), Value::Defined(result_of, kRax));
  EXPECT_EQ(Argument(flow, kRdi), Value::Defined(result_of, kRdi));
}

TEST(ValueFlow, OverwrittenSlot) {
  Assembler code(kEntry);
  code.SubtractFromStack(0x20).Lea(kRax, kType).Store(kRsp, 8, kRax);
  code.Bytes({0x44, 0x0f, 0x11, 0x7c, 0x24, 4});  // movups [rsp+4], xmm15
  code.Load(kRax, kRsp, 8).Call(kCallee).Return();
  EXPECT_FALSE(Argument(Follow(code), kRax).is_constant());
}

// Both ways set RAX, to the same or not; the nearest LEA before the call would be wrong.
TEST(ValueFlow, WherePathsMeet) {
  for (const bool are_same : {true, false}) {
    Assembler code(kEntry);
    code.Bytes({0x48, 0x85, 0xdb});  // test rbx, rbx
    code.JumpIfEqual(kEntry + 3 + 6 + 7 + 5);
    code.Lea(kRax, are_same ? kType : kOther).Jump(kEntry + 3 + 6 + 7 + 5 + 7);
    code.Lea(kRax, kType);
    const uint64_t meeting = code.here();
    code.Call(kCallee).Return();
    const FunctionFlow flow = Follow(code);
    EXPECT_EQ(Argument(flow, kRax), are_same ? Value::Constant(kType) : Value::Met(meeting, kRax));
    EXPECT_EQ(Argument(flow, kRcx), Value::Entry(kRcx));
  }
}

// The second round of the loop has another value.
TEST(ValueFlow, Loop) {
  Assembler code(kEntry);
  code.Lea(kRbx, kType).Lea(kR12, kOther);
  const uint64_t head = code.here();
  code.Move(kRax, kRbx).Call(kCallee).Lea(kRbx, kOther).Lea(kR12, kOther);
  code.JumpIfEqual(head).Return();
  const FunctionFlow flow = Follow(code);
  EXPECT_EQ(Argument(flow, kRax), Value::Met(head, kRbx));
}

TEST(ValueFlow, ResultThatMeetsAnother) {
  Assembler code(kEntry);
  const uint64_t made = code.here();
  code.Call(kCallee).JumpIfEqual(kEntry + 5 + 6 + 3).Move(kRax, kR14);
  const uint64_t meeting = code.here();
  code.Call(kCallee).Return();
  const FunctionFlow flow = Follow(code);
  ASSERT_EQ(flow.merges.size(), 1u);
  EXPECT_EQ(flow.merges[0].from, Value::Defined(made, kRax));
  EXPECT_EQ(flow.merges[0].met, Value::Met(meeting, kRax));
}

// The stack check at a function's beginning comes back to it with the arguments restored, and
// code after a panic is never reached.
TEST(ValueFlow, StackGrowthAndPanics) {
  Assembler code(kEntry);
  const uint64_t panic = kEntry + 6 + 6 + 5 + 1;
  const uint64_t growth = panic + 5;
  code.JumpIfEqual(growth).JumpIfEqual(panic).Call(kCallee).Return().Call(kPanic);
  ASSERT_EQ(code.here(), growth);
  code.Store(kRsp, 8, kRax).Call(kMoreStack).Load(kRax, kRsp, 8).Jump(kEntry);
  const FunctionFlow flow = Follow(code);
  ASSERT_EQ(flow.calls.size(), 3u);
  EXPECT_EQ(flow.calls[0].target, kCallee);
  EXPECT_EQ(flow.calls[0].registers[kRax], Value::Entry(kRax));
  EXPECT_EQ(flow.calls[0].registers[kRbx], Value::Entry(kRbx));
}

TEST(ValueFlow, MemoryBehindArguments) {
  Assembler code(kEntry);
  code.Load(kRax, kRax, 0x18).Load(kRax, kRax, 8);
  code.Bytes({0x48, 0x8d, 0x58, 4});  // lea rbx, [rax+4]
  code.Call(kCallee).Return();
  const FunctionFlow flow = Follow(code);
  Value expected = Value::Entry(kRax);
  expected.loads = 2;
  expected.offsets = {0x18, 8, 0, 0};
  EXPECT_EQ(Argument(flow, kRax), expected);
  expected.offsets = {0x18, 8, 4, 0};
  EXPECT_EQ(Argument(flow, kRbx), expected);
}

TEST(ValueFlow, Stores) {
  Assembler code(kEntry);
  code.SubtractFromStack(0x28).Call(kCallee);
  const Value result = Value::Defined(code.here() - 5, kRax);
  code.Lea(kRcx, kType).Store(kRsp, 0x10, kRcx).Store(kRbx, 0x18, kRax);
  code.Bytes({0x48, 0x89, 0x44, 0xf3, 0x10});  // mov [rbx+rsi*8+0x10], rax
  code.Return();
  const FunctionFlow flow = Follow(code);
  ASSERT_EQ(flow.stores.size(), 3u);
  EXPECT_EQ(flow.stores[0].stored, Value::Constant(kType));
  EXPECT_EQ(flow.stores[0].offset, 0x10);
  EXPECT_EQ(flow.stores[1].stored, result);
  EXPECT_EQ(flow.stores[1].base, Value::Defined(result.root, kRbx));
  EXPECT_EQ(flow.stores[2].index, Value::Defined(result.root, kRsi));
  EXPECT_EQ(flow.stores[2].scale, 8);
  ASSERT_EQ(flow.returns.size(), 1u);
  EXPECT_EQ(flow.returns[0][kRax], result);
}

// switch: a table of addresses, known or not.
TEST(ValueFlow, JumpTable) {
  for (const bool is_known : {true, false}) {
    Assembler code(kEntry);
    code.Lea(kRax, kOther).Lea(kRdx, kType);
    if (!is_known)
      code.Load(kRdx, kRdx, 0).Load(kRdx, kRdx, 0).Load(kRdx, kRdx, 0).Load(kRdx, kRdx, 0);
    code.Bytes({0xff, 0x24, 0xca});  // jmp [rdx+rcx*8]
    const uint64_t target = code.here();
    code.Call(kCallee).Return();
    const FunctionFlow flow = Follow(code, {{kType, target}, {kType + 8, kEntry}});
    ASSERT_EQ(flow.calls.size(), 1u);
    EXPECT_EQ(Argument(flow, kRax).is_constant(), is_known);
  }
}

// Very many parts: each is looked at alone.
TEST(ValueFlow, LargeFunction) {
  Assembler code(kEntry);
  for (int i = 0; i < 30000; ++i) code.JumpIfEqual(kEntry);
  code.Lea(kRbx, kType).JumpIfEqual(kEntry).Lea(kRax, kType).Call(kCallee).Return();
  const FunctionFlow flow = Follow(code);
  EXPECT_EQ(Argument(flow, kRax), Value::Constant(kType));
  EXPECT_FALSE(Argument(flow, kRbx).is_constant());
}

TEST(ValueFlow, WhatIsNoCode) {
  EXPECT_TRUE(Follow(Assembler(kEntry)).calls.empty());
  Assembler code(kEntry);
  code.Bytes({0x06, 0x0f, 0xff, 0xff, 0xff, 0x62, 0xf1, 0xe8});
  Follow(code);
}

}  // namespace
}  // namespace tidemark::golang
