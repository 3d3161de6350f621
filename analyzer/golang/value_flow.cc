#include "analyzer/golang/value_flow.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace tidemark::golang {
namespace {

constexpr size_t kMostSlots = 96;
constexpr size_t kMostBlocks = 20000;  // each keeps a state of about a kilobyte
constexpr size_t kMostTableEntries = 4096;
// Steps taken in all, as a multiple of the function's length: real code needs about two.
constexpr uint64_t kMostRounds = 24;
constexpr uint64_t kFewestSteps = 100000;

class State {
 public:
  struct Slot {
    int32_t offset = 0;  // of its 8 bytes, from the stack pointer at entry
    Value value;
  };

  static State AtEntry() {
    State state;
    for (int i = 0; i < kRegisters; ++i) state.registers_[i] = Value::Entry(Register(i));
    state.registers_[kRsp] = {.kind = Value::Root::kStack};
    return state;
  }
  // Of which nothing is known; values are named after the place.
  static State Unknown(uint64_t address) {
    State state;
    for (int i = 0; i < kRegisters; ++i) {
      state.registers_[i] = Value::Met(address, Register(i));
    }
    return state;
  }

  const Value& at(Register reg) const { return registers_[reg]; }
  void Set(Register reg, const Value& value) { registers_[reg] = value; }

  // Whether `value` is an address in the stack, and where.
  static std::optional<int32_t> StackOffset(const Value& value) {
    if (value.kind != Value::Root::kStack || value.loads != 0) return std::nullopt;
    return value.offsets[0];
  }

  const Value* FindSlot(int32_t offset) const {
    const auto it = Lower(offset);
    return it != slots_.end() && it->offset == offset ? &it->value : nullptr;
  }

  void SetSlot(int32_t offset, const Value& value) {
    DropSlots(offset, 8);
    if (slots_.size() >= kMostSlots) return;
    slots_.insert(Lower(offset), {offset, value});
  }

  // Forgets slots that [offset, offset + size) touches.
  void DropSlots(int64_t offset, int64_t size) {
    std::erase_if(slots_, [&](const Slot& slot) {
      return slot.offset < offset + size && offset < int64_t{slot.offset} + 8;
    });
  }
  void DropAllSlots() { slots_.clear(); }

  // Takes in a state that may also hold where paths meet, at `address`; whether it changed
  // this one.
  bool Meet(const State& other, uint64_t address) {
    bool changed = false;
    for (int i = 0; i < kRegisters; ++i) {
      if (registers_[i] == other.registers_[i]) continue;
      const Value met = Value::Met(address, Register(i));
      changed |= registers_[i] != met;
      registers_[i] = met;
    }
    const size_t before = slots_.size();
    std::erase_if(slots_, [&](const Slot& slot) { return other.FindSlot(slot.offset) == nullptr; });
    for (Slot& slot : slots_) {
      if (*other.FindSlot(slot.offset) == slot.value) continue;
      const Value met = Value::MetInSlot(address, slot.offset);
      changed |= slot.value != met;
      slot.value = met;
    }
    return changed || slots_.size() != before;
  }

  // Calls `add` for every value of `this` that is another, named by `meeting`'s address, in
  // the state where paths meet.
  template <class Add>
  void ForEachMerge(const State& meeting, Add add) const {
    for (int i = 0; i < kRegisters; ++i) {
      if (registers_[i] != meeting.registers_[i]) add(registers_[i], meeting.registers_[i]);
    }
    for (const Slot& slot : slots_) {
      const Value* const met = meeting.FindSlot(slot.offset);
      if (met != nullptr && *met != slot.value) add(slot.value, *met);
    }
  }

 private:
  std::vector<Slot>::iterator Lower(int32_t offset) {
    return std::lower_bound(slots_.begin(), slots_.end(), offset,
                            [](const Slot& slot, int32_t o) { return slot.offset < o; });
  }
  std::vector<Slot>::const_iterator Lower(int32_t offset) const {
    return std::lower_bound(slots_.begin(), slots_.end(), offset,
                            [](const Slot& slot, int32_t o) { return slot.offset < o; });
  }

  std::array<Value, kRegisters> registers_;
  std::vector<Slot> slots_;  // by offset, disjoint
};

class Flow {
 public:
  Flow(std::vector<Step> steps, const FlowQuery& query) : steps_(std::move(steps)), query_(query) {
    end_ = query.entry + query.code.size();
  }

  FunctionFlow Run() {
    FindBlocks();
    if (blocks_.size() <= kMostBlocks) FindStates();
    const bool are_known = blocks_.size() <= kMostBlocks && !budget_exhausted_;
    recording_ = true;
    for (const Block& block : blocks_) {
      if (!are_known) {
        Walk(block, State::Unknown(steps_[block.begin].address));
      } else if (block.in) {
        Walk(block, *block.in);
      }
    }
    return std::move(result_);
  }

