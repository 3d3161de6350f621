// Interns stacks as paths in a trie that lives in the state file.
//
// Idea: a node is (parent, return address); equal prefixes from the root are stored once.
// Nodes are found through a private hash table of node numbers. Looking up is lock-free;
// only a node that was never seen takes the (bounded) lock.
//
// Malloc-safe. Not signal-safe by itself: the recorder's `busy` mark keeps a handler out.

#ifndef TIDEMARK_PROFILER_PRELOAD_STACK_TABLE_H_
#define TIDEMARK_PROFILER_PRELOAD_STACK_TABLE_H_

#include <stdint.h>

#include "profiler/preload/stack_capture.h"
#include "profiler/preload/state_file.h"
#include "proto/state.h"

namespace tidemark::preload {

class StackTable {
 public:
  static constexpr uint64_t kSlots = 2 * kNodeCapacity;

  // `slots`: kSlots zeroed numbers in private memory.
  void Attach(state::Node* nodes, state::Totals* totals, uint32_t* slots);

  // The leaf's node; kRootNode when the trie is full or its lock busy (*full says which).
  uint32_t Intern(const CapturedStack& stack, bool* full);

  // The node of a mark (no code) inside `node`; results as Intern's.
  uint32_t Mark(uint32_t node, uint64_t mark, bool* full) {
    return Child(node, mark, state::kNoModule, full);
  }

  // Code at [start, limit) was unloaded: its nodes no longer match a lookup, so the same
  // address loaded with other code gets nodes of its own.
  void Retire(uint64_t start, uint64_t limit);

 private:
  uint32_t Child(uint32_t parent, uint64_t pc, uint32_t module, bool* full);
  uint32_t AddChild(uint32_t parent, uint64_t pc, uint32_t module, uint64_t slot, bool* full);

  state::Node* nodes_ = nullptr;
  state::Totals* totals_ = nullptr;
  uint32_t* slots_ = nullptr;
  uint32_t lock_ = 0;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_STACK_TABLE_H_
