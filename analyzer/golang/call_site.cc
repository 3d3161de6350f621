#include "analyzer/golang/call_site.h"

#include <elf.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::golang {
namespace {

constexpr uint64_t kCallBytes = 5;  // E8 and the distance
constexpr uint8_t kCallOpcode = 0xe8;
constexpr size_t kMostFlows = 64;
constexpr size_t kMostCallers = 6;       // that a type argument is looked for in
constexpr int kMostCallees = 2;          // that a map is followed into, one from the other
constexpr uint64_t kPairDistance = 256;  // bytes of code between an interface's two words

// However often functions are asked about, and however they overlap in a file made to harm,
// this many bytes of code are followed, and twice all that there is.
constexpr uint64_t kCodeBudget = uint64_t{16} << 20;
constexpr size_t kMostUses = 256;  // of one value that are looked at

bool StartsWithAny(absl::string_view name, std::initializer_list<absl::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

CallEffect EffectOf(absl::string_view name) {
  if (StartsWithAny(name, {"runtime.panic", "runtime.goPanic", "runtime.gopanic", "runtime.throw",
                           "runtime.fatal"})) {
    return CallEffect::kNoReturn;
  }
  if (absl::StartsWith(name, "runtime.morestack")) return CallEffect::kNone;
  if (absl::StartsWith(name, "runtime.gcWriteBarrier")) return CallEffect::kBarrier;
  if (absl::StartsWith(name, "runtime.duff")) return CallEffect::kBlock;
  return CallEffect::kOrdinary;
}

bool TakesMap(absl::string_view name) {
  return StartsWithAny(name, {"runtime.mapassign", "runtime.mapaccess", "runtime.mapdelete",
                              "runtime.mapclear", "runtime.mapiterinit", "runtime.mapIterStart"});
}

// "map.group[string]int", "map.bucket[string]int": parts of maps that the compiler knows.
std::string WithoutMapPart(absl::string_view name) {
  if (!StartsWithAny(name, {"map.group[", "map.bucket[", "map.hdr["})) return "";
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
  } else if (type.kind == TypeKind::kArray) {
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
  allocation->type = std::string(type.name);
  allocation->element = name(type.element);
  if (is_map) allocation->key = name(type.key);
}

}  // namespace

class CallSites::Votes {
 public:
  void Add(const std::optional<GoType>& type) {
    if (!type) return;
    if (type_ && type_->address != type->address) is_contradiction_ = true;
    type_ = type;
  }
  std::optional<GoType> type() const { return is_contradiction_ ? std::nullopt : type_; }

