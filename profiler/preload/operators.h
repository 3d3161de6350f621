// operator new and delete in all overloads, and who stands behind them.
//
// libstdc++'s and libc++'s operators are known: what they do is done at the entry point. Other
// libraries' operators that call malloc and free, which we see, are one jump away. Those of an
// allocator library (jemalloc, tcmalloc) go to the allocator directly; then
// the allocation is counted here. Which it is, is never assumed: a program may have any
// operator new in a library behind us.
//
// A C program may load a C++ plugin at any time, so an operator that was not found is
// looked for again at each call, and what came with a plugin may go with it.
//
// Malloc-safe. Signal-safe except for the first call after a C++ runtime was loaded (it
// takes the dynamic linker's lock).

#ifndef TIDEMARK_PROFILER_PRELOAD_OPERATORS_H_
#define TIDEMARK_PROFILER_PRELOAD_OPERATORS_H_

#include <stddef.h>
#include <stdint.h>

namespace tidemark::preload {

// All overloads take at most three integer arguments, so one type fits all: an argument
// register that an overload does not have is passed on as it is.
using NewFunction = void* (*)(size_t size, uintptr_t a, uintptr_t b);
using DeleteFunction = void (*)(void* block, uintptr_t a, uintptr_t b);

inline constexpr uint32_t kNewCount = 8;
inline constexpr uint32_t kDeleteCount = 12;
inline constexpr uint32_t kPlainNewCount = 4;  // the first ones, without an alignment
extern const char* const kNewNames[kNewCount];
extern const char* const kDeleteNames[kDeleteCount];

enum OperatorMode : uint32_t {
  kOperatorsUnknown = 0,  // not looked for yet, or not there
  kOperatorsStandard,     // those of libstdc++ or libc++: the plain ones are malloc, in a loop
                          // around the new_handler, and all deletes are free
  kOperatorsForward,      // they call malloc and free by name
  kOperatorsDetect,       // unknown behaviour: each call is watched
  kOperatorsCount,        // they do not reach our malloc: counted here
  kOperatorsExact,        // as kOperatorsDetect, in exact mode, and each delete is seen too
};

struct Operators {
  OperatorMode mode;  // (atomic, release) the pointers are valid unless kOperatorsUnknown
  NewFunction new_functions[kNewCount];
  NewFunction real_new[kNewCount];  // the same, but in exact mode with standard operators
  uint64_t new_bytes[kNewCount];    // of the real ones' code; 0 when unknown
  DeleteFunction delete_functions[kDeleteCount];
};

extern Operators g_operators __attribute__((visibility("hidden")));

// Relaxed is enough where the pointers were null before: x86 keeps the order of loads.
inline OperatorMode CurrentOperatorMode() {
  return __atomic_load_n(&g_operators.mode, __ATOMIC_ACQUIRE);
}

// Does a call from inside one of the operators new return to `pc`? Their frames are left out
// of stacks, as malloc's own are: "operator new" is not a place where a program allocates.
bool IsInOperatorNew(uint64_t pc);

// Where there is no C++ runtime: by way of malloc and free, whosever they are.
void* NewWithoutRuntime(size_t size, uintptr_t alignment, uint32_t which);
void DeleteWithoutRuntime(void* block);

// Looks for the operators. `at_start`: see Search::kAtStart.
OperatorMode ResolveOperators(bool at_start);
// An operator new was seen to return without a call of our malloc.
void NoteOperatorsBypassMalloc();
// From now on every call counts: exact mode. `plain_new` and `any_delete` take the place of
// standard operators; a plain new calls g_operators.real_new where malloc fails.
void CountEveryOperator(const NewFunction (&plain_new)[kPlainNewCount], DeleteFunction any_delete);
// A dlclose returned: what was found after the start is looked for again.
void ForgetLateOperators();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_OPERATORS_H_
