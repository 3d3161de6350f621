#include "analyzer/golang/result_type.h"

#include <algorithm>

namespace tidemark::golang {
namespace {

constexpr size_t kMostCallers = 6;   // that are asked, one after the other
constexpr int kMostCalleeDepth = 2;  // functions called by functions
constexpr int kMostCallees = 16;     // asked in all
constexpr size_t kMostAliases = 24;
constexpr size_t kMostUses = 256;        // of one value that are looked at
constexpr uint64_t kPairDistance = 256;  // bytes of code between an interface's two words

bool Contains(const std::vector<Value>& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool AddTo(std::vector<Value>* values, const Value& value) {
  if (values->size() >= kMostAliases || Contains(*values, value)) return false;
  values->push_back(value);
  return true;
}

// `value`, whose root is what the function got in a register, with what the caller put there.
std::optional<Value> InCaller(const Value& value, const CallRecord& call) {
  if (value.kind != Value::Root::kEntry || value.reg > kRdx) return std::nullopt;
  std::optional<Value> result = call.registers[value.reg];
  for (int i = 0; result; ++i) {
    result = Plus(*result, value.offsets[i]);
    if (i == value.loads) return result;
    if (result) result = Loaded(*result);
  }
  return std::nullopt;
}

// How far `place` is from `base`; nullopt when it is not reached from there by adding.
std::optional<int32_t> Distance(const Value& place, const Value& base) {
  if (place.kind == Value::Root::kConstant) return std::nullopt;
  Value moved = base;
  if (moved.loads != place.loads) return std::nullopt;
  moved.offsets[moved.loads] = place.offsets[place.loads];
  if (moved != place) return std::nullopt;
  const int64_t distance = int64_t{place.offsets[place.loads]} - base.offsets[base.loads];
  if (distance != static_cast<int32_t>(distance)) return std::nullopt;
  return static_cast<int32_t>(distance);
}

}  // namespace

class ResultTypes::Votes {
 public:
  void Add(const std::optional<GoType>& type) {
    if (!type) return;
    if (type_ && type_->address != type->address) is_contradiction_ = true;
    type_ = type;
  }
  void AddMap(const std::optional<GoType>& type) {
    if (type && type->kind == TypeKind::kMap) Add(type);
  }
  std::optional<GoType> type() const { return is_contradiction_ ? std::nullopt : type_; }
  bool is_contradiction() const { return is_contradiction_; }

 private:
  std::optional<GoType> type_;
  bool is_contradiction_ = false;
};

bool ResultTypes::Aliases::Has(const Value& value) const { return Contains(values, value); }

// Where paths meet, and through memory that is no stack slot (those are followed already).
ResultTypes::Aliases ResultTypes::Follow(Aliases aliases, const FunctionFlow& flow) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Value& place : aliases.places) {
      if (const auto value = Loaded(place)) changed |= AddTo(&aliases.values, *value);
    }
    for (const MergeRecord& merge : flow.merges) {
      if (aliases.Has(merge.from)) changed |= AddTo(&aliases.values, merge.met);
    }
    for (const StoreRecord& store : flow.stores) {
      if (store.scale != 0 || !aliases.Has(store.stored)) continue;
      if (store.base.kind == Value::Root::kStack && store.base.loads == 0) continue;
      if (const auto place = Plus(store.base, store.offset)) {
        changed |= AddTo(&aliases.places, *place);
      }
    }
  }
  return aliases;
}

void ResultTypes::VoteHere(const Aliases& aliases, const FunctionFlow& flow, Votes* votes) {
  for (const CallRecord& call : flow.calls) {
    if (!aliases.Has(call.registers[kRbx]) || !program_.FactsOf(call.target).takes_map) continue;
    const Value& type = call.registers[kRax];
    if (type.is_constant()) votes->AddMap(TypeAt(program_.binary(), type.root));
  }
  size_t uses = 0;
  for (const StoreRecord& store : flow.stores) {
    if (aliases.Has(store.stored) && ++uses <= kMostUses) VoteForField(store, flow, votes);
  }
  Votes in_interfaces;
  for (const Value& value : aliases.values) VoteForInterface(value, flow, &in_interfaces);
  votes->AddMap(in_interfaces.type());
}

