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
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/golang/machine_code.h"

namespace tidemark::golang {

// A root, then `loads` times "add the offset, load 8 bytes", then the last offset added.
struct Value {
  enum class Root : uint8_t {
    kUnknown,
    kConstant,   // `root`
    kEntry,      // what `reg` was when the function was entered
    kStack,      // what the stack pointer was then
    kDefined,    // what the instruction at `root` left in `reg`
    kMet,        // what was in `reg` where paths met, at `root`
    kMetInSlot,  // the stack when paths met, at `root`: the first offset is of a slot in it
  };
  static constexpr int kMostLoads = 3;

  Root kind = Root::kUnknown;
  Register reg = kNoRegister;
  uint8_t loads = 0;
  std::array<int32_t, kMostLoads + 1> offsets = {};  // of constants the first is in `root`
  uint64_t root = 0;

  friend bool operator==(const Value&, const Value&) = default;
  bool is_constant() const { return kind == Root::kConstant && loads == 0; }
  static Value Constant(uint64_t value) { return {.kind = Root::kConstant, .root = value}; }
  static Value Entry(Register reg) { return {.kind = Root::kEntry, .reg = reg}; }
  static Value Defined(uint64_t address, Register reg) {
    return {.kind = Root::kDefined, .reg = reg, .root = address};
  }
  static Value Met(uint64_t address, Register reg) {
    return {.kind = Root::kMet, .reg = reg, .root = address};
  }
  static Value MetInSlot(uint64_t address, int32_t slot) {
    return {.kind = Root::kMetInSlot, .loads = 1, .offsets = {slot}, .root = address};
  }
};

// `value` + `number`, and the 8 bytes that `place` points to, where they have a name.
std::optional<Value> Plus(Value value, int64_t number);
std::optional<Value> Loaded(Value place);

struct CallRecord {
  uint64_t address = 0;                   // of the instruction
  uint64_t return_address = 0;            // after it
  uint64_t target = 0;                    // 0: not a direct call
  std::array<Value, kRdx + 1> registers;  // before it: arguments, and a closure's context
};

// The 8 bytes at `base` + `scale` * `index` + `offset` became `stored`, by the instruction at
// `address`.
struct StoreRecord {
  uint64_t address = 0;
  Value base;
  Value index;  // kUnknown: none
  int scale = 0;
  int64_t offset = 0;
  Value stored;
};

// Where paths meet, `met` may be `from`.
struct MergeRecord {
  Value from;
  Value met;
};

struct FunctionFlow {
  std::vector<CallRecord> calls;    // by return_address
  std::vector<StoreRecord> stores;  // by address
  std::vector<MergeRecord> merges;  // of what calls returned, and of what met before
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
