#include "profiler/preload/stack_table.h"

#include "profiler/preload/bounded_lock.h"

namespace tidemark::preload {
namespace {

uint64_t HomeSlot(uint32_t parent, uint64_t pc) {
  const uint64_t h = (pc ^ (uint64_t{parent} << 33)) * 0x9e3779b97f4a7c15u;
  return (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u >> 40 & (StackTable::kSlots - 1);
}

}  // namespace

void StackTable::Attach(state::Node* nodes, state::Totals* totals, uint32_t* slots) {
  nodes_ = nodes;
  totals_ = totals;
  slots_ = slots;
  lock_ = 0;
  nodes_[state::kRootNode] = {0, state::kRootNode, state::kNoModule};
  __atomic_store_n(&totals_->node_count, uint64_t{1}, __ATOMIC_RELEASE);
}

uint32_t StackTable::Intern(const CapturedStack& stack, bool* full) {
  *full = false;
  uint32_t node = state::kRootNode;
  if (stack.truncated) {
    node = Child(node, state::kPcTruncated, state::kNoModule, full);
    if (node == state::kRootNode) return node;
  }
  for (uint32_t i = stack.depth; i-- > 0;) {
    node = Child(node, stack.frames[i].pc, stack.frames[i].module, full);
    if (node == state::kRootNode) return node;
  }
  return node;
}

uint32_t StackTable::Child(uint32_t parent, uint64_t pc, uint32_t module, bool* full) {
  uint64_t slot = HomeSlot(parent, pc);
  for (;; slot = (slot + 1) & (kSlots - 1)) {
    const uint32_t id = __atomic_load_n(&slots_[slot], __ATOMIC_ACQUIRE);
    if (id == 0) return AddChild(parent, pc, module, slot, full);
    if (nodes_[id].parent == parent && __atomic_load_n(&nodes_[id].pc, __ATOMIC_RELAXED) == pc) {
      return id;
    }
  }
}

// `slot` was empty a moment ago; other threads may have filled it and its followers since.
uint32_t StackTable::AddChild(uint32_t parent, uint64_t pc, uint32_t module, uint64_t slot,
                              bool* full) {
  if (!AcquireBounded(&lock_)) return state::kRootNode;
  uint32_t result = state::kRootNode;
  for (;; slot = (slot + 1) & (kSlots - 1)) {
    const uint32_t id = slots_[slot];
    if (id == 0) break;
    if (nodes_[id].parent == parent && nodes_[id].pc == pc) {
      result = id;
      break;
    }
  }
  if (result == state::kRootNode) {
    const uint64_t count = totals_->node_count;
    if (count < kNodeCapacity && Reach(state::kSectionNodes, &nodes_[count])) {
      result = static_cast<uint32_t>(count);
      nodes_[result] = {pc, parent, module};
      __atomic_store_n(&totals_->node_count, count + 1, __ATOMIC_RELEASE);
      __atomic_store_n(&slots_[slot], result, __ATOMIC_RELEASE);
    } else {
      *full = true;
    }
  }
  Release(&lock_);
  return result;
}

void StackTable::Retire(uint64_t start, uint64_t limit) {
  const uint64_t count = __atomic_load_n(&totals_->node_count, __ATOMIC_ACQUIRE);
  for (uint64_t i = 1; i < count; ++i) {
    const uint64_t pc = nodes_[i].pc;
    // A return address belongs to the code before it.
    if (pc > start && pc <= limit) {
      __atomic_store_n(&nodes_[i].pc, pc | state::kPcRetired, __ATOMIC_RELAXED);
    }
  }
}

}  // namespace tidemark::preload
