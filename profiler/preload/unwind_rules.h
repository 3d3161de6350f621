// How to get from a frame to its caller, per return address: the .eh_frame rules folded
// into 31 bits each and kept in a cache that is read without a lock.
//
// Idea (libunwind's "fast trace", Mike Hommey's and the glibc idea of pc-keyed rules): nearly
// all code leaves a frame by one of three shapes, CFA = sp + n, CFA = bp + n, or the "dynamic
// realign" shape CFA = *(bp - n), with the return address at CFA - 8 and the caller's bp
// either unchanged or saved at CFA - m. Anything else is kGeneral: its .eh_frame rows are
// evaluated in full each time.
//
// The cache has 2^14 buckets of four 8-byte entries (512 KiB of private memory). An entry is
// a 33-bit tag and a 31-bit rule in one word, so a single relaxed load gets both. The hash is
// a bijection of the 47-bit address whose upper 14 bits are the bucket and whose lower 33
// bits are the tag: an entry matches its own address and no other.
//
// Malloc-safe, signal-safe, thread-safe, lock-free.

#ifndef TIDEMARK_PROFILER_PRELOAD_UNWIND_RULES_H_
#define TIDEMARK_PROFILER_PRELOAD_UNWIND_RULES_H_

#include <cstdint>

#include "profiler/preload/eh_frame.h"
#include "profiler/preload/modules.h"
#include "profiler/preload/os.h"

namespace tidemark::preload {

enum class RuleKind : uint32_t {
  kNone = 0,     // an empty cache entry
  kSp = 1,       // (cfa, bp) = (sp + CfaOffset, saved bp)
  kBp = 2,       // (cfa, bp) = (bp + CfaOffset, saved bp)
  kDrap = 3,     // (cfa, bp) = (*(bp - CfaOffset), *bp)
  kSignal = 4,   // all registers are in the kernel's signal frame at sp
  kEnd = 5,      // the thread's outermost frame
  kGeneral = 6,  // evaluate the row
  kUnknown = 7,  // no CFI
};

class UnwindRule {
 public:
  // Bits of a rule: kind 3, CFA offset / 8 in 17, distance of the saved bp below the CFA / 8
  // in 11 (0: bp is not changed).
  static constexpr uint32_t kBits = 31;
  static constexpr uint64_t kCfaOffsetLimit = 8u << 17;
  static constexpr uint64_t kBpDistanceLimit = 8u << 11;

  explicit UnwindRule(uint64_t bits) : bits_(static_cast<uint32_t>(bits)) {}
  // REQUIRES: offsets are multiples of 8 below their limits.
  UnwindRule(RuleKind kind, uint64_t cfa_offset, uint64_t bp_distance)
      : bits_(static_cast<uint32_t>(static_cast<uint32_t>(kind) | (cfa_offset / 8) << 3 |
                                    (bp_distance / 8) << 20)) {}

  RuleKind Kind() const { return static_cast<RuleKind>(bits_ & 7); }
  uint64_t CfaOffset() const { return uint64_t{(bits_ >> 3) & 0x1ffff} * 8; }
  uint64_t BpDistance() const { return uint64_t{bits_ >> 20} * 8; }
  uint32_t bits() const { return bits_; }

 private:
  uint32_t bits_;
};

// What the inline lookup below reads; written by unwind_rules.cc only.
namespace rule_cache {

inline constexpr uint32_t kAddressBits = 47;
inline constexpr uint32_t kBucketBits = 14;
inline constexpr uint32_t kTagBits = kAddressBits - kBucketBits;
inline constexpr uint32_t kWays = 4;
static_assert(kTagBits + UnwindRule::kBits == 64);

struct alignas(8 * kWays) Bucket {
  uint64_t entries[kWays];  // tag << kBits | rule; 0: empty
};
extern Bucket g_buckets[1u << kBucketBits] __attribute__((visibility("hidden")));

// +1 before each emptying of the cache: a rule that was read before it must not stay.
extern uint64_t g_generation __attribute__((visibility("hidden")));

inline uint64_t Hash(uint64_t pc) {
  return (pc * 0x9e3779b97f4a7c15u) & ((uint64_t{1} << kAddressBits) - 1);
}

}  // namespace rule_cache

// The rule that FindRule has cached for `pc`; its kind is kNone when there is none.
inline UnwindRule CachedRule(uint64_t pc) {
  // A module above 2^47 would alias in the cache; no kernel places code there by itself.
  if (TM_UNLIKELY(pc >> rule_cache::kAddressBits != 0)) return UnwindRule(0);
  const uint64_t hash = rule_cache::Hash(pc);
  const uint64_t tag = hash & ((uint64_t{1} << rule_cache::kTagBits) - 1);
  for (const uint64_t& way : rule_cache::g_buckets[hash >> rule_cache::kTagBits].entries) {
    const uint64_t entry = __atomic_load_n(&way, __ATOMIC_RELAXED);
    if (entry >> UnwindRule::kBits == tag && entry != 0) {
      return UnwindRule(entry & ((uint64_t{1} << UnwindRule::kBits) - 1));
    }
  }
  return UnwindRule(0);
}

// Moves whenever rules are forgotten: what was derived from them is then void.
inline uint64_t RuleGeneration() {
  return __atomic_load_n(&rule_cache::g_generation, __ATOMIC_RELAXED);
}

// The rule for a frame in `module` whose return address is `pc` (the instruction before
// counts). REQUIRES: module.Contains(pc - 1).
UnwindRule FindRule(uint64_t pc, const LoadedModule& module);

// The rule of one entry of .eh_frame, kGeneral when it does not fold.
UnwindRule FoldRow(const CfiImage& image, const CfiEntry& entry);

// What FindRule reads CFI from.
CfiImage ImageOf(const LoadedModule& module);

// After code was unloaded.
void ForgetRules();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_UNWIND_RULES_H_
