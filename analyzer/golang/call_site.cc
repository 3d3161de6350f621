#include "analyzer/golang/call_site.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::golang {
namespace {

constexpr size_t kMostCallers = 6;     // that a type argument is looked for in
constexpr size_t kMostKeyFrames = 64;  // an answer that took more is not kept

// Go 1.18 and 1.19 number the type parameters that shapes of generic code stand for:
// "[]go.shape.int_0", "map[go.shape.string_0]go.shape.struct { X int }_1".
std::string WithoutShapeNumbers(absl::string_view name) {
  constexpr absl::string_view kShape = "go.shape.";
  std::string result;
  for (size_t at; (at = name.find(kShape)) != absl::string_view::npos;) {
    size_t end = at + kShape.size();
    int depth = 0;
    size_t number = absl::string_view::npos;  // where the one that ends the shape begins
    for (; end < name.size() && number == absl::string_view::npos; ++end) {
      if (name[end] == '{' || name[end] == '[' || name[end] == '(') ++depth;
      if (name[end] == '}' || name[end] == ']' || name[end] == ')') --depth;
      if (depth != 0 || name[end] != '_') continue;
      size_t digits = end + 1;
      while (digits < name.size() && absl::ascii_isdigit(name[digits])) ++digits;
      const bool is_last =
          digits == name.size() || !(absl::ascii_isalnum(name[digits]) || name[digits] == '_');
      if (digits == end + 1 || !is_last) continue;
      number = end;
      end = digits - 1;
    }
    absl::StrAppend(&result, name.substr(0, std::min(number, end)));
    name.remove_prefix(end);
  }
  return absl::StrCat(result, name);
}

// "map.group[string]int", "map.bucket[string]int": parts of maps that the compiler knows.
std::string WithoutMapPart(absl::string_view name) {
  if (!absl::StartsWith(name, "map.group[") && !absl::StartsWith(name, "map.bucket[")) return "";
  return absl::StrCat("map", name.substr(name.find('[')));
}

void FillObject(const GoBinary& binary, const GoType& type, Allocation* allocation) {
  allocation->type = std::string(type.name);
  allocation->package = std::string(type.package);
  if (absl::StartsWith(type.name, "struct { F uintptr")) {
    allocation->kind = AllocationKind::kClosure;
  } else if (std::string map = WithoutMapPart(type.name); !map.empty()) {
    allocation->kind = AllocationKind::kMap;
    allocation->type = std::move(map);
  } else if (type.kind == TypeKind::kArray && absl::StartsWith(type.name, "[")) {
    // What a slice's literal and variadic arguments are kept in.
    allocation->kind = AllocationKind::kSlice;
    if (const auto element = TypeAt(binary, type.element)) {
      allocation->element = std::string(element->name);
    }
  }
}

void FillWhole(const GoBinary& binary, const GoType& type, Allocation* allocation) {
  const auto name = [&](uint64_t address) {
    const std::optional<GoType> part = TypeAt(binary, address);
    return part ? std::string(part->name) : std::string();
  };
  if (allocation->kind == AllocationKind::kObject) return FillObject(binary, type, allocation);
  // The machine code says what is made: another type than that is none.
  const bool is_map = allocation->kind == AllocationKind::kMap;
  if (type.kind != (is_map ? TypeKind::kMap : TypeKind::kChan)) return;
  allocation->element = name(type.element);
  if (is_map) allocation->key = name(type.key);
  allocation->type = std::string(type.name);
  // A name of its own says less than what it stands for, which slices are told by too.
  if (is_map && !absl::StartsWith(type.name, "map[")) {
    allocation->type = absl::StrCat("map[", allocation->key, "]", allocation->element);
  }
}

}  // namespace

std::optional<StackFrame> CallSites::AllocatingFrame(absl::Span<const uint64_t> return_addresses) {
  const auto entry_of = [](const std::optional<Function>& function) {
    return function ? FindRuntimeEntry(function->name) : nullptr;
  };
  const auto is_exact = [](const RuntimeEntry* entry) {
    return entry != nullptr && entry->argument != RuntimeEntry::Argument::kUsual;
  };
  const auto is_runtime = [](const std::optional<Function>& function) {
    return function && IsRuntimeFunction(function->name);
  };
  // The innermost frame that is not the run time's; its own are left out of most profiles.
  size_t first = 0;
  while (first < return_addresses.size() &&
         is_runtime(program_.FunctionOf(return_addresses[first]))) {
    ++first;
  }
  const bool has_caller = first < return_addresses.size();
  program_.frames_used = std::max(program_.frames_used, first + 1);
  const std::optional<Function> called =
      has_caller ? program_.Callee(return_addresses[first]) : std::nullopt;
  if (is_exact(entry_of(called))) return StackFrame{return_addresses, first};
  // What the run time makes for itself: the first call out of its functions that allocate.
  size_t i = 0;
  while (i < first && is_exact(entry_of(program_.FunctionOf(return_addresses[i])))) ++i;
  if (i < first && is_exact(entry_of(program_.Callee(return_addresses[i])))) {
    return StackFrame{return_addresses, i};
  }
  if (is_runtime(called)) return StackFrame{return_addresses, first};
  if (has_caller || first == 0) return std::nullopt;
  return is_runtime(program_.Callee(return_addresses[0]))
             ? std::optional(StackFrame{return_addresses, 0})
             : std::nullopt;
}

