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
    {"runtime.makemap_small", kMap, Step::kCreate, Argument::kUntyped, kNoRegister, ""},
    {"runtime.makemap*", kMap, Step::kCreate, Argument::kWhole, kRax, ""},
    {"internal/runtime/maps.NewMap", kMap, Step::kCreate, Argument::kWhole, kRax, ""},
    {"internal/runtime/maps.NewEmptyMap", kMap, Step::kCreate, Argument::kUntyped, kNoRegister, ""},
    {"runtime.mapassign*", kMap, Step::kInsert, Argument::kWhole, kRax, ""},
    {"runtime.mapdelete*", kMap, Step::kGrow, Argument::kWhole, kRax,
     ""},  // moves old buckets, to 1.23
    {"runtime.mapclear", kMap, Step::kGrow, Argument::kWhole, kRax, ""},
    {"runtime.mapclone*", kMap, Step::kCopy, Argument::kWhole, kRax, ""},
    // Slices. The type is the element's.
    {"runtime.growslice*", kSlice, Step::kGrow, Argument::kElement, kRsi, ""},
    {"runtime.makeslicecopy", kSlice, Step::kCopy, Argument::kElement, kRax, ""},
    {"runtime.makeslice*", kSlice, Step::kCreate, Argument::kElement, kRax, ""},
    {"runtime.newarray", kSlice, Step::kCreate, Argument::kElement, kRax, ""},
    {"runtime.moveSliceNoCapNoScan", kSlice, Step::kCopy, Argument::kNone, kNoRegister, ""},
    {"runtime.moveSliceNoScan", kSlice, Step::kCopy, Argument::kNone, kNoRegister, ""},
    {"runtime.moveSlice*", kSlice, Step::kCopy, Argument::kElement, kRax, ""},
    {"runtime.concatbyte*", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]uint8"},
    {"runtime.rawbyteslice", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]uint8"},
    {"runtime.rawruneslice", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]int32"},
    {"runtime.stringtoslicebyte", kSlice, Step::kCopy, Argument::kNone, kNoRegister, "[]uint8"},
    {"runtime.stringtoslicerune", kSlice, Step::kCopy, Argument::kNone, kNoRegister, "[]int32"},
    // Strings.
    {"runtime.concatstring*", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"runtime.rawstring*", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"runtime.intstring", kString, Step::kCreate, Argument::kNone, kNoRegister, "string"},
    {"runtime.slicebytetostring", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    {"runtime.slicerunetostring", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    {"runtime.gostring*", kString, Step::kCopy, Argument::kNone, kNoRegister, "string"},
    // Channels.
    {"runtime.makechan*", kChannel, Step::kCreate, Argument::kWhole, kRax, ""},
    // Values in interfaces. Those without a type are used for all types of that layout.
    {"runtime.convTstring", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, "string"},
    {"runtime.convTslice", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"runtime.convT16", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"runtime.convT32", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"runtime.convT64", kObject, Step::kCopy, Argument::kUnboxed, kNoRegister, ""},
    {"runtime.convT*", kObject, Step::kCopy, Argument::kWhole, kRax, ""},
    // Objects.
    {"runtime.newobject", kObject, Step::kCreate, Argument::kWhole, kRax, ""},
    {"runtime.mallocgc*", kObject, Step::kCreate, Argument::kWholeOrNone, kRbx, ""},
    // The run time's too, under names of the packages that call them.
    {"reflect.unsafe_NewArray", kSlice, Step::kCreate, Argument::kElement, kRax, ""},
    {"reflect.unsafe_New", kObject, Step::kCreate, Argument::kWhole, kRax, ""},
    {"internal/reflectlite.unsafe_New", kObject, Step::kCreate, Argument::kWhole, kRax, ""},
    {"internal/bytealg.MakeNoZero", kSlice, Step::kCreate, Argument::kNone, kNoRegister, "[]uint8"},
    // What the run time needs for itself, made in the name of whoever calls it.
    {"runtime.newproc*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.g"},
    {"runtime.deferproc*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime._defer"},
    {"runtime.deferrangefunc", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "runtime._defer"},
    {"runtime.chanrecv*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"runtime.chansend*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"runtime.selectgo", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"runtime.selectnb*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"runtime.semacquire*", kObject, Step::kCreate, Argument::kUsual, kNoRegister, "runtime.sudog"},
    {"runtime.notifyListWait", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "runtime.sudog"},
    {"runtime.typeAssert", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "abi.TypeAssertCache"},
    {"runtime.interfaceSwitch", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "abi.InterfaceSwitchCache"},
    {"runtime.acquireSudog", kObject, Step::kCreate, Argument::kUsual, kNoRegister,
     "runtime.sudog"},
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
