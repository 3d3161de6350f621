#include "profiler/preload/stack_capture.h"

#include <sys/auxv.h>

#include <new>

#include "profiler/preload/modules.h"
#include "profiler/preload/stack_memory.h"
#include "profiler/preload/unwind_rules.h"

namespace tidemark::preload {
namespace {

// Moves to a lower stack, as code that runs a function on another stack makes them.
constexpr uint32_t kMaxStackSwitches = 8;
// Bounds walks through our own frames, which are not kept.
constexpr uint32_t kMaxSteps = 4 * state::kMaxFrames;

// The kernel's rt_sigframe: on return from a handler sp points to its ucontext.
constexpr uint64_t kGeneralRegisters = 40;  // uc_mcontext.gregs
// Where gregs keeps each DWARF register: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip.
constexpr uint8_t kGregOfDwarf[17] = {13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16};

// What a function gives back as it found it, beside rbp and rsp: rbx, r12..r15.
bool IsCalleeSaved(uint32_t dwarf_register) {
  return dwarf_register == 3 || (dwarf_register >= 12 && dwarf_register <= 15);
}

enum class Step { kCaller, kEnd, kLost };

class Unwinder {
 public:
  // `inner`: the frames that were left so far, to be extended by the caller.
  Unwinder(const Registers& start, const CapturedStack* inner)
      : inner_(inner),
        memory_(StackMemory::PageOf(start.sp - 8),
                StackMemory::PageOf(start.sp - 8) + StackMemory::kPage),
        frame_(start) {}

  // The registers when control is (or comes back) in the current frame; pc is as
  // CapturedFrame::pc.
  const Registers& frame() const { return frame_; }
  // The segment of the frame's code; index is state::kNoModule when there is none.
  const LoadedModule& module() const { return module_; }

  // Finds the rule of the current frame. False when its pc cannot be code: in no known
  // segment, and not behind a call instruction either.
  bool Locate();
  // Goes to the caller. frame().sp is then the CFA of the frame that was left. At kEnd and
  // kLost the frame stays.
  Step Next();

 private:
  bool IsInterrupted() const { return gregs_ != 0 && first_inner_ == inner_->depth; }
  Step ToCaller(uint64_t pc, uint64_t cfa, uint64_t bp);
  Step LeaveSignalFrame();
  [[gnu::noinline]] bool IsAtEntry();
  [[gnu::noinline]] Step EvaluateRow();
  [[gnu::noinline]] Step WithoutCfi();
  bool ReadRegister(uint32_t dwarf_register, uint64_t* value);
  [[gnu::noinline]] bool RecoverRegister(uint32_t dwarf_register, uint64_t* value);
  bool ReadRule(const CfiImage& image, const CfiInputs& inputs, RegisterRule rule, int32_t value,
                uint32_t dwarf_register, uint64_t cfa, uint64_t* result);

