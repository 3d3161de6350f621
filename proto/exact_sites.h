// Exact mode's counters, added up over the threads into sites like those of sampled mode.
//
// Malloc-safe, signal-safe, freestanding.

#ifndef TIDEMARK_PROTO_EXACT_SITES_H_
#define TIDEMARK_PROTO_EXACT_SITES_H_

#include <cstdint>

#include "proto/state.h"

namespace tidemark {

// Fills `sites`, one for each exact site. Counters may be changing: what was freed is read
// before what was allocated, so live values err upwards by what happens meanwhile.
// Chunks that point beyond the sites are passed over.
inline void SumExactSites(const state::ExactSite* exact_sites, uint64_t site_count,
                          const state::ExactChunk* chunks, uint64_t chunk_count,
                          uint64_t peak_epoch, state::Site* sites) {
  const auto load = [](const auto& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); };
  for (uint64_t i = 0; i < site_count; ++i) {
    sites[i] = state::Site{};
    sites[i].stack = exact_sites[i].stack;
    sites[i].size_bucket = exact_sites[i].size_bucket;
    sites[i].peak_epoch = peak_epoch;
  }
  for (uint64_t c = 0; c < chunk_count; ++c) {
    const uint64_t first = chunks[c].first_site;
    for (uint64_t i = 0; i < state::kExactChunkSites && first + i < site_count; ++i) {
      const state::ExactCounter& counter = chunks[c].counters[i];
      state::Site& site = sites[first + i];
      const uint64_t freed_objects = load(counter.freed_objects);
      const uint64_t freed_bytes = load(counter.freed_bytes);
      const uint64_t alloc_objects = load(counter.alloc_objects);
      const uint64_t alloc_bytes = load(counter.alloc_bytes);
      const bool as_now = __atomic_load_n(&counter.peak_epoch, __ATOMIC_ACQUIRE) < peak_epoch;
      site.alloc_objects += alloc_objects;
      site.alloc_bytes += alloc_bytes;
      site.freed_objects += freed_objects;
      site.freed_bytes += freed_bytes;
      // Signed, in two's complement: one thread's part may be below zero.
      site.peak_objects += as_now ? alloc_objects - freed_objects
                                  : static_cast<uint64_t>(load(counter.peak_objects));
      site.peak_bytes +=
          as_now ? alloc_bytes - freed_bytes : static_cast<uint64_t>(load(counter.peak_bytes));
    }
  }
  for (uint64_t i = 0; i < site_count; ++i) {
    sites[i].alloc_samples = sites[i].alloc_objects;
    sites[i].freed_samples = sites[i].freed_objects;
    if (static_cast<int64_t>(sites[i].peak_objects) < 0) sites[i].peak_objects = 0;
    if (static_cast<int64_t>(sites[i].peak_bytes) < 0) sites[i].peak_bytes = 0;
  }
}

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_EXACT_SITES_H_
