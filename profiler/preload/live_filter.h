// "Is this block surely not sampled?", asked by every free: one load of one byte.
//
// Idea: a table of bytes indexed by a hash of the address. Each byte counts the sampled
// live blocks that hash to it in 3 bits and keeps the XOR of their 5-bit fingerprints.
// Count 0 answers most frees; count 1 compares the fingerprint; more is a "maybe". A
// saturated count (7) stays, so it never says "no" wrongly. With n blocks in N = 2^20
// bytes, load l = n/N, false positives are about l/32 + l^2/2: 0.9 % at the live table's
// capacity of 114,688 samples, 0.03 % at 10,000.
//
// Malloc-safe, signal-safe, lock-free. Private memory, empty again in a fork child.

#ifndef TIDEMARK_PROFILER_PRELOAD_LIVE_FILTER_H_
#define TIDEMARK_PROFILER_PRELOAD_LIVE_FILTER_H_

#include <stddef.h>
#include <stdint.h>

namespace tidemark::preload {

inline constexpr uint32_t kFilterBits = 20;
inline constexpr uint32_t kFilterFull = 7;

extern uint8_t g_live_filter[1u << kFilterBits] __attribute__((visibility("hidden")));

// The upper bits of address * K with K = 1.618 * 2^40: neighbours have bytes next to each other,
// so that what a program frees together is looked up in few cache lines, and the lower part of
// K spreads what is farther apart.
inline uint64_t FilterHash(const void* block) {
  return reinterpret_cast<uint64_t>(block) * 0x19e3779b97fu;
}

// The inline half, for the entry points: zero means "not sampled". A null pointer may seem to
// be sampled, too; the out-of-line half knows it.
inline bool MaySampled(const void* block) {
  return g_live_filter[FilterHash(block) >> (64 - kFilterBits)] != 0;
}

// The out-of-line half: compares the fingerprint too.
bool FilterMatches(const void* block);
void FilterAdd(const void* block);
// REQUIRES: block was added and not removed since.
void FilterRemove(const void* block);
// REQUIRES: no other thread (a fork child before it records).
void FilterClear();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_LIVE_FILTER_H_
