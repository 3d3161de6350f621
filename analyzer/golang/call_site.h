// What a Go program allocates at a place in its code: which kind of thing, of which type.
//
// A Go heap profile begins at the line that allocates: the run time's own frames are cut off.
// But its innermost address is within the CALL of the run time's function, whose name tells the
// kind (makemap, growslice…), and one of whose arguments is the address of the type, in a
// register by Go's calling convention. The code of the calling function is followed to find
// what is in it (value_flow.h). A type that the function was handed itself (generic code,
// reflect's wrappers) is looked for in its callers, which the profile names. Functions without
// a type argument leave it to what is done with their result: a map without a type goes into
// an insertion that has one.
//
// x86-64 only; code of other machines has no answers.
//
// Thread class: one thread at a time per object. Allocation class: may allocate. Costs some
// 0.3 us for each instruction of a function that is asked about; the last ones are kept.

#ifndef TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_
#define TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "analyzer/golang/go_binary.h"
#include "analyzer/golang/go_type.h"
#include "analyzer/golang/machine_code.h"
#include "analyzer/golang/runtime_entry.h"
#include "analyzer/golang/value_flow.h"

namespace tidemark::golang {

struct Allocation {
  AllocationKind kind = AllocationKind::kObject;
  AllocationStep step = AllocationStep::kUnknown;
  // Types as Go prints them, "map[string]*store.Rec", "[]uint8"; "" unknown.
  std::string type;
  std::string key;           // of maps
  std::string element;       // of maps (the value), slices, channels
  std::string package;       // of an object that is a struct with a name: "container/list"
  bool is_inferred = false;  // the type, from what is done with the memory
};

class CallSites {
 public:
  // `binary` must outlive this.
  explicit CallSites(const GoBinary& binary);

  // For a stack of link-time return addresses, the innermost first (the run time's own frames
  // may be there or not): what its innermost function called the run time for. nullopt when
  // that is no direct call of a function.
  // `depends_on_callers`: whether more than the innermost functions had a say.
  std::optional<Allocation> AllocationAt(absl::Span<const uint64_t> return_addresses,
                                         bool* depends_on_callers);

 private:
  using FlowPtr = std::shared_ptr<const FunctionFlow>;
  struct CallFacts {
    CallEffect effect = CallEffect::kOrdinary;
    bool is_go = false;      // a function of the program's own or a library
    bool takes_map = false;  // mapassign*, mapaccess*…: its type in RAX, the map in RBX
    const RuntimeEntry* entry = nullptr;
  };
  // One frame of the stack that is asked about.
  struct Frame {
    absl::Span<const uint64_t> return_addresses;
    size_t index = 0;
    uint64_t return_address() const { return return_addresses[index]; }
  };
  // Types that uses of a value speak for; contradictions leave none.
  class Votes;

  std::optional<Allocation> Find(absl::Span<const uint64_t> return_addresses);
  // The function that a direct CALL ending at `return_address` calls; nullopt when none does.
  std::optional<Function> Callee(uint64_t return_address) const;
  // The frame whose call tells what is made: nullopt when the run time is not called.
  std::optional<Frame> AllocatingFrame(absl::Span<const uint64_t> return_addresses) const;
  const CallFacts& FactsOf(uint64_t target);
  // Null for what is no function, or of another machine.
  FlowPtr FlowAt(uint64_t address);
  // The call in the next outer frame that called this frame's function, with the flow it is in.
  std::pair<FlowPtr, const CallRecord*> CallOf(const Frame& frame);

  // The constant that `value` is, looked for in callers' frames and in the file's data.
  std::optional<uint64_t> Resolve(const Value& value, const Frame& frame);
  std::optional<GoType> TypeArgument(const Value& value, const Frame& frame);
  void FillType(const RuntimeEntry& entry, const Frame& frame, Allocation* allocation);
  void FillUntyped(const CallRecord& call, const Frame& frame, Allocation* allocation);

  // From the uses of a call's result, `word`.
  void VoteForMap(const Value& map, const FunctionFlow& flow, int depth, Votes* votes);
  std::optional<GoType> TypeOfMap(const CallRecord& call, Frame frame, FlowPtr flow);
  void VoteForInterface(const Value& word, const FunctionFlow& flow, Votes* votes);

  const GoBinary& binary_;
  Decoder decoder_;
  absl::flat_hash_map<uint64_t, CallFacts> facts_;  // by target
  struct CachedFlow {
    uint64_t entry = 0;
    FlowPtr flow;
  };
  std::list<CachedFlow> flows_;  // the last used first
  uint64_t budget_bytes_ = 0;    // of code, to be followed still
  bool asked_callers_ = false;   // while one question is answered
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_
