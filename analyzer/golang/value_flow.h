// Where the values in a function's registers come from, at every call in it: a constant (the
// address of a type), what the function was called with, what some instruction made, or what
// is in memory that one of these points to.
//
// The idea is that of constant propagation over the control flow graph, with a name for every
// value instead of "not a constant": an instruction whose result is not followed defines a new
// value, named by its address; where paths with different values meet, a new value begins. Two
// equal names are the same value (of the same round of a loop). Stack slots are followed as
// registers are, for the compiler spills to them; what calls do to a slot through its address
// is not seen.
//
// Thread class: pure function, given one Decoder per thread. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_GOLANG_VALUE_FLOW_H_
#define TIDEMARK_ANALYZER_GOLANG_VALUE_FLOW_H_

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/golang/machine_code.h"

namespace tidemark::golang {

// A root, then `loads` times "add the offset, load 8 bytes", then the last offset added.
struct Value {
  enum class Root : uint8_t {
    kUnknown,
    kConstant,  // `root`
    kEntry,     // what `reg` was when the function was entered
    kStack,     // what the stack pointer was then
    kDefined,   // what the instruction at `root` left in `reg`
    kMet,       // what was in `reg` where paths met, at `root`
  };
  static constexpr int kMostLoads = 3;

  Root kind = Root::kUnknown;
  Register reg = kNoRegister;
  uint8_t loads = 0;
  std::array<int32_t, kMostLoads + 1> offsets = {};  // of constants the first is in `root`
  uint64_t root = 0;

  friend bool operator==(const Value&, const Value&) = default;
  bool is_constant() const { return kind == Root::kConstant && loads == 0; }
  // What the instruction at `address` left in `reg`, unchanged.
  bool IsResult(uint64_t address, Register result) const {
    return *this == Defined(address, result);
  }
  static Value Constant(uint64_t value) { return {.kind = Root::kConstant, .root = value}; }
  static Value Entry(Register reg) { return {.kind = Root::kEntry, .reg = reg}; }
  static Value Defined(uint64_t address, Register reg) {
    return {.kind = Root::kDefined, .reg = reg, .root = address};
  }
  static Value Met(uint64_t address, Register reg) {
    return {.kind = Root::kMet, .reg = reg, .root = address};
  }
};

struct CallRecord {
  uint64_t address = 0;                   // of the instruction
  uint64_t return_address = 0;            // after it
  uint64_t target = 0;                    // 0: not a direct call
  std::array<Value, kRdx + 1> registers;  // before it: arguments, and a closure's context
};

// The 8 bytes at `base` + `offset` became `stored`, by the instruction at `address`.
struct StoreRecord {
  uint64_t address = 0;
  Value base;
  int64_t offset = 0;
  Value stored;
};

struct FunctionFlow {
  std::vector<CallRecord> calls;    // by return_address
  std::vector<StoreRecord> stores;  // by address
  std::vector<std::array<Value, kArgumentRegisters>> returns;

  const CallRecord* CallReturningTo(uint64_t return_address) const;
};

// What the function called does besides what functions do, which is to leave nothing in any
// register.
enum class CallEffect : uint8_t {
  kOrdinary,
  kNone,      // keeps all registers: stack growth
  kBarrier,   // keeps all but R11, its result: write barriers
  kBlock,     // keeps all but those for copying: duffzero, duffcopy
  kNoReturn,  // panics
};

struct FlowQuery {
  uint64_t entry = 0;
  absl::Span<const uint8_t> code;
  std::function<CallEffect(uint64_t target)> effect;
  // The pointer at an address, 0 when there is none: for jump tables.
  std::function<uint64_t(uint64_t address)> pointer;
};

// In a function of very many parts each is looked at alone; code of more than
// kMostFunctionBytes is not looked at.
FunctionFlow FollowValues(Decoder& decoder, const FlowQuery& query);

inline constexpr uint64_t kMostFunctionBytes = uint64_t{4} << 20;

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_VALUE_FLOW_H_
