#include "profiler/preload/site_counters.h"

#include "profiler/preload/bounded_lock.h"

namespace tidemark::preload {
namespace {

uint64_t Mix(uint64_t h) {
  h *= 0x9e3779b97f4a7c15u;
  return (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u >> 32;
}

// Readers load these at any time; only the holder of the lock stores.
void Add(uint64_t* counter, uint64_t n) {
  __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

}  // namespace

void SiteCounters::Attach(const State& state, uint32_t* site_slots, uint32_t* freed_slots) {
  state_ = state;
  site_slots_ = site_slots;
  freed_slots_ = freed_slots;
  lock_ = 0;
}

uint32_t SiteCounters::FindOrAdd(uint32_t stack, uint32_t size_bucket, bool* full) {
  *full = false;
  uint64_t slot = Mix((uint64_t{stack} << 32) | size_bucket) & (kSiteSlots - 1);
  for (;; slot = (slot + 1) & (kSiteSlots - 1)) {
    const uint32_t id = __atomic_load_n(&site_slots_[slot], __ATOMIC_ACQUIRE);
    if (id == 0) return AddSite(stack, size_bucket, slot, full);
    const state::Site& site = state_.sites[id - 1];
    if (site.stack == stack && site.size_bucket == size_bucket) return id - 1;
  }
}

uint32_t SiteCounters::AddSite(uint32_t stack, uint32_t size_bucket, uint64_t slot, bool* full) {
  if (!AcquireBounded(&lock_)) return kNoSite;
  uint32_t result = kNoSite;
  for (; site_slots_[slot] != 0; slot = (slot + 1) & (kSiteSlots - 1)) {
    const state::Site& site = state_.sites[site_slots_[slot] - 1];
    if (site.stack == stack && site.size_bucket == size_bucket) {
      result = site_slots_[slot] - 1;
      break;
    }
  }
  const uint64_t count = state_.totals->site_count;
  if (result == kNoSite &&
      (count == kSiteCapacity || !Reach(state::kSectionSites, &state_.sites[count]))) {
    *full = true;
  } else if (result == kNoSite) {
    result = static_cast<uint32_t>(count);
    state::Site* site = &state_.sites[result];
    site->stack = stack;
    site->size_bucket = size_bucket;
    site->peak_epoch = state_.totals->peak_epoch;
    __atomic_store_n(&state_.totals->site_count, count + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&site_slots_[slot], result + 1, __ATOMIC_RELEASE);
  }
  Release(&lock_);
  return result;
}

// Before a site changes: if a new peak was reached since its last change, its values now
// are its values at that peak.
void SiteCounters::SettlePeak(state::Site* site) {
  const uint64_t epoch = state_.totals->peak_epoch;
  if (site->peak_epoch == epoch) return;
  __atomic_store_n(&site->peak_objects, site->alloc_objects - site->freed_objects,
                   __ATOMIC_RELAXED);
  __atomic_store_n(&site->peak_bytes, site->alloc_bytes - site->freed_bytes, __ATOMIC_RELAXED);
  __atomic_store_n(&site->peak_epoch, epoch, __ATOMIC_RELAXED);
}

// (live, peak, epoch) = (live + bytes, max(peak, live + bytes), epoch + 1 if peak rose)
void SiteCounters::AddLive(int64_t bytes) {
  state::Totals* t = state_.totals;
  const uint64_t live = t->live_bytes + static_cast<uint64_t>(bytes);
  __atomic_store_n(&t->live_bytes, live, __ATOMIC_RELAXED);
  if (live > t->peak_bytes) {
    __atomic_store_n(&t->peak_bytes, live, __ATOMIC_RELAXED);
    Add(&t->peak_epoch, 1);
  }
}

bool SiteCounters::CountAllocation(const state::LiveEntry& entry, uint64_t now_ns) {
  if (!AcquireBounded(&lock_)) return false;
  state::Totals* t = state_.totals;
  state::Site* site = &state_.sites[entry.site];
  SettlePeak(site);
  Add(&site->alloc_objects, entry.weight_objects);
  Add(&site->alloc_bytes, entry.weight_bytes);
  Add(&site->alloc_samples, 1);
  Add(&t->samples, 1);
  Add(&t->live_samples, 1);
  const uint64_t peak = t->peak_bytes;
  AddLive(static_cast<int64_t>(entry.weight_bytes));
  if (t->peak_bytes != peak) __atomic_store_n(&t->peak_ns, now_ns, __ATOMIC_RELAXED);
  __atomic_store_n(&t->last_event_ns, now_ns, __ATOMIC_RELAXED);
  Release(&lock_);
  return true;
}

bool SiteCounters::CountFree(const state::LiveEntry& entry, const FreeEvidence& evidence,
                             bool* freed_full) {
  *freed_full = false;
  if (!AcquireBounded(&lock_)) return false;
  state::Site* site = &state_.sites[entry.site];
  SettlePeak(site);
  Add(&site->freed_objects, entry.weight_objects);
  Add(&site->freed_bytes, entry.weight_bytes);
  Add(&site->freed_samples, 1);
  Add(&state_.totals->live_samples, static_cast<uint64_t>(-1));
  AddLive(-static_cast<int64_t>(entry.weight_bytes));
  state::Freed* freed = FindOrAddFreed(entry.site, evidence);
  if (freed != nullptr) {
    Add(&freed->objects, entry.weight_objects);
    Add(&freed->bytes, entry.weight_bytes);
    Add(&freed->samples, 1);
  } else {
    *freed_full = true;
  }
  Release(&lock_);
  return true;
}

bool SiteCounters::CountPartialFree(const state::LiveEntry& entry, uint64_t bytes) {
  if (!AcquireBounded(&lock_)) return false;
  state::Site* site = &state_.sites[entry.site];
  SettlePeak(site);
  Add(&site->freed_bytes, bytes);
  AddLive(-static_cast<int64_t>(bytes));
  Release(&lock_);
  return true;
}

bool SiteCounters::Restate(const state::LiveEntry& before, const state::LiveEntry& after,
                           bool kept) {
  if (!AcquireBounded(&lock_)) return false;
  state::Site* site = &state_.sites[before.site];
  SettlePeak(site);
  const uint64_t objects = kept ? after.weight_objects : 0;
  const uint64_t bytes = kept ? after.weight_bytes : 0;
  Add(&site->alloc_objects, objects - before.weight_objects);
  Add(&site->alloc_bytes, bytes - before.weight_bytes);
  if (!kept) {
    Add(&site->alloc_samples, static_cast<uint64_t>(-1));
    Add(&state_.totals->live_samples, static_cast<uint64_t>(-1));
  }
  // Not AddLive: a restatement is no new peak.
  Add(&state_.totals->live_bytes, bytes - before.weight_bytes);
  Release(&lock_);
  return true;
}

state::Freed* SiteCounters::FindOrAddFreed(uint32_t site, const FreeEvidence& e) {
  const uint64_t key = (uint64_t{site} << 32) | (uint64_t{e.lifetime_bucket} << 16) |
                       (uint64_t{e.outlives_bucket} << 8) | e.flags;
  uint64_t slot = Mix(key) & (kFreedSlots - 1);
  for (; freed_slots_[slot] != 0; slot = (slot + 1) & (kFreedSlots - 1)) {
    state::Freed* f = &state_.freed[freed_slots_[slot] - 1];
    if (f->site == site && f->lifetime_bucket == e.lifetime_bucket &&
        f->outlives_bucket == e.outlives_bucket && f->flags == e.flags) {
      return f;
    }
  }
  const uint64_t count = state_.totals->freed_count;
  state::Freed* f = &state_.freed[count];
  if (count == kFreedCapacity || !Reach(state::kSectionFreed, f)) return nullptr;
  f->site = site;
  f->lifetime_bucket = e.lifetime_bucket;
  f->outlives_bucket = e.outlives_bucket;
  f->flags = e.flags;
  __atomic_store_n(&state_.totals->freed_count, count + 1, __ATOMIC_RELEASE);
  freed_slots_[slot] = static_cast<uint32_t>(count + 1);
  return f;
}

}  // namespace tidemark::preload