std::optional<uint64_t> CallSites::Resolve(const Value& value, const StackFrame& frame) {
  uint64_t result = 0;
  if (value.kind == Value::Root::kConstant) {
    result = value.root;
  } else if (value.kind == Value::Root::kEntry && value.reg <= kRdx && frame.index < kMostCallers) {
    const auto [flow, call] = program_.CallOf(frame);
    if (call == nullptr) return std::nullopt;
    const std::optional<uint64_t> given =
        Resolve(call->registers[value.reg], {frame.return_addresses, frame.index + 1});
    if (!given) return std::nullopt;
    result = *given;
  } else {
    return std::nullopt;
  }
  for (int i = 0;; ++i) {
    result += static_cast<uint64_t>(int64_t{value.offsets[i]});
    if (i == value.loads) return result;
    const std::optional<uint64_t> loaded = binary_.image().Pointer(result);
    if (!loaded) return std::nullopt;
    result = *loaded;
  }
}

std::optional<GoType> CallSites::TypeArgument(const Value& value, const StackFrame& frame) {
  const std::optional<uint64_t> address = Resolve(value, frame);
  return address ? TypeAt(binary_, *address) : std::nullopt;
}

std::optional<Allocation> CallSites::AllocationAt(absl::Span<const uint64_t> return_addresses) {
  if (return_addresses.empty()) return std::nullopt;
  const auto first = [&](size_t count) {
    return std::vector<uint64_t>(return_addresses.begin(), return_addresses.begin() + count);
  };
  uint64_t& counts = frame_counts_[return_addresses[0]];
  for (size_t count = 1; count < kMostKeyFrames && count <= return_addresses.size(); ++count) {
    if ((counts >> count & 1) == 0) continue;
    const auto answer = answers_.find(first(count));
    if (answer != answers_.end()) return answer->second;
  }
  program_.frames_used = 1;
  std::optional<Allocation> allocation = Find(return_addresses);
  const size_t used = program_.frames_used;
  if (used < kMostKeyFrames && used <= return_addresses.size()) {
    counts |= uint64_t{1} << used;
    answers_.emplace(first(used), allocation);
  }
  return allocation;
}

// A function of the run time's may be compiled into the one that called it (reflect.makemap has
// makemap in it). Then the stack has, instead of a call's address, where that one was called;
// the call is in what was compiled in there.
std::optional<uint64_t> CallSites::CallCompiledIn(uint64_t return_address) {
  const FlowPtr flow = program_.FlowAt(return_address - 1);
  if (flow == nullptr) return std::nullopt;
  for (const CallRecord& call : flow->calls) {
    if (call.target == 0 || program_.FactsOf(call.target).entry == nullptr) continue;
    for (const InlinedCall& inlined : binary_.InlinedAt(call.return_address - 1)) {
      if (!IsRuntimeFunction(inlined.name)) break;
      if (inlined.parent == return_address - 1) return call.return_address;
    }
  }
  return std::nullopt;
}

// And the run time may take the function for one of its own (it asks whose code comes after the
// call), and leave it out: then the stack begins with the call of that function.
std::optional<uint64_t> CallSites::CallLeftOut(const Function& function) {
  const FlowPtr flow = program_.FlowAt(function.entry);
  if (flow == nullptr) return std::nullopt;
  std::optional<uint64_t> only;
  for (const CallRecord& call : flow->calls) {
    if (call.target == 0 || program_.FactsOf(call.target).entry == nullptr) continue;
    const std::vector<InlinedCall> inlined = binary_.InlinedAt(call.return_address - 1);
    if (inlined.empty() || !IsRuntimeFunction(inlined[0].name)) continue;
    if (only) return std::nullopt;
    only = call.return_address;
  }
  return only;
}

