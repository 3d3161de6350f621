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
// Thread class: one thread at a time per object. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_
#define TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "analyzer/golang/go_binary.h"
#include "analyzer/golang/go_type.h"
#include "analyzer/golang/program_flow.h"
#include "analyzer/golang/result_type.h"
#include "analyzer/golang/runtime_entry.h"

namespace tidemark::golang {

struct Allocation {
  AllocationKind kind = AllocationKind::kObject;
  AllocationStep step = AllocationStep::kUnknown;
  size_t frame = 0;  // which of the return addresses is that of the call
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
  explicit CallSites(const GoBinary& binary) : binary_(binary), program_(binary) {}

  // For a stack of link-time return addresses, the innermost first (the run time's own frames
  // may be there or not): what its innermost function called the run time for. nullopt when
  // that is no direct call of a function. Answers are kept.
  std::optional<Allocation> AllocationAt(absl::Span<const uint64_t> return_addresses);

 private:
  std::optional<Allocation> Find(absl::Span<const uint64_t> return_addresses);
  std::optional<Allocation> FindByCall(absl::Span<const uint64_t> return_addresses);
  std::optional<uint64_t> CallCompiledIn(uint64_t return_address);
  std::optional<uint64_t> CallLeftOut(const Function& function);
  // The frame whose call tells what is made: nullopt when the run time is not called.
  std::optional<StackFrame> AllocatingFrame(absl::Span<const uint64_t> return_addresses);
  // The constant that `value` is, looked for in callers' frames and in the file's data.
  std::optional<uint64_t> Resolve(const Value& value, const StackFrame& frame);
  std::optional<GoType> TypeArgument(const Value& value, const StackFrame& frame);
  void FillType(const RuntimeEntry& entry, const StackFrame& frame, Allocation* allocation);
  void FillUntyped(const CallRecord& call, const StackFrame& frame, Allocation* allocation);

  const GoBinary& binary_;
  ProgramFlow program_;
  ResultTypes result_types_{program_};
  // By the frames that had a say, and how many these were, as bits, by the innermost one.
  absl::flat_hash_map<std::vector<uint64_t>, std::optional<Allocation>> answers_;
  absl::flat_hash_map<uint64_t, uint64_t> frame_counts_;
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_CALL_SITE_H_