// An object of a known type, made here too.
void ResultTypes::VoteForField(const StoreRecord& store, const FunctionFlow& flow, Votes* votes) {
  if (store.offset < 0 || store.scale != 0) return;
  const auto maker = std::find_if(flow.calls.begin(), flow.calls.end(), [&](const auto& call) {
    return store.base == Value::Defined(call.address, kRax);
  });
  if (maker == flow.calls.end()) return;
  const RuntimeEntry* const entry = program_.FactsOf(maker->target).entry;
  if (entry == nullptr || entry->kind != AllocationKind::kObject || entry->reg == kNoRegister) {
    return;
  }
  const Value& argument = maker->registers[entry->reg];
  if (!argument.is_constant()) return;
  if (const auto object = TypeAt(program_.binary(), argument.root)) {
    votes->AddMap(FieldAt(program_.binary(), *object, static_cast<uint64_t>(store.offset)));
  }
}

void ResultTypes::VoteInCallees(const Aliases& aliases, const FunctionFlow& flow, int depth,
                                Votes* votes) {
  for (const CallRecord& call : flow.calls) {
    if (callees_left_ == 0 || votes->type()) return;
    if (call.target == 0 || !program_.FactsOf(call.target).is_go) continue;
    Aliases inside;
    for (int i = 0; i < kArgumentRegisters; ++i) {
      const Value& argument = call.registers[i];
      if (aliases.Has(argument)) AddTo(&inside.values, Value::Entry(Register(i)));
      for (const Value& place : aliases.places) {
        const std::optional<int32_t> distance = Distance(place, argument);
        if (!distance) continue;
        if (const auto there = Plus(Value::Entry(Register(i)), *distance)) {
          AddTo(&inside.places, *there);
        }
      }
    }
    if (inside.values.empty() && inside.places.empty()) continue;
    --callees_left_;
    const FlowPtr callee = program_.FlowAt(call.target);
    if (callee == nullptr) continue;
    inside = Follow(std::move(inside), *callee);
    VoteHere(inside, *callee, votes);
    if (!votes->type() && depth > 1) VoteInCallees(inside, *callee, depth - 1, votes);
  }
}

std::optional<GoType> ResultTypes::OfMap(const CallRecord& call, StackFrame frame, FlowPtr flow) {
  Aliases aliases;
  aliases.values.push_back(Value::Defined(call.address, kRax));
  callees_left_ = kMostCallees;
  for (size_t i = 0; i < kMostCallers; ++i) {
    aliases = Follow(std::move(aliases), *flow);
    Votes votes;
    VoteHere(aliases, *flow, &votes);
    if (!votes.type() && !votes.is_contradiction()) {
      VoteInCallees(aliases, *flow, kMostCalleeDepth, &votes);
    }
    if (votes.type() || votes.is_contradiction()) return votes.type();

    const auto [outer, outer_call] = program_.CallOf(frame);
    if (outer_call == nullptr) return std::nullopt;
    Aliases outside;
    for (const auto& values : flow->returns) {
      for (int reg = 0; reg < kArgumentRegisters; ++reg) {
        if (!aliases.Has(values[reg])) continue;
        AddTo(&outside.values, Value::Defined(outer_call->address, Register(reg)));
      }
    }
    for (const Value& place : aliases.places) {
      if (const auto there = InCaller(place, *outer_call)) AddTo(&outside.places, *there);
    }
    if (outside.values.empty() && outside.places.empty()) return std::nullopt;
    aliases = std::move(outside);
    flow = outer;
    ++frame.index;
  }
  return std::nullopt;
}

// An interface is a word for the type and a word for the value, one after the other in memory,
// arguments and results.
void ResultTypes::VoteForInterface(const Value& word, const FunctionFlow& flow, Votes* votes) {
  const auto add = [&](const Value& type_word) {
    if (type_word.is_constant()) votes->Add(TypeOfInterfaceWord(program_.binary(), type_word.root));
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
      const bool is_before = other.base == store.base && other.index == store.index &&
                             other.scale == store.scale && other.offset == store.offset - 8;
      if (!is_before || distance(other) > kPairDistance) continue;
      if (nearest == nullptr || distance(other) < distance(*nearest)) nearest = &other;
    }
    if (nearest != nullptr) add(nearest->stored);
  }
  for (const CallRecord& call : flow.calls) {
    const bool may_take_one = call.target == 0 || program_.FactsOf(call.target).is_go;
    for (int i = 1; may_take_one && i < kArgumentRegisters; ++i) {
      if (call.registers[i] == word) add(call.registers[i - 1]);
    }
  }
  for (const auto& values : flow.returns) {
    for (int i = 1; i < kArgumentRegisters; ++i) {
      if (values[i] == word) add(values[i - 1]);
    }
  }
}

std::optional<GoType> ResultTypes::InInterface(const CallRecord& call, const FunctionFlow& flow) {
  Aliases aliases;
  aliases.values.push_back(Value::Defined(call.address, kRax));
  Votes votes;
  VoteForInterface(aliases.values[0], flow, &votes);
  return votes.type();
}

}  // namespace tidemark::golang
