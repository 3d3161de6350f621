#include "profiler/preload/operators.h"

#include "profiler/preload/symbol_lookup.h"

extern "C" void* malloc(size_t size);
extern "C" void* aligned_alloc(size_t alignment, size_t size);
extern "C" void free(void* block);

namespace tidemark::preload {

const char* const kNewNames[kNewCount] = {
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
};
const char* const kDeleteNames[kDeleteCount] = {
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

constinit Operators g_operators = {};

namespace {

constexpr uint32_t kFirstAlignedNew = 4;

bool g_found_late;            // the operators may be unloaded
bool g_exact;                 // CountEveryOperator was called
bool g_in_allocator_library;  // operator new's file defines malloc too

// For overloads that an old C++ runtime lacks. They go through our own entry points.
void* NewFromMalloc(size_t size, uintptr_t, uintptr_t) { return malloc(size != 0 ? size : 1); }
void* AlignedNewFromMalloc(size_t size, uintptr_t alignment, uintptr_t) {
  const size_t rounded = (size + alignment - 1) & ~(alignment - 1);
  return aligned_alloc(alignment, rounded >= size && rounded != 0 ? rounded : alignment);
}
void DeleteToFree(void* block, uintptr_t, uintptr_t) { free(block); }

// Does a call of this function end in our malloc for sure? Its file refers to malloc and
// has none of its own.
bool CallsMallocByName(const LoadedObject& object) {
  return Imports(object, "malloc") && FindInObject(object, "malloc") == nullptr;
}

}  // namespace

OperatorMode ResolveOperators(bool at_start) {
  const Search search = at_start ? Search::kAtStart : Search::kNow;
  const Found plain_new = FindNext(kNewNames[0], search);
  const Found plain_delete = FindNext(kDeleteNames[0], search);
  if (plain_new.function == nullptr || plain_delete.function == nullptr) return kOperatorsUnknown;
  bool forwards = CallsMallocByName(plain_new.object);
  for (uint32_t i = 0; i < kNewCount; ++i) {
    const Found found = FindNext(kNewNames[i], search);
    g_operators.new_functions[i] = found.function != nullptr
                                       ? reinterpret_cast<NewFunction>(found.function)
                                   : i < kFirstAlignedNew ? NewFromMalloc
                                                          : AlignedNewFromMalloc;
    g_operators.new_bytes[i] = found.size_bytes;
    if (found.function != nullptr && found.object.dynamic != plain_new.object.dynamic) {
      forwards = forwards && CallsMallocByName(found.object);
    }
  }
  for (uint32_t i = 0; i < kDeleteCount; ++i) {
    const Found found = FindNext(kDeleteNames[i], search);
    g_operators.delete_functions[i] =
        found.function != nullptr ? reinterpret_cast<DeleteFunction>(found.function) : DeleteToFree;
    if (found.function != nullptr && found.object.dynamic != plain_new.object.dynamic) {
      forwards = forwards && CallsMallocByName(found.object);
    }
  }
  g_in_allocator_library = FindInObject(plain_new.object, "malloc") != nullptr;
  g_found_late = !at_start;
  const OperatorMode mode = forwards  ? kOperatorsForward
                            : g_exact ? kOperatorsExact
                                      : kOperatorsDetect;
  __atomic_store_n(&g_operators.mode, mode, __ATOMIC_RELEASE);
  return mode;
}

bool IsInOperatorNew(uint64_t pc) {
  if (CurrentOperatorMode() == kOperatorsUnknown) return false;
  for (uint32_t i = 0; i < kNewCount; ++i) {
    const uint64_t start = reinterpret_cast<uint64_t>(g_operators.new_functions[i]);
    if (pc - 1 - start < g_operators.new_bytes[i]) return true;
  }
  return false;
}

void* NewWithoutRuntime(size_t size, uintptr_t alignment, uint32_t which) {
  return which < kFirstAlignedNew ? NewFromMalloc(size, 0, 0)
                                  : AlignedNewFromMalloc(size, alignment, 0);
}
void DeleteWithoutRuntime(void* block) { free(block); }

void NoteOperatorsBypassMalloc() {
  // Elsewhere it may be a pool that goes to malloc only now and then: keep watching.
  if (!g_in_allocator_library) return;
  OperatorMode expected = kOperatorsDetect;
  __atomic_compare_exchange_n(&g_operators.mode, &expected, kOperatorsCount, false,
                              __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void CountEveryOperator() {
  g_exact = true;
  const OperatorMode mode = CurrentOperatorMode();
  if (mode == kOperatorsDetect || mode == kOperatorsCount) {
    __atomic_store_n(&g_operators.mode, kOperatorsExact, __ATOMIC_RELEASE);
  }
}

void ForgetLateOperators() {
  if (g_found_late) __atomic_store_n(&g_operators.mode, kOperatorsUnknown, __ATOMIC_RELEASE);
}

}  // namespace tidemark::preload
