#include "analyzer/golang/machine_code.h"

#include <capstone/capstone.h>

#include <algorithm>
#include <array>

#include "absl/cleanup/cleanup.h"

namespace tidemark::golang {
namespace {

static_assert(sizeof(csh) <= sizeof(size_t));

struct RegisterPart {
  Register whole = kNoRegister;
  uint8_t bytes = 0;
};

struct RegisterNames {
  x86_reg b8, b4, b2, b1, high;
};
constexpr RegisterNames kNames[kRegisters] = {
    {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
    {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
    {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
    {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, X86_REG_INVALID},
    {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, X86_REG_INVALID},
    {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, X86_REG_INVALID},
    {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, X86_REG_INVALID},
    {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, X86_REG_INVALID},
    {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, X86_REG_INVALID},
    {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
    {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, X86_REG_INVALID},
    {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, X86_REG_INVALID},
    {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, X86_REG_INVALID},
    {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, X86_REG_INVALID},
    {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, X86_REG_INVALID},
    {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, X86_REG_INVALID},
};

// By capstone's number.
using RegisterTable = std::array<RegisterPart, X86_REG_ENDING>;

RegisterTable MakeRegisterTable() {
  RegisterTable table = {};
  for (int i = 0; i < kRegisters; ++i) {
    const auto whole = static_cast<Register>(i);
    table[kNames[i].b8] = {whole, 8};
    table[kNames[i].b4] = {whole, 4};
    table[kNames[i].b2] = {whole, 2};
    table[kNames[i].b1] = {whole, 1};
    table[kNames[i].high] = {whole, 1};
  }
  table[X86_REG_INVALID] = {};
  return table;
}

RegisterPart PartOf(unsigned reg) {
  static const RegisterTable table = MakeRegisterTable();
  return reg < table.size() ? table[reg] : RegisterPart();
}

Register Whole64(const cs_x86_op& operand) {
  if (operand.type != X86_OP_REG) return kNoRegister;
  const RegisterPart part = PartOf(operand.reg);
  return part.bytes == 8 ? part.whole : kNoRegister;
}

uint16_t Bit(Register reg) {
  return reg == kNoRegister ? uint16_t{0} : static_cast<uint16_t>(1u << reg);
}

// Which only read their first operand.
bool OnlyReads(unsigned id) {
  switch (id) {
    case X86_INS_CMP:
    case X86_INS_TEST:
    case X86_INS_BT:
    case X86_INS_NOP:
    case X86_INS_PREFETCHNTA:
    case X86_INS_PREFETCHT0:
    case X86_INS_PREFETCHT1:
    case X86_INS_PREFETCHT2:
    case X86_INS_UCOMISD:
    case X86_INS_UCOMISS:
    case X86_INS_COMISD:
    case X86_INS_COMISS:
      return true;
    default:
      return false;
  }
}

bool WritesAllOperands(unsigned id) {
  return id == X86_INS_XCHG || id == X86_INS_XADD || id == X86_INS_CMPXCHG || id == X86_INS_MULX;
}

class Translation {
 public:
  Translation(csh engine, const cs_insn& instruction)
      : engine_(engine), instruction_(instruction), x86_(instruction.detail->x86) {
    step_.address = instruction.address;
    step_.length = static_cast<uint8_t>(instruction.size);
  }

  Step Run() {
    if (ControlFlow() || Stack() || Data()) {
      step_.clobbered &= static_cast<uint16_t>(~Bit(step_.target));
      return step_;
    }
    Clobber();
    if (x86_.op_count > 0 && x86_.operands[0].type == X86_OP_MEM && !OnlyReads(instruction_.id)) {
      step_.kind = StepKind::kOverwrite;
      step_.size = Place(x86_.operands[0]) ? x86_.operands[0].size : uint8_t{0};
    }
    return step_;
  }

 private:
  bool ControlFlow() {
    switch (instruction_.id) {
      case X86_INS_CALL:
        step_.kind = TakeTarget() ? StepKind::kCall : StepKind::kCallIndirect;
        return true;
      case X86_INS_JMP:
        if (TakeTarget()) {
          step_.kind = StepKind::kJump;
          return true;
        }
        step_.kind = StepKind::kJumpTable;
        TakeTable();
        return true;
      case X86_INS_RET:
        step_.kind = StepKind::kReturn;
        return true;
      case X86_INS_UD2:
      case X86_INS_HLT:
      case X86_INS_INT3:
        step_.kind = StepKind::kStop;
        return true;
      default:
        break;
    }
    if (!cs_insn_group(engine_, &instruction_, CS_GRP_JUMP) || !TakeTarget()) return false;
    step_.kind = StepKind::kBranch;
    return true;
  }

  bool TakeTarget() {
    if (x86_.op_count != 1 || x86_.operands[0].type != X86_OP_IMM) return false;
    step_.number = x86_.operands[0].imm;
    return true;
  }

  // jmp [base + index * 8 + number]; without a base, the table is not known.
  void TakeTable() {
    const cs_x86_op& operand = x86_.operands[0];
    if (x86_.op_count != 1 || operand.type != X86_OP_MEM || operand.mem.scale != 8 ||
        PartOf(operand.mem.index).bytes != 8 || PartOf(operand.mem.base).bytes != 8) {
      return;
    }
    step_.base = PartOf(operand.mem.base).whole;
    step_.number = operand.mem.disp;
  }

  bool Stack() {
    switch (instruction_.id) {
      case X86_INS_PUSH:
        step_.kind = StepKind::kPush;
        step_.source = Whole64(x86_.operands[0]);
        return true;
      case X86_INS_POP:
        if (Whole64(x86_.operands[0]) == kNoRegister) return false;
        step_.kind = StepKind::kPop;
        step_.target = Whole64(x86_.operands[0]);
        return true;
      default:
        return false;
    }
  }

  bool Data() {
    if (x86_.op_count != 2) return false;
    const cs_x86_op& to = x86_.operands[0];
    const cs_x86_op& from = x86_.operands[1];
    switch (instruction_.id) {
      case X86_INS_MOV:
      case X86_INS_MOVABS:
        if (to.type == X86_OP_MEM) return Store(to, from);
        return from.type == X86_OP_IMM ? Constant(to, from.imm) : Fetch(to, from);
      case X86_INS_LEA:
        if (Whole64(to) == kNoRegister || !Place(from)) return false;
        step_.kind = StepKind::kAddress;
        step_.target = Whole64(to);
        return true;
      case X86_INS_XOR:
        return to.type == X86_OP_REG && from.type == X86_OP_REG && to.reg == from.reg &&
               Constant(to, 0);
      case X86_INS_ADD:
      case X86_INS_SUB:
        if (Whole64(to) == kNoRegister || from.type != X86_OP_IMM) return false;
        step_.kind = StepKind::kAddress;
        step_.target = step_.base = Whole64(to);
        step_.number = from.imm;
        if (instruction_.id == X86_INS_SUB) {
          step_.number = static_cast<int64_t>(0 - static_cast<uint64_t>(from.imm));
        }
        return true;
      default:
        return false;
    }
  }

  // A 32-bit constant fills the upper half with zeros.
  bool Constant(const cs_x86_op& to, int64_t value) {
    if (to.type != X86_OP_REG) return false;
    const RegisterPart part = PartOf(to.reg);
    if (part.bytes != 8 && part.bytes != 4) return false;
    step_.kind = StepKind::kConstant;
    step_.target = part.whole;
    step_.number = part.bytes == 8 ? value : static_cast<int64_t>(static_cast<uint32_t>(value));
    return true;
  }

  bool Fetch(const cs_x86_op& to, const cs_x86_op& from) {
    if (Whole64(to) == kNoRegister) return false;
    if (Whole64(from) != kNoRegister) {
      step_.kind = StepKind::kMove;
      step_.source = Whole64(from);
    } else if (from.type == X86_OP_MEM && Place(from)) {
      step_.kind = StepKind::kLoad;
    } else {
      return false;
    }
    step_.target = Whole64(to);
    return true;
  }

  bool Store(const cs_x86_op& to, const cs_x86_op& from) {
    const bool is_number = from.type == X86_OP_IMM && to.size == 8;
    if (!is_number && Whole64(from) == kNoRegister) return false;
    if (!Place(to) && !IndexedPlace(to)) return false;
    step_.kind = is_number ? StepKind::kStoreConstant : StepKind::kStore;
    if (is_number) {
      step_.constant = static_cast<int32_t>(from.imm);
    } else {
      step_.source = Whole64(from);
    }
    return true;
  }

  // Fills base and number with a memory operand's address; false when it has other parts.
  bool Place(const cs_x86_op& operand) {
    if (operand.type != X86_OP_MEM) return false;
    const x86_op_mem& memory = operand.mem;
    if (memory.segment != X86_REG_INVALID || memory.index != X86_REG_INVALID) return false;
    int64_t number = memory.disp;
    Register base = kNoRegister;
    if (memory.base == X86_REG_RIP) {
      number = static_cast<int64_t>(instruction_.address + instruction_.size +
                                    static_cast<uint64_t>(memory.disp));
    } else if (memory.base != X86_REG_INVALID) {
      const RegisterPart part = PartOf(memory.base);
      if (part.bytes != 8) return false;
      base = part.whole;
    }
    step_.base = base;
    step_.number = number;
    return true;
  }

  bool IndexedPlace(const cs_x86_op& operand) {
    const x86_op_mem& memory = operand.mem;
    const RegisterPart base = PartOf(memory.base);
    const RegisterPart index = PartOf(memory.index);
    if (memory.segment != X86_REG_INVALID || base.bytes != 8 || index.bytes != 8) return false;
    step_.base = base.whole;
    step_.index = index.whole;
    step_.scale = static_cast<uint8_t>(memory.scale);
    step_.number = memory.disp;
    return true;
  }

  void Clobber() {
    cs_regs read;
    cs_regs written;
    uint8_t read_count = 0;
    uint8_t written_count = 0;
    if (cs_regs_access(engine_, &instruction_, read, &read_count, written, &written_count) ==
        CS_ERR_OK) {
      for (uint8_t i = 0; i < written_count; ++i) step_.clobbered |= Bit(PartOf(written[i]).whole);
    }
    // Where capstone's tables say too little.
    if (OnlyReads(instruction_.id)) return;
    const int count = WritesAllOperands(instruction_.id) ? x86_.op_count : 1;
    for (int i = 0; i < std::min<int>(count, x86_.op_count); ++i) {
      if (x86_.operands[i].type == X86_OP_REG) {
        step_.clobbered |= Bit(PartOf(x86_.operands[i].reg).whole);
      }
    }
  }

  const csh engine_;
  const cs_insn& instruction_;
  const cs_x86& x86_;
  Step step_;
};

}  // namespace

Decoder::Decoder() {
  if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine_) != CS_ERR_OK) {
    engine_ = 0;
    return;
  }
  cs_option(engine_, CS_OPT_DETAIL, CS_OPT_ON);
  cs_option(engine_, CS_OPT_SKIPDATA, CS_OPT_ON);
}

Decoder::~Decoder() {
  if (engine_ != 0) cs_close(&engine_);
}

std::vector<Step> Decoder::Decode(absl::Span<const uint8_t> code, uint64_t address) {
  std::vector<Step> steps;
  if (engine_ == 0) return steps;
  cs_insn* const instruction = cs_malloc(engine_);
  if (instruction == nullptr) return steps;
  const absl::Cleanup free_instruction = [instruction] { cs_free(instruction, 1); };
  steps.reserve(code.size() / 4);
  const uint8_t* next = code.data();
  size_t left = code.size();
  while (cs_disasm_iter(engine_, &next, &left, &address, instruction)) {
    if (instruction->id == 0) continue;  // skipped bytes
    steps.push_back(Translation(engine_, *instruction).Run());
  }
  return steps;
}

}  // namespace tidemark::golang
