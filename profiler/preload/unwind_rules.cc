#include "profiler/preload/unwind_rules.h"

#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace rule_cache {

Bucket g_buckets[1u << kBucketBits];
uint64_t g_generation;

}  // namespace rule_cache

namespace {

using rule_cache::Bucket;
using rule_cache::g_buckets;
using rule_cache::g_generation;
using rule_cache::kWays;

// Pages of CFI that were shown to be readable, by a hash of the page: parsing binary
// searches the same pages again and again.
constexpr uint32_t kProvenPages = 512;
uint64_t g_proven_pages[kProvenPages];

bool CfiPageReadable(uint64_t address) {
  const uint64_t page = address >> 12;
  uint64_t* known = &g_proven_pages[page % kProvenPages];
  if (__atomic_load_n(known, __ATOMIC_RELAXED) == page) return true;
  if (!IsReadable(address)) return false;
  __atomic_store_n(known, page, __ATOMIC_RELAXED);
  return true;
}

UnwindRule ReadRule(uint64_t pc, const LoadedModule& module) {
  // The module table may be behind a dlclose of another thread: the code itself tells
  // whether the file is still mapped.
  if (module.eh_frame_hdr == 0 || !IsReadable(pc - 1)) {
    return UnwindRule(RuleKind::kUnknown, 0, 0);
  }
  const CfiImage image = ImageOf(module);
  CfiEntry entry;
  switch (FindCfiRow(image, pc - 1, kDwarfRbp, &entry)) {
    case CfiResult::kFound:
      return FoldRow(image, entry);
    case CfiResult::kNotFound:
    case CfiResult::kCorrupt:
      break;
  }
  return UnwindRule(RuleKind::kUnknown, 0, 0);
}

[[gnu::noinline]] UnwindRule AddRule(uint64_t pc, const LoadedModule& module, Bucket* bucket,
                                     uint64_t tag) {
  const uint64_t generation = __atomic_load_n(&g_generation, __ATOMIC_ACQUIRE);
  const UnwindRule rule = ReadRule(pc, module);
  uint32_t way = 0;
  while (way < kWays && __atomic_load_n(&bucket->entries[way], __ATOMIC_RELAXED) != 0) ++way;
  if (way == kWays) way = static_cast<uint32_t>(tag) % kWays;
  uint64_t entry = tag << UnwindRule::kBits | rule.bits();
  __atomic_store_n(&bucket->entries[way], entry, __ATOMIC_SEQ_CST);
  // ForgetRules moves the generation first and empties then: either it removes this entry,
  // or the moved generation is seen here.
  if (__atomic_load_n(&g_generation, __ATOMIC_SEQ_CST) != generation) {
    __atomic_compare_exchange_n(&bucket->entries[way], &entry, uint64_t{0}, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
  }
  return rule;
}

bool IsMultipleOf8Below(int64_t value, uint64_t limit) {
  return value >= 0 && static_cast<uint64_t>(value) < limit && value % 8 == 0;
}

// The two bytes-of-DWARF shapes of "dynamic realign" code: CFA = *(rbp - n), and the
// caller's rbp saved at rbp + 0.
struct DrapInputs {
  uint64_t loaded_from = 1;  // the address that was dereferenced
};

bool FoldDrap(const CfiImage& image, const CfiRow& row, UnwindRule* rule) {
  // Evaluating with bp = 2^32 and a memory that returns a marker shows both shapes
  // without a second reader of expressions.
  constexpr uint64_t kBp = uint64_t{1} << 32;
  constexpr uint64_t kMarker = 0x5a5a5a5a5a5a5a5a;
  DrapInputs seen;
  CfiInputs inputs;
  inputs.context = &seen;
  inputs.read_register = [](void*, uint32_t reg, uint64_t* value) {
    *value = kBp;
    return reg == kDwarfRbp;
  };
  inputs.load = [](void* context, uint64_t address, uint64_t* value) {
    static_cast<DrapInputs*>(context)->loaded_from = address;
    *value = kMarker;
    return true;
  };
  uint64_t cfa;
  if (!EvaluateExpression(image, row.cfa, inputs, nullptr, &cfa) || cfa != kMarker) return false;
  const int64_t distance = static_cast<int64_t>(kBp - seen.loaded_from);
  if (!IsMultipleOf8Below(distance, UnwindRule::kCfaOffsetLimit)) return false;
  uint64_t bp_at;
  inputs.load = [](void*, uint64_t, uint64_t*) { return false; };
  if (row.saved_rule != RegisterRule::kAtExpression ||
      !EvaluateExpression(image, row.saved, inputs, &kMarker, &bp_at) || bp_at != kBp) {
    return false;
  }
  *rule = UnwindRule(RuleKind::kDrap, static_cast<uint64_t>(distance), 0);
  return true;
}

}  // namespace

CfiImage ImageOf(const LoadedModule& module) {
  return {module.image_start, module.image_limit, module.eh_frame_hdr, &CfiPageReadable};
}

UnwindRule FoldRow(const CfiImage& image, const CfiEntry& entry) {
  const CfiRow& row = entry.row;
  const UnwindRule general(RuleKind::kGeneral, 0, 0);
  if (entry.signal_frame) return UnwindRule(RuleKind::kSignal, 0, 0);
  if (row.pc_rule == RegisterRule::kUndefined) return UnwindRule(RuleKind::kEnd, 0, 0);
  if (row.pc_rule != RegisterRule::kAtCfa || row.pc != -8) return general;
  if (row.cfa_rule == CfaRule::kExpression) {
    UnwindRule rule = general;
    return FoldDrap(image, row, &rule) ? rule : general;
  }
  if (row.cfa_rule != CfaRule::kRegister ||
      !IsMultipleOf8Below(row.cfa, UnwindRule::kCfaOffsetLimit) ||
      (row.cfa_register != kDwarfRsp && row.cfa_register != kDwarfRbp)) {
    return general;
  }
  int64_t bp_distance = 0;
  if (row.saved_rule == RegisterRule::kAtCfa) {
    bp_distance = -int64_t{row.saved};
    if (bp_distance == 0 || !IsMultipleOf8Below(bp_distance, UnwindRule::kBpDistanceLimit)) {
      return general;
    }
  } else if (row.saved_rule != RegisterRule::kSame) {
    return general;
  }
  return UnwindRule(row.cfa_register == kDwarfRsp ? RuleKind::kSp : RuleKind::kBp,
                    static_cast<uint64_t>(row.cfa), static_cast<uint64_t>(bp_distance));
}

UnwindRule FindRule(uint64_t pc, const LoadedModule& module) {
  if (TM_UNLIKELY(pc >> rule_cache::kAddressBits != 0)) return ReadRule(pc, module);
  const UnwindRule cached = CachedRule(pc);
  if (TM_LIKELY(cached.Kind() != RuleKind::kNone)) return cached;
  const uint64_t hash = rule_cache::Hash(pc);
  return AddRule(pc, module, &g_buckets[hash >> rule_cache::kTagBits],
                 hash & ((uint64_t{1} << rule_cache::kTagBits) - 1));
}

void ForgetRules() {
  __atomic_fetch_add(&g_generation, 1, __ATOMIC_SEQ_CST);
  for (Bucket& bucket : g_buckets) {
    for (uint64_t& entry : bucket.entries) {
      if (__atomic_load_n(&entry, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&entry, uint64_t{0}, __ATOMIC_RELAXED);
      }
    }
  }
  for (uint64_t& page : g_proven_pages) __atomic_store_n(&page, uint64_t{0}, __ATOMIC_RELAXED);
}

}  // namespace tidemark::preload
