// Values followed through a program's functions, when they are asked for, and from a function
// to the call in its caller.
//
// Thread class: one thread at a time per object. Allocation class: may allocate. Costs some
// 0.3 us for each instruction of a function that is asked about; the last ones are kept.

#ifndef TIDEMARK_ANALYZER_GOLANG_PROGRAM_FLOW_H_
#define TIDEMARK_ANALYZER_GOLANG_PROGRAM_FLOW_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "analyzer/golang/go_binary.h"
#include "analyzer/golang/machine_code.h"
#include "analyzer/golang/runtime_entry.h"
#include "analyzer/golang/value_flow.h"

namespace tidemark::golang {

// What is known of a function that is called.
struct CallFacts {
  CallEffect effect = CallEffect::kOrdinary;
  bool is_go = false;      // a function of the program's own or a library
  bool takes_map = false;  // mapassign*, mapaccess*…: its type in RAX, the map in RBX
  const RuntimeEntry* entry = nullptr;
};

// One frame of a stack of link-time return addresses, the innermost first.
struct StackFrame {
  absl::Span<const uint64_t> return_addresses;
  size_t index = 0;
  uint64_t return_address() const { return return_addresses[index]; }
};

using FlowPtr = std::shared_ptr<const FunctionFlow>;

class ProgramFlow {
 public:
  // `binary` must outlive this.
  explicit ProgramFlow(const GoBinary& binary);

  const GoBinary& binary() const { return binary_; }
  // The function that a call returns to.
  std::optional<Function> FunctionOf(uint64_t return_address) const;
  // The function that a direct CALL ending at `return_address` calls; nullopt when none does, or
  // on another machine than x86-64.
  std::optional<Function> Callee(uint64_t return_address) const;
  CallFacts FactsOf(uint64_t target);

  // Of the function that has this address. Null for what is no function, of another machine
  // than x86-64, or when more code was asked about than the program has.
  FlowPtr FlowAt(uint64_t address);
  // The call in the next outer frame that called this frame's function, and the flow that has
  // it; nulls when another function was called there, for wrappers are left out of stacks.
  std::pair<FlowPtr, const CallRecord*> CallOf(const StackFrame& frame);
  // How many frames CallOf looked at since this was last set to 0; more than the stack has when
  // it looked for one more.
  size_t frames_used = 0;

 private:
  const GoBinary& binary_;
  Decoder decoder_;
  absl::flat_hash_map<uint64_t, CallFacts> facts_;  // by target
  struct CachedFlow {
    uint64_t entry = 0;
    FlowPtr flow;
  };
  std::list<CachedFlow> flows_;  // the last used first
  uint64_t budget_bytes_ = 0;    // of code, to be followed still
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_PROGRAM_FLOW_H_