  const CapturedStack* inner_;
  StackMemory memory_;
  Registers frame_;
  LoadedModule module_{};
  bool has_module_ = false;
  UnwindRule rule_{0};
  uint32_t switches_ = 0;
  // Where the latest signal frame saved all registers (0: none yet), and how many inner
  // frames there were when the walk came to the interrupted one.
  uint64_t gregs_ = 0;
  uint32_t first_inner_ = 0;
};

// True when `pc` is in readable memory behind a call instruction, as return addresses are.
bool IsBehindCall(uint64_t pc) {
  constexpr uint32_t kLongestCall = 7;
  if (pc < StackMemory::kPage || pc >> 47 != 0) return false;
  if (!StackMemory::CanRead(pc - kLongestCall, kLongestCall)) return false;
  const auto byte_before = [&](int distance) {
    return StackMemory::Byte(pc - static_cast<uint64_t>(distance));
  };
  if (byte_before(5) == 0xe8) return true;  // call rel32
  // call r/m64 is ff /2 with, by the addressing mode, no, one or four bytes of displacement
  // and perhaps a SIB byte.
  for (int length = 2; length <= 7; ++length) {
    if (byte_before(length) != 0xff) continue;
    const uint8_t modrm = byte_before(length - 1);
    if ((modrm & 0x38) != 0x10) continue;
    const uint8_t mode = modrm >> 6;
    const uint8_t rm = modrm & 7;
    int expected = 2;
    if (mode != 3) {
      const bool has_sib = rm == 4;
      if (has_sib) ++expected;
      if (mode == 1) expected += 1;
      if (mode == 2 || (mode == 0 && rm == 5)) expected += 4;
      if (mode == 0 && has_sib && length > 2 && (byte_before(length - 2) & 7) == 5) expected += 4;
    }
    if (expected == length) return true;
  }
  return false;
}

// mov $15, %rax; syscall: what every restorer of signal frames has.
bool IsSignalReturn(uint64_t pc) {
  static constexpr uint8_t kCode[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  if (pc < StackMemory::kPage || pc >> 47 != 0) return false;
  if (!StackMemory::CanRead(pc, sizeof(kCode))) return false;
  for (uint32_t i = 0; i < sizeof(kCode); ++i) {
    if (StackMemory::Byte(pc + i) != kCode[i]) return false;
  }
  return true;
}

// nop; call: where Go's goroutines return to when they end.
bool IsGoroutineEnd(uint64_t pc) {
  return StackMemory::CanRead(pc - 1, 2) && StackMemory::Byte(pc - 1) == 0x90 &&
         StackMemory::Byte(pc) == 0xe8;
}

bool Unwinder::Locate() {
  const uint64_t inside = frame_.pc - 1;
  if (!has_module_ || !module_.Contains(inside)) has_module_ = FindModule(inside, &module_);
  if (TM_UNLIKELY(!has_module_)) {
    module_ = {};
    module_.index = state::kNoModule;
    rule_ = UnwindRule(RuleKind::kUnknown, 0, 0);
    return IsInterrupted() || IsBehindCall(frame_.pc) || IsSignalReturn(frame_.pc);
  }
  rule_ = FindRule(frame_.pc, module_);
  if (TM_UNLIKELY(rule_.Kind() == RuleKind::kUnknown) && IsAtEntry()) {
    // So that pc - 1 is in the function that is about to run.
    frame_.pc += 1;
    rule_ = UnwindRule(RuleKind::kEnd, 0, 0);
  }
  return true;
}

// True when the return address is a function's first byte and no call stands before it: a
// stack made by hand, whose outermost function was never called. makecontext's is one.
bool Unwinder::IsAtEntry() {
  CfiEntry entry;
  return !IsInterrupted() && module_.eh_frame_hdr != 0 && module_.Contains(frame_.pc) &&
         FindCfiRow(ImageOf(module_), frame_.pc, kDwarfRbp, &entry) == CfiResult::kFound &&
         entry.function_start == frame_.pc && !IsBehindCall(frame_.pc);
}

Step Unwinder::Next() {
  uint64_t cfa;
  uint64_t bp = frame_.bp;
  switch (rule_.Kind()) {
    case RuleKind::kSp:
      cfa = frame_.sp + rule_.CfaOffset();
      break;
    case RuleKind::kBp:
      cfa = frame_.bp + rule_.CfaOffset();
      break;
    case RuleKind::kDrap:
      if (!memory_.Load(frame_.bp - rule_.CfaOffset(), &cfa) || !memory_.Load(frame_.bp, &bp)) {
        return Step::kLost;
      }
      break;
    case RuleKind::kSignal:
      return LeaveSignalFrame();
    case RuleKind::kEnd:
      return Step::kEnd;
    case RuleKind::kGeneral:
      return EvaluateRow();
    case RuleKind::kNone:
    case RuleKind::kUnknown:
    default:
      return WithoutCfi();
  }
  uint64_t pc;
  if (rule_.BpDistance() != 0 && !memory_.Load(cfa - rule_.BpDistance(), &bp)) return Step::kLost;
  if (!memory_.Load(cfa - 8, &pc)) return Step::kLost;
  return ToCaller(pc, cfa, bp);
}

Step Unwinder::ToCaller(uint64_t pc, uint64_t cfa, uint64_t bp) {
  if (TM_UNLIKELY(cfa <= frame_.sp)) {
    // The stack pointer must rise, or wrong CFI loops for ever. Code that called us on
    // another stack is the exception; what it returns to is behind a call.
    if (++switches_ > kMaxStackSwitches || !IsBehindCall(pc)) return Step::kLost;
  }
  frame_ = {pc, cfa, bp};
  return pc == 0 ? Step::kEnd : Step::kCaller;
}

// (pc, sp, bp) = the interrupted registers. The stack pointer may go anywhere: a handler can
// have a stack of its own. A forged loop of signal frames is stopped by kMaxSteps.
Step Unwinder::LeaveSignalFrame() {
  const uint64_t gregs = frame_.sp + kGeneralRegisters;
  Registers interrupted;
  if (!memory_.Load(gregs + 8 * kGregOfDwarf[kDwarfRbp], &interrupted.bp) ||
      !memory_.Load(gregs + 8 * kGregOfDwarf[kDwarfRsp], &interrupted.sp) ||
      !memory_.Load(gregs + 8 * kGregOfDwarf[kDwarfPc], &interrupted.pc)) {
    return Step::kLost;
  }
  if (interrupted.pc < StackMemory::kPage) {
    // Interrupted by the fault of calling a null pointer: no frame of its own, the return
    // address is on top.
    if (!memory_.Load(interrupted.sp, &interrupted.pc) || !IsBehindCall(interrupted.pc)) {
      return Step::kLost;
    }
    frame_ = {interrupted.pc, interrupted.sp + 8, interrupted.bp};
    return Step::kCaller;
  }
  gregs_ = gregs;
  first_inner_ = inner_->depth + 1;  // once the signal frame is among them
  frame_ = {interrupted.pc + 1, interrupted.sp, interrupted.bp};
  return Step::kCaller;
}

bool Unwinder::ReadRegister(uint32_t dwarf_register, uint64_t* value) {
  switch (dwarf_register) {
    case kDwarfRbp:
      *value = frame_.bp;
      return true;
    case kDwarfRsp:
      *value = frame_.sp;
      return true;
    case kDwarfPc:
      *value = IsInterrupted() ? frame_.pc - 1 : frame_.pc;
      return true;
    default:
      return dwarf_register < kDwarfPc && RecoverRegister(dwarf_register, value);
  }
}

// A register that is not followed from frame to frame: saved by the nearest inner frame that
// uses it, or not touched since the latest signal.
bool Unwinder::RecoverRegister(uint32_t dwarf_register, uint64_t* value) {
  const uint32_t first = gregs_ != 0 ? first_inner_ : 0;
  for (uint32_t i = inner_->depth; i > first; --i) {
    const CapturedFrame& callee = inner_->frames[i - 1];
    LoadedModule module;
    CfiEntry entry;
    if (!IsCalleeSaved(dwarf_register) || !FindModule(callee.pc - 1, &module) ||
        module.eh_frame_hdr == 0 ||
        FindCfiRow(ImageOf(module), callee.pc - 1, dwarf_register, &entry) != CfiResult::kFound) {
      return false;
    }
    if (entry.row.saved_rule == RegisterRule::kAtCfa) {
      return memory_.Load(callee.cfa + static_cast<uint64_t>(int64_t{entry.row.saved}), value);
    }
    if (entry.row.saved_rule != RegisterRule::kSame) return false;
  }
  return gregs_ != 0 && memory_.Load(gregs_ + 8 * kGregOfDwarf[dwarf_register], value);
}

bool Unwinder::ReadRule(const CfiImage& image, const CfiInputs& inputs, RegisterRule rule,
                        int32_t value, uint32_t dwarf_register, uint64_t cfa, uint64_t* result) {
  const uint64_t offset = static_cast<uint64_t>(int64_t{value});
  switch (rule) {
    case RegisterRule::kSame:
      return ReadRegister(dwarf_register, result);
    case RegisterRule::kAtCfa:
      return memory_.Load(cfa + offset, result);
    case RegisterRule::kIsCfa:
      *result = cfa + offset;
      return true;
    case RegisterRule::kInRegister:
      return ReadRegister(static_cast<uint32_t>(value), result);
    case RegisterRule::kAtExpression:
      return EvaluateExpression(image, value, inputs, &cfa, result) &&
             memory_.Load(*result, result);
    case RegisterRule::kIsExpression:
      return EvaluateExpression(image, value, inputs, &cfa, result);
    case RegisterRule::kUndefined:
      break;
  }
  return false;
}

// The row in full, for what a rule cannot hold: hand-written code, interrupted prologues.
Step Unwinder::EvaluateRow() {
  const CfiImage image = ImageOf(module_);
  CfiEntry entry;
  if (FindCfiRow(image, frame_.pc - 1, kDwarfRbp, &entry) != CfiResult::kFound) return Step::kLost;
  const CfiRow& row = entry.row;
  const CfiInputs inputs = {this,
                            [](void* self, uint32_t reg, uint64_t* value) {
                              return static_cast<Unwinder*>(self)->ReadRegister(reg, value);
                            },
                            [](void* self, uint64_t address, uint64_t* value) {
                              return static_cast<Unwinder*>(self)->memory_.Load(address, value);
                            }};
  uint64_t cfa;
  switch (row.cfa_rule) {
    case CfaRule::kRegister:
      if (!ReadRegister(row.cfa_register, &cfa)) return Step::kLost;
      cfa += static_cast<uint64_t>(int64_t{row.cfa});
      break;
    case CfaRule::kExpression:
      if (!EvaluateExpression(image, row.cfa, inputs, nullptr, &cfa)) return Step::kLost;
      break;
    case CfaRule::kUndefined:
      return Step::kLost;
  }
  uint64_t bp;
  uint64_t pc;
  // A bp that cannot be had is only missed if an outer frame needs it.
  if (!ReadRule(image, inputs, row.saved_rule, row.saved, kDwarfRbp, cfa, &bp)) bp = 0;
  if (!ReadRule(image, inputs, row.pc_rule, row.pc, kDwarfPc, cfa, &pc)) return Step::kLost;
  return ToCaller(pc, cfa, bp);
}

// Code that no .eh_frame describes: generated code, assembly, a call of a bad pointer.
Step Unwinder::WithoutCfi() {
  if (IsSignalReturn(frame_.pc)) return LeaveSignalFrame();
  // What ld.so has no CFI for is its entry, which runs the constructors of libraries.
  if (has_module_ && !IsInterrupted() && module_.image_start == getauxval(AT_BASE)) {
    return Step::kEnd;
  }
  uint64_t pc;
  if (IsInterrupted() && !has_module_) {
    // Interrupted outside all code: a call went astray, and its return address is on top.
    if (memory_.Load(frame_.sp, &pc) && IsBehindCall(pc)) {
      return ToCaller(pc, frame_.sp + 8, frame_.bp);
    }
  }
  if (frame_.bp == 0 && has_module_ && IsGoroutineEnd(frame_.pc)) return Step::kEnd;
  // (pc, sp, bp) = (*(bp + 8), bp + 16, *bp), where that is what a frame pointer gives.
  uint64_t bp;
  if (!memory_.Load(frame_.bp, &bp) || !memory_.Load(frame_.bp + 8, &pc)) return Step::kLost;
  LoadedModule caller;
  if (frame_.bp < frame_.sp) {
    // Go calls C on another stack: its frame pointer leads back to the goroutine's, and to code
    // of the same file. Else it is just a register.
    if (!has_module_ || !FindModule(pc - 1, &caller) || caller.start != module_.start) {
      return Step::kLost;
    }
  }
  // The end of a goroutine is jumped to: nothing calls it.
  if (!IsBehindCall(pc) && !(bp == 0 && IsGoroutineEnd(pc))) return Step::kLost;
  if (bp <= frame_.bp && !FindModule(pc - 1, &caller)) return Step::kLost;
  return ToCaller(pc, frame_.bp + 16, bp);
}

}  // namespace

void CaptureStack(const Registers& start, CapturedStack* stack) {
  stack->depth = 0;
  stack->truncated = true;
  static_assert(sizeof(Unwinder) <= sizeof(stack->workspace));
  Unwinder& unwinder = *new (stack->workspace) Unwinder(start, stack);
  for (uint32_t steps = 0; steps < kMaxSteps && unwinder.Locate(); ++steps) {
    const uint64_t pc = unwinder.frame().pc;
    const uint32_t index = unwinder.module().index;
    const bool is_self = unwinder.module().is_self != 0;
    const Step step = unwinder.Next();
    if (!is_self) {
      if (stack->depth == state::kMaxFrames) return;
      stack->frames[stack->depth++] = {pc, unwinder.frame().sp, index, 0};
    }
    if (step == Step::kEnd) stack->truncated = false;
    if (step != Step::kCaller) return;
  }
}

void ForgetUnloadedModules() { RefreshModules(); }

}  // namespace tidemark::preload
