// Totals per (stack, size bucket), evidence of freed blocks, the global peak. All in the
// state file.
//
// One bounded lock covers every change: sampled events are rare (one per `rate` bytes and
// thread), the work under it is a few stores, and it makes a site's counters, the global
// live value and the lazily kept peak agree.
//
// Malloc-safe. Not signal-safe by itself: the recorder's `busy` mark keeps a handler out.

#ifndef TIDEMARK_PROFILER_PRELOAD_SITE_COUNTERS_H_
#define TIDEMARK_PROFILER_PRELOAD_SITE_COUNTERS_H_

#include <stdint.h>

#include "profiler/preload/state_file.h"
#include "proto/state.h"

namespace tidemark::preload {

class SiteCounters {
 public:
  static constexpr uint64_t kSiteSlots = 2 * kSiteCapacity;
  static constexpr uint64_t kFreedSlots = 2 * kFreedCapacity;
  static constexpr uint32_t kNoSite = 0xffffffff;

  // The slot arrays are zeroed private memory of kSiteSlots and kFreedSlots numbers.
  void Attach(const State& state, uint32_t* site_slots, uint32_t* freed_slots);

  // The site's index; kNoSite when there is no room or the lock is busy (*full says which).
  uint32_t FindOrAdd(uint32_t stack, uint32_t size_bucket, bool* full);

  // Each returns false, with nothing changed, when the lock was not had.
  bool CountAllocation(const state::LiveEntry& entry, uint64_t now_ns);
  struct FreeEvidence {
    uint8_t lifetime_bucket;
    uint8_t outlives_bucket;
    uint8_t flags;
  };
  // *freed_full: the evidence row did not fit; the totals were counted.
  bool CountFree(const state::LiveEntry& entry, const FreeEvidence& evidence, bool* freed_full);
  // `bytes` of what the entry stands for are freed; the block itself lives on.
  bool CountPartialFree(const state::LiveEntry& entry, uint64_t bytes);
  // Thinning changed what a live sample stands for; kept == false: it stands for nothing
  // any more. Its allocation is restated, so that live = alloc - freed keeps holding.
  bool Restate(const state::LiveEntry& before, const state::LiveEntry& after, bool kept);

 private:
  uint32_t AddSite(uint32_t stack, uint32_t size_bucket, uint64_t slot, bool* full);
  state::Freed* FindOrAddFreed(uint32_t site, const FreeEvidence& evidence);
  void SettlePeak(state::Site* site);
  void AddLive(int64_t bytes);

  State state_{};
  uint32_t* site_slots_ = nullptr;
  uint32_t* freed_slots_ = nullptr;
  uint32_t lock_ = 0;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_SITE_COUNTERS_H_
