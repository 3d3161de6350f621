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

bool g_found_late;  // the operators may be unloaded
bool g_exact;       // CountEveryOperator was called, with these
NewFunction g_exact_new[kPlainNewCount];
DeleteFunction g_exact_delete;
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

// Is it a C++ runtime whose operators are known?
bool IsStandardRuntime(const LoadedObject& object) {
  return HasSoname(object, "libstdc++.so.6") || HasSoname(object, "libc++.so.1") ||
         HasSoname(object, "libc++abi.so.1");
}

// The mode for operators as they were found, which in exact mode are replaced first.
OperatorMode ChooseMode(bool standard, bool forwards) {
  if (g_exact && standard) {
    for (uint32_t i = 0; i < kPlainNewCount; ++i) g_operators.new_functions[i] = g_exact_new[i];
    for (DeleteFunction& function : g_operators.delete_functions) function = g_exact_delete;
    return kOperatorsForward;
  }
  if (standard) return kOperatorsStandard;
  if (forwards) return kOperatorsForward;
  return g_exact ? kOperatorsExact : kOperatorsDetect;
}

}  // namespace

OperatorMode ResolveOperators(bool at_start) {
  const Search search = at_start ? Search::kAtStart : Search::kNow;
  const Found plain_new = FindNext(kNewNames[0], search);
  const Found plain_delete = FindNext(kDeleteNames[0], search);
  if (plain_new.function == nullptr || plain_delete.function == nullptr) return kOperatorsUnknown;
  bool forwards = CallsMallocByName(plain_new.object);
  // With an allocator in front, theirs is its malloc, not the next one.
  bool standard = forwards && IsStandardRuntime(plain_new.object) &&
                  FindInFront("malloc", search).function == nullptr;
  for (uint32_t i = 0; i < kNewCount; ++i) {
    const Found found = FindNext(kNewNames[i], search);
    g_operators.new_functions[i] = found.function != nullptr
                                       ? reinterpret_cast<NewFunction>(found.function)
                                   : i < kPlainNewCount ? NewFromMalloc
                                                        : AlignedNewFromMalloc;
    g_operators.real_new[i] = g_operators.new_functions[i];
    g_operators.new_bytes[i] = found.size_bytes;
    if (found.function != nullptr && found.object.dynamic != plain_new.object.dynamic) {
      forwards = forwards && CallsMallocByName(found.object);
      standard = standard && forwards && IsStandardRuntime(found.object);
    }
  }
  for (uint32_t i = 0; i < kDeleteCount; ++i) {
    const Found found = FindNext(kDeleteNames[i], search);
    g_operators.delete_functions[i] =
        found.function != nullptr ? reinterpret_cast<DeleteFunction>(found.function) : DeleteToFree;
    if (found.function != nullptr && found.object.dynamic != plain_new.object.dynamic) {
      forwards = forwards && CallsMallocByName(found.object);
      standard = standard && forwards && IsStandardRuntime(found.object);
    }
  }
  g_in_allocator_library = FindInObject(plain_new.object, "malloc") != nullptr;
  g_found_late = !at_start;
  const OperatorMode mode = ChooseMode(standard, forwards);
  __atomic_store_n(&g_operators.mode, mode, __ATOMIC_RELEASE);
  return mode;
}

bool IsInOperatorNew(uint64_t pc) {
  if (CurrentOperatorMode() == kOperatorsUnknown) return false;
  for (uint32_t i = 0; i < kNewCount; ++i) {
    const uint64_t start = reinterpret_cast<uint64_t>(g_operators.real_new[i]);
    if (pc - 1 - start < g_operators.new_bytes[i]) return true;
  }
  return false;
}

void* NewWithoutRuntime(size_t size, uintptr_t alignment, uint32_t which) {
  return which < kPlainNewCount ? NewFromMalloc(size, 0, 0)
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

void CountEveryOperator(const NewFunction (&plain_new)[kPlainNewCount], DeleteFunction any_delete) {
  g_exact = true;
  for (uint32_t i = 0; i < kPlainNewCount; ++i) g_exact_new[i] = plain_new[i];
  g_exact_delete = any_delete;
  const OperatorMode mode = CurrentOperatorMode();
  if (mode == kOperatorsUnknown || mode == kOperatorsForward) return;
  const OperatorMode chosen = ChooseMode(mode == kOperatorsStandard, false);
  __atomic_store_n(&g_operators.mode, chosen, __ATOMIC_RELEASE);
}

void ForgetLateOperators() {
  if (g_found_late) __atomic_store_n(&g_operators.mode, kOperatorsUnknown, __ATOMIC_RELEASE);
}

}  // namespace tidemark::preload