 private:
  std::optional<GoType> type_;
  bool is_contradiction_ = false;
};

CallSites::CallSites(const GoBinary& binary) : binary_(binary), budget_bytes_(kCodeBudget) {
  for (const ElfImage::Segment& segment : binary.image().segments()) {
    if (segment.executable) budget_bytes_ += 2 * segment.bytes.size();
  }
}

std::optional<Function> CallSites::Callee(uint64_t return_address) const {
  const absl::Span<const uint8_t> code =
      binary_.image().BytesAt(return_address - kCallBytes, kCallBytes);
  if (code.empty() || code[0] != kCallOpcode) return std::nullopt;
  const int64_t distance = static_cast<int32_t>(Load32(code, 1));
  const uint64_t target = return_address + static_cast<uint64_t>(distance);
  const std::optional<Function> function = binary_.FunctionAt(target);
  if (!function || function->entry != target) return std::nullopt;
  return function;
}

std::optional<CallSites::Frame> CallSites::AllocatingFrame(
    absl::Span<const uint64_t> return_addresses) const {
  const auto is_runtime = [&](uint64_t return_address) {
    const std::optional<Function> function = binary_.FunctionAt(return_address - 1);
    return function && IsRuntimeFunction(function->name);
  };
  // The run time's frames at the leaf, where the profile still has them.
  size_t first = 0;
  while (first < return_addresses.size() && is_runtime(return_addresses[first])) ++first;
  const size_t end = std::min(first + 1, return_addresses.size());
  // The outermost call of a known function: makemap calls newobject too.
  std::optional<Frame> unlisted;
  for (size_t i = end; i-- > 0;) {
    const std::optional<Function> callee = Callee(return_addresses[i]);
    if (!callee) continue;
    if (FindRuntimeEntry(callee->name) != nullptr) return Frame{return_addresses, i};
    if (!unlisted && i == first && IsRuntimeFunction(callee->name)) {
      unlisted = Frame{return_addresses, i};
    }
  }
  return unlisted;
}

const CallSites::CallFacts& CallSites::FactsOf(uint64_t target) {
  auto [it, inserted] = facts_.try_emplace(target);
  if (!inserted) return it->second;
  const std::optional<Function> function = binary_.FunctionAt(target);
  if (!function) return it->second;
  it->second.effect = EffectOf(function->name);
  if (function->entry != target) return it->second;
  it->second.is_go = !IsRuntimeFunction(function->name);
  it->second.takes_map = TakesMap(function->name);
  it->second.entry = FindRuntimeEntry(function->name);
  return it->second;
}

CallSites::FlowPtr CallSites::FlowAt(uint64_t address) {
  if (binary_.image().machine() != EM_X86_64) return nullptr;
  const std::optional<Function> function = binary_.FunctionAt(address);
  if (!function) return nullptr;
  for (auto it = flows_.begin(); it != flows_.end(); ++it) {
    if (it->entry != function->entry) continue;
    flows_.splice(flows_.begin(), flows_, it);
    return it->flow;
  }
  FlowQuery query;
  query.entry = function->entry;
  query.code = binary_.image().BytesAt(function->entry, function->end - function->entry);
  if (query.code.size() > budget_bytes_) return nullptr;
  budget_bytes_ -= query.code.size();
  query.effect = [this](uint64_t target) { return FactsOf(target).effect; };
  query.pointer = [this](uint64_t at) { return binary_.image().Pointer(at).value_or(0); };
  auto flow = std::make_shared<const FunctionFlow>(FollowValues(decoder_, query));
  flows_.push_front({function->entry, flow});
  if (flows_.size() > kMostFlows) flows_.pop_back();
  return flow;
}

std::pair<CallSites::FlowPtr, const CallRecord*> CallSites::CallOf(const Frame& frame) {
  asked_callers_ = true;
  if (frame.index + 1 >= frame.return_addresses.size()) return {nullptr, nullptr};
  const std::optional<Function> called = binary_.FunctionAt(frame.return_address() - 1);
  const uint64_t outer = frame.return_addresses[frame.index + 1];
  FlowPtr flow = FlowAt(outer - 1);
  if (!called || flow == nullptr) return {nullptr, nullptr};
  const CallRecord* const call = flow->CallReturningTo(outer);
  // Wrappers are left out of stacks: then it is another function that was called there.
  if (call == nullptr || call->target != called->entry) return {nullptr, nullptr};
  return {std::move(flow), call};
}

std::optional<uint64_t> CallSites::Resolve(const Value& value, const Frame& frame) {
  uint64_t result = 0;
  if (value.kind == Value::Root::kConstant) {
    result = value.root;
  } else if (value.kind == Value::Root::kEntry && value.reg <= kRdx && frame.index < kMostCallers) {
    const auto [flow, call] = CallOf(frame);
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

std::optional<GoType> CallSites::TypeArgument(const Value& value, const Frame& frame) {
  const std::optional<uint64_t> address = Resolve(value, frame);
  return address ? TypeAt(binary_, *address) : std::nullopt;
}

std::optional<Allocation> CallSites::AllocationAt(absl::Span<const uint64_t> return_addresses,
                                                  bool* depends_on_callers) {
  asked_callers_ = false;
  const std::optional<Allocation> allocation = Find(return_addresses);
  *depends_on_callers = asked_callers_;
  return allocation;
}

std::optional<Allocation> CallSites::Find(absl::Span<const uint64_t> return_addresses) {
  const std::optional<Frame> frame = AllocatingFrame(return_addresses);
  if (!frame) return std::nullopt;
  Allocation allocation;
  allocation.step = AllocationStep::kCreate;
  const RuntimeEntry* const entry = FindRuntimeEntry(Callee(frame->return_address())->name);
  if (entry == nullptr) return allocation;
  allocation.kind = entry->kind;
  allocation.step = entry->step;
  for (size_t i = 0; i < frame->index; ++i) {
    const std::optional<Function> function = binary_.FunctionAt(return_addresses[i] - 1);
    if (function && GrowsMap(function->name)) allocation.step = AllocationStep::kGrow;
  }
  FillType(*entry, *frame, &allocation);
  return allocation;
}

void CallSites::FillType(const RuntimeEntry& entry, const Frame& frame, Allocation* allocation) {
  using Argument = RuntimeEntry::Argument;
  allocation->type = std::string(entry.type);
  if (entry.argument == Argument::kUsual) allocation->is_inferred = true;
  if (allocation->kind == AllocationKind::kSlice && absl::StartsWith(entry.type, "[]")) {
    allocation->element = std::string(entry.type.substr(2));
  }
  if (entry.argument == Argument::kNone || entry.argument == Argument::kUsual) return;
  const FlowPtr flow = FlowAt(frame.return_address() - 1);
  const CallRecord* const call =
      flow == nullptr ? nullptr : flow->CallReturningTo(frame.return_address());
  if (call == nullptr) return;
  std::optional<GoType> type;
  switch (entry.argument) {
    case Argument::kUnboxed: {
      Votes votes;
      VoteForInterface(Value::Defined(call->address, kRax), *flow, &votes);
      type = votes.type();
      allocation->is_inferred = true;
      break;
    }
    case Argument::kUntyped:
      type = TypeOfMap(*call, frame, flow);
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
void CallSites::FillUntyped(const CallRecord& call, const Frame& frame, Allocation* allocation) {
  const std::optional<uint64_t> size = Resolve(call.registers[kRax], frame);
  if (size && call.registers[kRcx] == Value::Constant(1)) return;
  allocation->kind = AllocationKind::kSlice;
  allocation->step = AllocationStep::kCopy;
  const std::optional<Function> function = binary_.FunctionAt(frame.return_address() - 1);
  if (function && function->name == "internal/bytealg.MakeNoZero") {
    allocation->step = AllocationStep::kCreate;
    allocation->type = "[]uint8";
    allocation->element = "uint8";
  }
}

void CallSites::VoteForMap(const Value& map, const FunctionFlow& flow, int depth, Votes* votes) {
  for (const CallRecord& call : flow.calls) {
    const CallFacts facts = FactsOf(call.target);
    if (facts.takes_map && call.registers[kRbx] == map && call.registers[kRax].is_constant()) {
      votes->Add(TypeAt(binary_, call.registers[kRax].root));
    }
    if (!facts.is_go || depth == 0) continue;
    for (int i = 0; i < kArgumentRegisters; ++i) {
      if (call.registers[i] != map) continue;
      if (const FlowPtr callee = FlowAt(call.target)) {
        VoteForMap(Value::Entry(Register(i)), *callee, depth - 1, votes);
      }
    }
  }
  // A field of an object made here.
  size_t uses = 0;
  for (const StoreRecord& store : flow.stores) {
    if (store.stored != map || ++uses > kMostUses) continue;
    const auto maker = std::find_if(flow.calls.begin(), flow.calls.end(), [&](const auto& call) {
      return store.base.IsResult(call.address, kRax);
    });
    if (maker == flow.calls.end()) continue;
    const RuntimeEntry* const entry = FactsOf(maker->target).entry;
    if (entry == nullptr || entry->kind != AllocationKind::kObject || entry->reg == kNoRegister) {
      continue;
    }
    const Value& argument = maker->registers[entry->reg];
    if (!argument.is_constant() || store.offset < 0) continue;
    if (const auto object = TypeAt(binary_, argument.root)) {
      votes->Add(FieldAt(binary_, *object, static_cast<uint64_t>(store.offset)));
    }
  }
  VoteForInterface(map, flow, votes);
}

std::optional<GoType> CallSites::TypeOfMap(const CallRecord& call, Frame frame, FlowPtr flow) {
  Value map = Value::Defined(call.address, kRax);
  for (size_t i = 0; i < kMostCallers; ++i) {
    Votes votes;
    VoteForMap(map, *flow, kMostCallees, &votes);
    if (votes.type()) return votes.type();
    // Handed to the caller?
    int result = kArgumentRegisters;
    for (const auto& values : flow->returns) {
      for (int reg = 0; reg < kArgumentRegisters; ++reg) {
        if (values[reg] == map) result = std::min(result, reg);
      }
    }
    if (result == kArgumentRegisters) return std::nullopt;
    const auto [outer, outer_call] = CallOf(frame);
    if (outer_call == nullptr) return std::nullopt;
    map = Value::Defined(outer_call->address, Register(result));
    ++frame.index;
    flow = outer;
  }
  return std::nullopt;
}

// An interface is a word for the type and a word for the value, one after the other in memory,
// arguments and results.
void CallSites::VoteForInterface(const Value& word, const FunctionFlow& flow, Votes* votes) {
  const auto add_constant = [&](const Value& type_word) {
    if (type_word.is_constant()) votes->Add(TypeOfInterfaceWord(binary_, type_word.root));
  };
  size_t uses = 0;
  for (const StoreRecord& store : flow.stores) {
    if (store.stored != word || ++uses > kMostUses) continue;
    // Stack slots serve many: the type that was stored nearest counts.
    const StoreRecord* nearest = nullptr;
    const auto distance = [&](const StoreRecord& other) {
      return std::max(other.address, store.address) - std::min(other.address, store.address);
    };
    for (const StoreRecord& other : flow.stores) {
      if (other.base != store.base || other.offset != store.offset - 8) continue;
      if (distance(other) > kPairDistance) continue;
      if (nearest == nullptr || distance(other) < distance(*nearest)) nearest = &other;
    }
    if (nearest != nullptr) add_constant(nearest->stored);
  }
  for (const CallRecord& call : flow.calls) {
    const bool takes_interfaces = call.target == 0 || FactsOf(call.target).is_go;
    if (!takes_interfaces) continue;
    for (int i = 1; i < kArgumentRegisters; ++i) {
      if (call.registers[i] == word) add_constant(call.registers[i - 1]);
    }
  }
  for (const auto& values : flow.returns) {
    for (int i = 1; i < kArgumentRegisters; ++i) {
      if (values[i] == word) add_constant(values[i - 1]);
    }
  }
}

}  // namespace tidemark::golang
