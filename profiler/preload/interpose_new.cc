// operator new and delete as the target calls them, all overloads.
//
// No guard is held across the next operator new: it may throw, call a new_handler that
// longjmps, or be replaced. It is reached by a tail jump, so no frame of ours is on the stack
// then either. In front of libstdc++ and libc++ that is only so where malloc failed or a sample
// is due: what they do otherwise is done here, one call of the allocator.

#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/live_filter.h"
#include "profiler/preload/next_allocator.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"
#include "profiler/preload/thread_state.h"

namespace tidemark::preload {
namespace {

template <uint32_t kWhich>
inline __attribute__((always_inline)) void* New(size_t size, uintptr_t a, uintptr_t b) {
  const OperatorMode mode = CurrentOperatorMode();
  if (TM_LIKELY(mode == kOperatorsStandard)) {
    // What the runtime's would do, without the way there; it does what is rare.
    if (kWhich < kPlainNewCount) {
      if (TM_LIKELY(CountsDown(size))) {
        void* block = g_next.malloc(size + (size == 0 ? 1 : 0));
        if (TM_LIKELY(block != nullptr)) return block;
      } else {
        TakeBackCount(size);
      }
    }
    // The first two take nothing but the size: nothing else is kept over the call.
    if (kWhich < 2) return g_operators.new_functions[kWhich](size, 0, 0);
    return g_operators.new_functions[kWhich](size, a, b);
  }
  if (mode == kOperatorsForward) return g_operators.new_functions[kWhich](size, a, b);
  if (mode == kOperatorsCount && PassesUnseen(size)) {
    return g_operators.new_functions[kWhich](size, a, b);
  }
  return TidemarkNew(size, a, b, kWhich);
}

template <uint32_t kWhich>
inline __attribute__((always_inline)) void Delete(void* block, uintptr_t a, uintptr_t b) {
  const OperatorMode mode = CurrentOperatorMode();
  if (TM_LIKELY(mode == kOperatorsStandard)) {
    if (TM_UNLIKELY(MaySampled(block))) return TidemarkFree(block);
    return g_next.free(block);
  }
  if (mode == kOperatorsForward) return g_operators.delete_functions[kWhich](block, a, b);
  if ((mode == kOperatorsDetect || mode == kOperatorsCount) && !MaySampled(block)) {
    return g_operators.delete_functions[kWhich](block, a, b);
  }
  return TidemarkDelete(block, a, b, kWhich);
}

}  // namespace

// In the order of kNewNames and kDeleteNames.
extern "C" {
#define TM_NEW(which, name) \
  TM_EXPORT void* name(size_t size, uintptr_t a, uintptr_t b) { return New<which>(size, a, b); }
#define TM_DELETE(which, name) \
  TM_EXPORT void name(void* block, uintptr_t a, uintptr_t b) { Delete<which>(block, a, b); }

TM_NEW(0, _Znwm)
TM_NEW(1, _Znam)
TM_NEW(2, _ZnwmRKSt9nothrow_t)
TM_NEW(3, _ZnamRKSt9nothrow_t)
TM_NEW(4, _ZnwmSt11align_val_t)
TM_NEW(5, _ZnamSt11align_val_t)
TM_NEW(6, _ZnwmSt11align_val_tRKSt9nothrow_t)
TM_NEW(7, _ZnamSt11align_val_tRKSt9nothrow_t)

TM_DELETE(0, _ZdlPv)
TM_DELETE(1, _ZdaPv)
TM_DELETE(2, _ZdlPvm)
TM_DELETE(3, _ZdaPvm)
TM_DELETE(4, _ZdlPvRKSt9nothrow_t)
TM_DELETE(5, _ZdaPvRKSt9nothrow_t)
TM_DELETE(6, _ZdlPvSt11align_val_t)
TM_DELETE(7, _ZdaPvSt11align_val_t)
TM_DELETE(8, _ZdlPvmSt11align_val_t)
TM_DELETE(9, _ZdaPvmSt11align_val_t)
TM_DELETE(10, _ZdlPvSt11align_val_tRKSt9nothrow_t)
TM_DELETE(11, _ZdaPvSt11align_val_tRKSt9nothrow_t)
#undef TM_NEW
#undef TM_DELETE
}

}  // namespace tidemark::preload
