#include "analyzer/golang/runtime_entry.h"

#include "absl/strings/match.h"

namespace tidemark::golang {
namespace {

using enum AllocationKind;
using Argument = RuntimeEntry::Argument;
using Step = AllocationStep;

// The first that matches counts.
constexpr RuntimeEntry kEntries[] = {
    // Maps. The type is the map's.
    {"makemap_small", kMap, Step::kCreate, Argument::kUntyped, kNoRegister, ""},
    {"makemap*", kMap, Step::kCreate, Argument::kWhole, kRax, ""},
    {"mapassign*", kMap, Step::kInsert, Argument::kWhole, kRax, ""},
    {"mapdelete*", kMap, Step::kGrow, Argument::kWhole, kRax, ""},  // moves old buckets, to 1.23
    {"mapclear", kMap, Step::kGrow, Argument::kWhole, kRax, ""},
    {"mapclone*", kMap, Step::kCopy, Argument::kWhole, kRax, ""},
    // Slices. The type is the element's.
    {"growslice*", kSlice, Step::kGrow, Argument::kElement, kRsi, ""},
    {"makeslicecopy", kSlice, Step::kCopy, Argument::kElement, kRax, ""},
    {"makeslice*", kSlice, Step::kCreate, Argument::kElement, kRax, ""},
    {"newarray", kSlice, Step::kCreate, Argument::kElement, kRax, ""},
    {"moveSliceNoCapNoScan", kSlice, Step::kCopy, Argument::kNone, kNoRegister, ""},
    {"moveSliceNoScan", kSlice, Step::kCopy, Argument::kNone, kNoRegister, ""},
    {"moveSlice*", kSlice, Step::kCopy, Argument::kElement, kRax, ""},
    {"concatbyte*", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]uint8"},
    {"rawbyteslice", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]uint8"},
    {"rawruneslice", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]int32"},
    {"stringtoslicebyte", kSlice, Step::kCopy, Argument::kNone, kNoRegister, "[]uint8"},
    {"stringtoslicerune", kSlice, Step::kCopy, Argument::kNone, kNoRegister, "[]int32"},
    // Strings.
    {"concatstring*", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"rawstring*", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"intstring", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"slicebytetostring", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    {"slicerunetostring", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    {"gostring*", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    // Channels.
    {"makechan*", kChannel, Step::kCreate, Argument::kWhole, kRax, ""},
    // Values in interfaces. Those without a type are used for all types of that layout.
    {"convTstring", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, "string"},
    {"convTslice", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"convT16", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"convT32", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"convT64", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"convT*", kObject, Step::kCopy, Argument::kWhole, kRax, ""},
    // Objects.
    {"newobject", kObject, Step::kCreate, Argument::kWhole, kRax, ""},
    {"mallocgc*", kObject, Step::kCreate, Argument::kWholeOrNone, kRbx, ""},
    // What the run time needs for itself, made in the name of whoever calls it.
    {"newproc*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.g"},
    {"deferproc*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime._defer"},
    {"deferrangefunc", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime._defer"},
    {"chanrecv*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"chansend*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"selectgo", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"selectnb*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"semacquire*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"notifyListWait", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"typeAssert", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "abi.TypeAssertCache"},
    {"interfaceSwitch", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "abi.InterfaceSwitchCache"},
    {"acquireSudog", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
};

constexpr absl::string_view kMapGrowth[] = {
    "runtime.hashGrow",
    "runtime.growWork*",
    "runtime.evacuate*",
    "internal/runtime/maps.(*Map).growToSmall",
    "internal/runtime/maps.(*Map).growToTable",
    "internal/runtime/maps.(*table).rehash",
    "internal/runtime/maps.(*table).grow",
    "internal/runtime/maps.(*table).split",
};

bool Matches(absl::string_view pattern, absl::string_view name) {
  if (!absl::EndsWith(pattern, "*")) return pattern == name;
  pattern.remove_suffix(1);
  return absl::StartsWith(name, pattern);
}

}  // namespace

const RuntimeEntry* FindRuntimeEntry(absl::string_view name) {
  constexpr absl::string_view kPackage = "runtime.";
  if (!absl::StartsWith(name, kPackage)) return nullptr;
  name.remove_prefix(kPackage.size());
  for (const RuntimeEntry& entry : kEntries) {
    if (Matches(entry.name, name)) return &entry;
  }
  return nullptr;
}

bool IsRuntimeFunction(absl::string_view name) {
  return absl::StartsWith(name, "runtime.") || absl::StartsWith(name, "internal/runtime/");
}

bool GrowsMap(absl::string_view name) {
  for (const absl::string_view pattern : kMapGrowth) {
    if (Matches(pattern, name)) return true;
  }
  return false;
}

}  // namespace tidemark::golang