 private:
  struct Block {
    size_t begin = 0;  // steps [begin, end)
    size_t end = 0;
    std::optional<State> in;  // none: not reached yet
    bool is_waiting = false;
  };

  static bool EndsBlock(StepKind kind) {
    switch (kind) {
      case StepKind::kJump:
      case StepKind::kBranch:
      case StepKind::kJumpTable:
      case StepKind::kReturn:
      case StepKind::kStop:
        return true;
      default:
        return false;
    }
  }

  size_t StepAt(uint64_t address) const {
    const auto it = std::lower_bound(steps_.begin(), steps_.end(), address,
                                     [](const Step& s, uint64_t a) { return s.address < a; });
    return it != steps_.end() && it->address == address ? static_cast<size_t>(it - steps_.begin())
                                                        : steps_.size();
  }

  bool IsPadding(const Block& block) const {
    for (size_t i = block.begin; i < block.end; ++i) {
      if (steps_[i].kind != StepKind::kOther || steps_[i].clobbered != 0) return false;
    }
    return true;
  }

  void FindBlocks() {
    std::vector<bool> begins(steps_.size() + 1);
    if (steps_.empty() || steps_[0].address != query_.entry) return;
    begins[0] = true;
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.kind == StepKind::kJump || step.kind == StepKind::kBranch) {
        begins[StepAt(static_cast<uint64_t>(step.number))] = true;
      }
      // Where a table leads is not known yet; its address may be any constant in the code.
      if (step.kind == StepKind::kJumpTable) has_table_ = true;
      if (EndsBlock(step.kind)) begins[i + 1] = true;
      // What comes after a panic is reached from elsewhere, or never.
      if (step.kind == StepKind::kCall && Effect(step) == CallEffect::kNoReturn) {
        begins[i + 1] = true;
      }
    }
    if (has_table_) MarkTableTargets(&begins);
    block_of_.resize(steps_.size());
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (begins[i]) {
        blocks_.push_back({.begin = i, .end = i, .in = std::nullopt, .is_waiting = false});
      }
      blocks_.back().end = i + 1;
      block_of_[i] = static_cast<uint32_t>(blocks_.size() - 1);
    }
    budget_ = std::max(kFewestSteps, kMostRounds * steps_.size());
  }

  // Every constant address in the function's data that a table might be at: its entries begin
  // blocks.
  void MarkTableTargets(std::vector<bool>* begins) {
    for (const Step& step : steps_) {
      if (step.kind != StepKind::kAddress || step.base != kNoRegister) continue;
      for (const uint64_t target : TableAt(static_cast<uint64_t>(step.number))) {
        (*begins)[StepAt(target)] = true;
      }
    }
  }

  // Addresses of this function at `table` and after it, up to the first word that is none.
  std::vector<uint64_t> TableAt(uint64_t table) const {
    std::vector<uint64_t> targets;
    while (targets.size() < kMostTableEntries) {
      const uint64_t target = query_.pointer(table + 8 * targets.size());
      if (target < query_.entry || target >= end_) break;
      targets.push_back(target);
    }
    return targets;
  }

  CallEffect Effect(const Step& step) const {
    const auto target = static_cast<uint64_t>(step.number);
    // A call of itself is ordinary, whatever it is.
    if (target == query_.entry) return CallEffect::kOrdinary;
    return query_.effect(target);
  }

  // What holds at the beginning of each block that can be reached.
  void FindStates() {
    if (blocks_.empty()) return;
    Reach(0, State::AtEntry());
    Settle();
    if (!has_unknown_jump_) return;
    // Code that only a jump through an unknown table leads to: nothing is known there.
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_[i].in || IsPadding(blocks_[i])) continue;
      Reach(i, State::Unknown(steps_[blocks_[i].begin].address));
      Settle();
    }
  }

  void Reach(size_t block, const State& state) {
    Block& b = blocks_[block];
    if (recording_) {
      if (b.in) RecordMerges(state, *b.in);
      return;
    }
    const bool changed = !b.in || b.in->Meet(state, steps_[b.begin].address);
    if (!b.in) b.in = state;
    if (!changed || b.is_waiting) return;
    b.is_waiting = true;
    waiting_.push_back(block);
  }

  void RecordMerges(const State& state, const State& meeting) {
    state.ForEachMerge(meeting, [&](const Value& from, const Value& met) {
      const bool is_result =
          from.kind == Value::Root::kDefined && from.reg == kRax && from.loads == 0;
      const bool has_met = from.kind == Value::Root::kMet || from.kind == Value::Root::kMetInSlot;
      if (is_result || has_met) result_.merges.push_back({from, met});
    });
  }

  void ReachAddress(uint64_t address, const State& state) {
    const size_t step = StepAt(address);
    if (step < steps_.size()) Reach(block_of_[step], state);
  }

  void Settle() {
    while (!waiting_.empty() && !budget_exhausted_) {
      const size_t block = waiting_.front();
      waiting_.pop_front();
      blocks_[block].is_waiting = false;
      Walk(blocks_[block], *blocks_[block].in);
    }
  }

  void Walk(const Block& block, State state) {
    const uint64_t length = block.end - block.begin;
    if (!recording_ && length > budget_) {
      budget_exhausted_ = true;
      return;
    }
    if (!recording_) budget_ -= length;
    for (size_t i = block.begin; i < block.end; ++i) {
      if (!Take(steps_[i], &state)) return;
    }
    if (block.end < steps_.size()) Reach(block_of_[block.end], state);
  }

  // Returns whether the next step may follow.
  bool Take(const Step& step, State* state) {
    for (int i = 0; i < kRegisters; ++i) {
      if ((step.clobbered >> i & 1) != 0) Define(step, Register(i), state);
    }
    switch (step.kind) {
      case StepKind::kOther:
        return true;
      case StepKind::kMove:
        state->Set(step.target, state->at(step.source));
        return true;
      case StepKind::kConstant:
        state->Set(step.target, Value::Constant(static_cast<uint64_t>(step.number)));
        return true;
      case StepKind::kAddress:
        SetOrDefine(step, Place(step, *state), state);
        return true;
      case StepKind::kLoad:
        SetOrDefine(step, Loaded(Place(step, *state), *state), state);
        return true;
      case StepKind::kStore:
        Store(step, state->at(step.source), state);
        return true;
      case StepKind::kStoreConstant:
        Store(step, Value::Constant(static_cast<uint64_t>(int64_t{step.constant})), state);
        return true;
      case StepKind::kOverwrite:
        if (const auto slot = StackPlace(step, *state)) state->DropSlots(*slot, step.size);
        return true;
      case StepKind::kPush:
        Push(step, state);
        return true;
      case StepKind::kPop:
        Pop(step, state);
        return true;
      case StepKind::kCall:
      case StepKind::kCallIndirect:
        return Call(step, state);
      case StepKind::kJump:
        ReachAddress(static_cast<uint64_t>(step.number), *state);
        return false;
      case StepKind::kBranch:
        ReachAddress(static_cast<uint64_t>(step.number), *state);
        return true;
      case StepKind::kJumpTable:
        JumpThroughTable(step, *state);
        return false;
      case StepKind::kReturn:
        if (recording_) Return(*state);
        return false;
      case StepKind::kStop:
        return false;
    }
    return true;
  }

  static void Define(const Step& step, Register reg, State* state) {
    state->Set(reg, Value::Defined(step.address, reg));
    if (reg == kRsp) state->DropAllSlots();
  }

  static void SetOrDefine(const Step& step, const std::optional<Value>& value, State* state) {
    if (step.target == kRsp && (!value || !State::StackOffset(*value))) {
      Define(step, kRsp, state);
    } else if (value) {
      state->Set(step.target, *value);
    } else {
      Define(step, step.target, state);
    }
  }

  static std::optional<Value> Place(const Step& step, const State& state) {
    if (step.base == kNoRegister) return Value::Constant(static_cast<uint64_t>(step.number));
    return Plus(state.at(step.base), step.number);
  }

  static std::optional<int32_t> StackPlace(const Step& step, const State& state) {
    if (step.base == kNoRegister) return std::nullopt;
    const std::optional<Value> place = Place(step, state);
    return place ? State::StackOffset(*place) : std::nullopt;
  }

  static std::optional<Value> Loaded(const std::optional<Value>& place, const State& state) {
    if (!place) return std::nullopt;
    if (const std::optional<int32_t> slot = State::StackOffset(*place)) {
      const Value* const value = state.FindSlot(*slot);
      return value == nullptr ? std::nullopt : std::optional<Value>(*value);
    }
    return golang::Loaded(*place);
  }

  void Store(const Step& step, const Value& stored, State* state) {
    const bool has_index = step.index != kNoRegister;
    if (!has_index) {
      if (const auto slot = StackPlace(step, *state)) state->SetSlot(*slot, stored);
    }
    if (!recording_) return;
    StoreRecord record;
    record.address = step.address;
    record.base = step.base == kNoRegister ? Value::Constant(0) : state->at(step.base);
    if (has_index) record.index = state->at(step.index);
    record.scale = step.scale;
    record.offset = step.number;
    record.stored = stored;
    result_.stores.push_back(record);
  }

  static void Push(const Step& step, State* state) {
    const std::optional<Value> top = Plus(state->at(kRsp), -8);
    const Value pushed = step.source == kNoRegister ? Value::Defined(step.address, kNoRegister)
                                                    : state->at(step.source);
    const std::optional<int32_t> slot = top ? State::StackOffset(*top) : std::nullopt;
    if (!slot) return Define(step, kRsp, state);
    state->Set(kRsp, *top);
    state->SetSlot(*slot, pushed);
  }

  static void Pop(const Step& step, State* state) {
    const Value top = state->at(kRsp);
    const std::optional<Value> value = State::StackOffset(top) ? Loaded(top, *state) : std::nullopt;
    const std::optional<Value> above = Plus(top, 8);
    SetOrDefine(step, value, state);
    if (step.target == kRsp) return;
    if (above && State::StackOffset(*above)) {
      state->Set(kRsp, *above);
    } else {
      Define(step, kRsp, state);
    }
  }

  bool Call(const Step& step, State* state) {
    const bool is_direct = step.kind == StepKind::kCall;
    if (recording_) {
      CallRecord call;
      call.address = step.address;
      call.return_address = step.address + step.length;
      call.target = is_direct ? static_cast<uint64_t>(step.number) : 0;
      for (int i = 0; i <= kRdx; ++i) call.registers[i] = state->at(Register(i));
      result_.calls.push_back(call);
    }
    switch (is_direct ? Effect(step) : CallEffect::kOrdinary) {
      case CallEffect::kNoReturn:
        return false;
      case CallEffect::kNone:
        return true;
      case CallEffect::kBarrier:
        Define(step, kR11, state);
        return true;
      case CallEffect::kBlock:
        Define(step, kRdi, state);
        Define(step, kRsi, state);
        return true;
      case CallEffect::kOrdinary:
        break;
    }
    // Go saves no register for its caller; R14 is always the goroutine.
    for (int i = 0; i < kRegisters; ++i) {
      if (i != kRsp && i != kR14 && i != kRbp) Define(step, Register(i), state);
    }
    return true;
  }

  void JumpThroughTable(const Step& step, const State& state) {
    if (step.base != kNoRegister) {
      const std::optional<Value> table = Place(step, state);
      if (table && table->is_constant()) {
        for (const uint64_t target : TableAt(table->root)) ReachAddress(target, state);
        return;
      }
    }
    has_unknown_jump_ = true;
  }

  void Return(const State& state) {
    std::array<Value, kArgumentRegisters> values;
    for (int i = 0; i < kArgumentRegisters; ++i) values[i] = state.at(Register(i));
    result_.returns.push_back(values);
  }

  const std::vector<Step> steps_;
  const FlowQuery& query_;
  uint64_t end_ = 0;
  std::vector<Block> blocks_;
  std::vector<uint32_t> block_of_;  // by step
  std::deque<size_t> waiting_;
  uint64_t budget_ = 0;
  bool budget_exhausted_ = false;
  bool has_table_ = false;
  bool has_unknown_jump_ = false;
  bool recording_ = false;
  FunctionFlow result_;
};

}  // namespace