std::optional<Allocation> CallSites::Find(absl::Span<const uint64_t> return_addresses) {
  const std::optional<Function> called = program_.Callee(return_addresses[0]);
  if (called && (IsRuntimeFunction(called->name) || FindRuntimeEntry(called->name) != nullptr)) {
    return FindByCall(return_addresses);
  }
  const std::optional<uint64_t> call =
      called ? CallLeftOut(*called) : CallCompiledIn(return_addresses[0]);
  if (!call) return std::nullopt;
  std::vector<uint64_t> with_call = {*call};
  with_call.insert(with_call.end(), return_addresses.begin() + (called ? 0 : 1),
                   return_addresses.end());
  std::optional<Allocation> allocation = FindByCall(with_call);
  if (!allocation) return std::nullopt;
  allocation->frame = 0;
  if (called) allocation->is_inferred = true;
  return allocation;
}

std::optional<Allocation> CallSites::FindByCall(absl::Span<const uint64_t> return_addresses) {
  const std::optional<StackFrame> frame = AllocatingFrame(return_addresses);
  if (!frame) return std::nullopt;
  Allocation allocation;
  allocation.frame = frame->index;
  allocation.step = AllocationStep::kCreate;
  const RuntimeEntry* const entry =
      FindRuntimeEntry(program_.Callee(frame->return_address())->name);
  if (entry == nullptr) return allocation;
  allocation.kind = entry->kind;
  allocation.step = entry->step;
  for (size_t i = 0; i < frame->index; ++i) {
    const std::optional<Function> function = program_.FunctionOf(return_addresses[i]);
    if (function && GrowsMap(function->name)) allocation.step = AllocationStep::kGrow;
  }
  FillType(*entry, *frame, &allocation);
  if (!binary_.passes_slices_apart()) {
    for (std::string* name : {&allocation.type, &allocation.key, &allocation.element}) {
      *name = WithoutShapeNumbers(*name);
    }
  }
  return allocation;
}

void CallSites::FillType(const RuntimeEntry& entry, const StackFrame& frame,
                         Allocation* allocation) {
  using Argument = RuntimeEntry::Argument;
  allocation->type = std::string(entry.type);
  if (entry.argument == Argument::kUsual) allocation->is_inferred = true;
  if (allocation->kind == AllocationKind::kSlice && absl::StartsWith(entry.type, "[]")) {
    allocation->element = std::string(entry.type.substr(2));
  }
  if (entry.argument == Argument::kNone || entry.argument == Argument::kUsual) return;
  const FlowPtr flow = program_.FlowAt(frame.return_address() - 1);
  const CallRecord* const call =
      flow == nullptr ? nullptr : flow->CallReturningTo(frame.return_address());
  if (call == nullptr) return;
  std::optional<GoType> type;
  switch (entry.argument) {
    case Argument::kUnboxed:
      type = result_types_.InInterface(*call, *flow);
      allocation->is_inferred = true;
      break;
    case Argument::kUntyped:
      type = result_types_.OfMap(*call, frame, flow);
      allocation->is_inferred = true;
      break;
    case Argument::kElement: {
      const bool is_first = entry.reg == kRsi && !binary_.passes_slices_apart();
      type = TypeArgument(call->registers[is_first ? kRax : entry.reg], frame);
      if (!type) return;
      allocation->element = std::string(type->name);
      allocation->type = absl::StrCat("[]", type->name);
      return;
    }
    case Argument::kWholeOrNone:
      if (Resolve(call->registers[entry.reg], frame) == 0) {
        return FillUntyped(*call, frame, allocation);
      }
      type = TypeArgument(call->registers[entry.reg], frame);
      break;
    default:
      type = TypeArgument(call->registers[entry.reg], frame);
      break;
  }
  if (type) FillWhole(binary_, *type, allocation);
}

// mallocgc without a type is memory without pointers: of a constant size and cleared, it is
// variables that the compiler put together; else it is a slice to be copied into.
void CallSites::FillUntyped(const CallRecord& call, const StackFrame& frame,
                            Allocation* allocation) {
  const std::optional<uint64_t> size = Resolve(call.registers[kRax], frame);
  if (size && call.registers[kRcx] == Value::Constant(1)) return;
  allocation->kind = AllocationKind::kSlice;
  allocation->step = AllocationStep::kCopy;
  const std::optional<Function> function = program_.FunctionOf(frame.return_address());
  if (function && function->name == "internal/bytealg.MakeNoZero") {
    allocation->step = AllocationStep::kCreate;
    allocation->type = "[]uint8";
    allocation->element = "uint8";
  }
}

}  // namespace tidemark::golang
