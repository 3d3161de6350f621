// Reads .eh_frame: for a code address of x86-64, how its frame is left.
//
// Source: the Linux Standard Base (Core, "Exception Frames") and DWARF 5, 6.4; the layout
// of pointers is gcc's unwind-pe.h. Only what unwinding by (pc, sp, bp) needs is kept: the
// rules for the CFA, the return address and one register, which is usually the frame pointer.
//
// The bytes are hostile: every read is bounded by the image and, if a `page_readable` is
// given, made only from pages that it confirms; lengths, nesting and expression steps are
// bounded too. Nothing is kept between calls.
//
// Malloc-safe, signal-safe, thread-safe. Uses < 300 bytes of stack.

#ifndef TIDEMARK_PROFILER_PRELOAD_EH_FRAME_H_
#define TIDEMARK_PROFILER_PRELOAD_EH_FRAME_H_

#include <cstdint>

namespace tidemark::preload {

// DWARF numbers of x86-64.
inline constexpr uint32_t kDwarfRbp = 6;
inline constexpr uint32_t kDwarfRsp = 7;
inline constexpr uint32_t kDwarfPc = 16;

// Memory that may be read. REQUIRES: begin <= header < limit, limit - begin < 4 GiB.
struct CfiImage {
  uint64_t begin;
  uint64_t limit;
  uint64_t header;                          // address of .eh_frame_hdr
  bool (*page_readable)(uint64_t address);  // nullptr: all of [begin, limit) can be read
};

enum class CfaRule : uint8_t { kUndefined, kRegister, kExpression };
enum class RegisterRule : uint8_t {
  kSame,          // the register is not changed
  kUndefined,     // of the return address: the frame is the outermost
  kAtCfa,         // saved at CFA + value
  kIsCfa,         // is CFA + value
  kInRegister,    // is in register `value`
  kAtExpression,  // saved at the address that the expression gives
  kIsExpression,  // is what the expression gives
};

// How a frame is left. An expression is given by its position: where its length stands,
// in bytes from CfiImage::begin.
struct CfiRow {
  CfaRule cfa_rule = CfaRule::kUndefined;
  uint8_t cfa_register = 0;
  RegisterRule saved_rule = RegisterRule::kSame;  // of the register that was asked for
  RegisterRule pc_rule = RegisterRule::kAtCfa;
  int32_t cfa = -1;   // offset from the register; or expression
  int32_t saved = 0;  // offset, register or expression
  int32_t pc = -8;
};

struct CfiEntry {
  CfiRow row;
  bool signal_frame;        // the code the kernel returns to from a signal handler
  uint64_t function_start;  // the entry covers [function_start, function_limit)
  uint64_t function_limit;
};

enum class CfiResult { kFound, kNotFound, kCorrupt };

// The row in force at `address`, which is inside an instruction (a return address - 1), with
// the rule for `saved_register`.
CfiResult FindCfiRow(const CfiImage& image, uint64_t address, uint32_t saved_register,
                     CfiEntry* entry);

// What an expression may ask for. Both return false when they do not know.
struct CfiInputs {
  void* context;
  bool (*read_register)(void* context, uint32_t dwarf_register, uint64_t* value);
  bool (*load)(void* context, uint64_t address, uint64_t* value);
};

// Evaluates the expression at `position`. `cfa`: first value on its stack, nullptr for
// the expression of the CFA itself. False when it is malformed or asks for the unknown.
bool EvaluateExpression(const CfiImage& image, int32_t position, const CfiInputs& inputs,
                        const uint64_t* cfa, uint64_t* result);

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_EH_FRAME_H_