std::optional<Value> Plus(Value value, int64_t number) {
  if (value.kind == Value::Root::kUnknown) return std::nullopt;
  if (value.is_constant()) {
    value.root += static_cast<uint64_t>(number);
    return value;
  }
  int32_t& last = value.offsets[value.loads];
  int32_t sum = 0;
  if (number != static_cast<int32_t>(number) ||
      __builtin_add_overflow(last, static_cast<int32_t>(number), &sum)) {
    return std::nullopt;
  }
  last = sum;
  return value;
}

std::optional<Value> Loaded(Value place) {
  if (place.kind == Value::Root::kUnknown || place.loads == Value::kMostLoads) return std::nullopt;
  ++place.loads;
  return place;
}

const CallRecord* FunctionFlow::CallReturningTo(uint64_t return_address) const {
  const auto it =
      std::lower_bound(calls.begin(), calls.end(), return_address,
                       [](const CallRecord& call, uint64_t a) { return call.return_address < a; });
  return it != calls.end() && it->return_address == return_address ? &*it : nullptr;
}

FunctionFlow FollowValues(Decoder& decoder, const FlowQuery& query) {
  if (query.code.size() > kMostFunctionBytes) return {};
  return Flow(decoder.Decode(query.code, query.entry), query).Run();
}

}  // namespace tidemark::golang
