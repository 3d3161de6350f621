// x86-64 machine code of one function, decoded into the few kinds of steps that tell where a
// value in a register comes from.
//
// Thread class: one thread at a time per Decoder. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_GOLANG_MACHINE_CODE_H_
#define TIDEMARK_ANALYZER_GOLANG_MACHINE_CODE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"

namespace tidemark::golang {

// General registers, those of arguments and results first, in the order in which Go's calling
// convention (ABIInternal) hands them out.
enum Register : uint8_t {
  kRax,
  kRbx,
  kRcx,
  kRdi,
  kRsi,
  kR8,
  kR9,
  kR10,
  kR11,
  kRdx,  // a closure's context
  kRbp,
  kRsp,
  kR12,
  kR13,
  kR14,
  kR15,
  kRegisters,
  kNoRegister = kRegisters
};
inline constexpr int kArgumentRegisters = 9;

enum class StepKind : uint8_t {
  kOther,          // nothing but what `clobbered` says
  kMove,           // target = source
  kConstant,       // target = number
  kAddress,        // target = base + number
  kLoad,           // target = the 8 bytes at base + number
  kStore,          // the 8 bytes at base + number = source
  kStoreConstant,  // the 8 bytes at base + number = constant
  kOverwrite,      // `size` bytes at base + number become something
  kPush,           // source, may be kNoRegister
  kPop,            // target
  kCall,           // of the function at number
  kCallIndirect,
  kJump,       // to number
  kBranch,     // to number, or on
  kJumpTable,  // to one of the addresses at base + number, base + number + 8…
  kReturn,
  kStop  // never goes on
};

struct Step {
  uint64_t address = 0;
  int64_t number = 0;
  int32_t constant = 0;
  uint16_t clobbered = 0;  // bits of registers that become something, besides target
  StepKind kind = StepKind::kOther;
  Register target = kNoRegister;
  Register source = kNoRegister;
  Register base = kNoRegister;   // kNoRegister: `number` is the whole address
  Register index = kNoRegister;  // of stores: `scale` times it is added to the address
  uint8_t scale = 0;
  uint8_t length = 0;  // of the instruction, bytes
  uint8_t size = 0;
};

class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // The steps of the code at `address`, one for each instruction, in order; of bytes that are
  // no instruction, none. Other than a store with an address that depends on two registers is
  // kOther, or kOverwrite with base kNoRegister and size 0.
  std::vector<Step> Decode(absl::Span<const uint8_t> code, uint64_t address);

 private:
  size_t engine_ = 0;  // capstone's handle; 0: none
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_MACHINE_CODE_H_
