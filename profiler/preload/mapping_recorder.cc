// Compiled with frame pointers, as interpose_slow.cc and for the same reason.
//
// The table changes after the kernel did, so a call that fails needs no undoing. Another
// thread may get the addresses in between: its mapping has a higher number than the newest
// that was known before the call, and what it covers is no longer there, so it evicts that
// itself.

#include <sys/mman.h>

#include "profiler/preload/bounded_lock.h"
#include "profiler/preload/caller.h"
#include "profiler/preload/exact_entry.h"
#include "profiler/preload/exact_recorder.h"
#include "profiler/preload/inside.h"
#include "profiler/preload/interpose_mmap.h"
#include "profiler/preload/interpose_slow.h"
#include "profiler/preload/lifecycle.h"
#include "profiler/preload/mapping_table.h"
#include "profiler/preload/modules.h"
#include "profiler/preload/operators.h"
#include "profiler/preload/os.h"
#include "profiler/preload/recorder.h"

namespace tidemark::preload {

extern "C" {
TM_HIDDEN void* TidemarkMmap(void* at, size_t bytes, int protection, int flags, int fd,
                             off_t offset);
TM_HIDDEN int TidemarkMunmap(void* at, size_t bytes);
TM_HIDDEN void* TidemarkMremap(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to);
}

namespace {

constinit MmapCalls g_next_calls = {};  // once installed

struct Mappings {
  uint32_t lock;
  MappingTable table;
};
// Private memory, empty again in a fork child. nullptr: the option is off.
constinit Mappings* g_mappings = nullptr;
constinit uint64_t g_newest = 0;  // (atomic) number of the newest mapping

constexpr uint64_t kPage = 4096;
uint64_t WholePages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// Runs `change(MappingTable*)` under the table's lock; false: it was not had (counted).
template <class Change>
bool WithTable(Change&& change) {
  ThreadState* t = &t_state;
  if (!EnsureThreadCurrent(t)) {
    CountLoss(state::kLossReentered);
    return false;
  }
  Inside inside(t);
  if (!AcquireBounded(&g_mappings->lock)) {
    CountLoss(state::kLossLiveBusy);
    return false;
  }
  change(&g_mappings->table);
  Release(&g_mappings->lock);
  return true;
}

// Does the caller get memory for blocks that are counted one by one? Nothing is started or
// looked up for such a one: the allocator may be in the middle of its own start.
bool IsAllocator(const Registers& caller) {
  LoadedModule module;
  if (!FindModule(caller.pc - 1, &module)) return !InRecording();
  const auto is_inside = [&](const void* function) {
    const uint64_t at = reinterpret_cast<uint64_t>(function);
    return at - module.image_start < module.image_limit - module.image_start;
  };
  if (is_inside(RealMalloc())) return true;
  const OperatorMode mode = CurrentOperatorMode();
  return mode != kOperatorsUnknown && mode != kOperatorsStandard && mode != kOperatorsForward &&
         is_inside(reinterpret_cast<void*>(g_operators.new_functions[0]));
}

bool IsWanted(const Registers& caller) { return !IsAllocator(caller) && EnterRecording(); }

void CountUnmapped(const MappingTable::Piece& piece, const Registers& caller) {
  if (piece.overflowed) CountLoss(state::kLossMappingsFull);
  if (HasExactEntries()) {
    exact::Unmapping(piece.site, piece.bytes, piece.last);
  } else {
    RecordUnmapping(piece.number, piece.bytes, piece.last, caller);
  }
}

// What was known in [start, start + bytes) before mapping number `newest` + 1 is gone.
void Forget(uint64_t start, uint64_t bytes, uint64_t newest, const Registers& caller) {
  bool more = true;
  while (more) {
    MappingTable::Piece piece;
    more = false;
    WithTable(
        [&](MappingTable* table) { more = table->Cut(start, start + bytes, newest, &piece); });
    if (more) CountUnmapped(piece, caller);
  }
}

void Note(void* at, uint64_t bytes, const Registers& caller) {
  const uint64_t start = reinterpret_cast<uint64_t>(at);
  Forget(start, bytes, ~uint64_t{0}, caller);
  const uint64_t number = __atomic_add_fetch(&g_newest, 1, __ATOMIC_RELAXED);
  uint32_t site = AddressTable::kNone;
  if (HasExactEntries()) {
    site = exact::Mapping(bytes, caller);
  } else {
    RecordMapping(number, bytes, caller);
  }
  bool listed = false;
  const bool had_lock = WithTable(
      [&](MappingTable* table) { listed = table->Insert(start, start + bytes, number, site); });
  if (listed) return;
  if (had_lock) CountLoss(state::kLossMappingsFull);
  CountUnmapped({number, bytes, site, true, false}, caller);  // or it would be live for ever
}

uint64_t Newest() { return __atomic_load_n(&g_newest, __ATOMIC_RELAXED); }

}  // namespace

extern "C" {

void* TidemarkMmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  const Registers caller = TM_CALLER();
  void* made = g_next_calls.mmap(at, bytes, protection, flags, fd, offset);
  if (made == MAP_FAILED || !IsWanted(caller)) return made;
  if ((flags & MAP_ANONYMOUS) != 0 && protection != PROT_NONE) {
    Note(made, WholePages(bytes), caller);
  } else if ((flags & MAP_FIXED) != 0) {  // in place of what was there
    Forget(reinterpret_cast<uint64_t>(made), WholePages(bytes), ~uint64_t{0}, caller);
  }
  return made;
}

int TidemarkMunmap(void* at, size_t bytes) {
  const Registers caller = TM_CALLER();
  const uint64_t newest = Newest();
  const int result = g_next_calls.munmap(at, bytes);
  if (result == 0 && IsWanted(caller)) {
    Forget(reinterpret_cast<uint64_t>(at), WholePages(bytes), newest, caller);
  }
  return result;
}

void* TidemarkMremap(void* at, size_t old_bytes, size_t new_bytes, int flags, void* to) {
  const Registers caller = TM_CALLER();
  constexpr int kDontUnmap = 4;  // MREMAP_DONTUNMAP, Linux 5.7
  const uint64_t start = reinterpret_cast<uint64_t>(at);
  const uint64_t newest = Newest();
  bool known = false;
  if (IsWanted(caller)) {
    WithTable([&](MappingTable* table) { known = table->Contains(start); });
  }
  void* made = g_next_calls.mremap(at, old_bytes, new_bytes, flags, to);
  if (made == MAP_FAILED || !IsWanted(caller)) return made;
  if ((flags & kDontUnmap) == 0) Forget(start, WholePages(old_bytes), newest, caller);
  if (known) {
    Note(made, WholePages(new_bytes), caller);
  } else if ((flags & MREMAP_FIXED) != 0) {
    Forget(reinterpret_cast<uint64_t>(made), WholePages(new_bytes), ~uint64_t{0}, caller);
  }
  return made;
}

}  // extern "C"

void InstallMmapEntries() {
  if (g_mappings != nullptr) return;
  g_mappings = static_cast<Mappings*>(MapWipedOnFork(sizeof(Mappings)));
  if (g_mappings == nullptr) return;
  g_next_calls = NextMmapCalls();
  g_mmap_calls = {TidemarkMmap, TidemarkMunmap, TidemarkMremap};
}

}  // namespace tidemark::preload
