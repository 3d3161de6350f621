// The functions of Go's run time that compiled code calls to allocate, by name: what is made,
// and which register holds its type.
//
// Taken from Go's src/cmd/compile/internal/typecheck/_builtin/runtime.go and src/runtime of
// 1.18 to 1.26. Names may change with a version, so what is not listed is an object of unknown
// type.
//
// Thread class: constant data. Allocation class: none.

#ifndef TIDEMARK_ANALYZER_GOLANG_RUNTIME_ENTRY_H_
#define TIDEMARK_ANALYZER_GOLANG_RUNTIME_ENTRY_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "analyzer/golang/machine_code.h"

namespace tidemark::golang {

enum class AllocationKind : uint8_t { kMap, kSlice, kString, kChannel, kObject, kClosure };
enum class AllocationStep : uint8_t { kUnknown, kCreate, kGrow, kInsert, kCopy };

struct RuntimeEntry {
  // What the type argument describes.
  enum class Argument : uint8_t {
    kNone,         // there is none, `type` is what is made
    kUsual,        // there is none, `type` is what is made as a rule
    kWhole,        // the map, the channel, the object
    kElement,      // an element of the slice
    kWholeOrNone,  // the object; null for memory without pointers
    kUnboxed,      // there is none; the type word beside the result would tell
    kUntyped,      // there is none; what is done with the map would tell
  };
  absl::string_view name;  // "runtime.mapassign*": a prefix
  AllocationKind kind;
  AllocationStep step;
  Argument argument;
  Register reg;
  absl::string_view type;  // of kUnboxed: when nothing tells more; "" unknown
};

// Null for what is not listed. `name` is a whole one, "runtime.growslice".
const RuntimeEntry* FindRuntimeEntry(absl::string_view name);

// "runtime.", "internal/runtime/…": frames that profiles leave out at the leaf.
bool IsRuntimeFunction(absl::string_view name);

// Functions that make a map larger, called by those that insert.
bool GrowsMap(absl::string_view name);

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_RUNTIME_ENTRY_H_
