// Advice about what containers cost: reserve, geometric_growth, reuse, intern, flat.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/leaks/advice_calls.h"
#include "analyzer/leaks/advice_rules.h"
#include "analyzer/leaks/growth_chain.h"
#include "analyzer/leaks/wording.h"

namespace tidemark::leaks {
namespace {

// Of all that was allocated, of all that is live.
constexpr double kLeastAllocShare = 0.05;
constexpr double kLeastLiveShare = 0.05;
// reserve, geometric_growth. What one growth leaves behind stays below these.
constexpr double kGrownForInUse = 4;
constexpr double kSteppedForLive = 8;
constexpr double kGrowthSamples = 30;
constexpr double kArraysGrown = 10;
constexpr double kTypicalShare = 0.4;
// reuse.
constexpr double kReuseBytes = 16 * kMiB;
constexpr double kBlocksPerSecond = 1000;
constexpr double kShortLived = 0.9;
constexpr double kLivesKnown = 0.8;
constexpr double kLiveOfTemporaries = 0.01;
constexpr double kHandedOver = 0.1;
constexpr size_t kShortLives = 3;  // of ContainerUse::kShortLivesNs: up to 134 ms
// intern, flat.
constexpr double kManyBlocks = 10'000;
constexpr double kOneSize = 0.9;
constexpr double kOverhead = 0.4;

// glibc's malloc puts 8 bytes before a block and rounds up to 16, 32 at least.
double InMallocsHeap(double block_bytes) {
  return std::max(32.0, std::ceil((block_bytes + 8) / 16) * 16);
}

// ": 52 % of it went into blocks of 64kB, room for 16384 elements", where one size stands out.
void AddTypicalSize(const ContainerUse& use, const GrowthChain& chain, Advice& advice) {
  if (chain.heaviest_share < kTypicalShare) return;
  advice.numbers.emplace_back("typical_bytes", chain.heaviest_bytes);
  absl::StrAppend(&advice.text, ": ", Share(chain.heaviest_share), " of it went into blocks of ",
                  Bytes(chain.heaviest_bytes));
  if (use.container->kind != ContainerKind::kSlice) return;
  const double element_bytes = ElementBytes(use.language, use.container->element);
  if (element_bytes <= 0) return;
  const double elements = std::round(chain.heaviest_bytes / element_bytes);
  advice.numbers.emplace_back("typical_elements", elements);
  absl::StrAppend(&advice.text, ", room for ", Count(elements), " elements");
}

std::optional<Found> FindReserve(const SiteView& view, const ContainerUse& use) {
  const double grown = use.grown.bytes.estimate;
  const std::string call = ReserveCall(use);
  if (call.empty() || !(IsArray(use) || IsMapOrSet(use))) return std::nullopt;
  // It was inferred from the sizes, so they are no evidence that it grows.
  if (use.container->evidence == Evidence::kInferred) return std::nullopt;
  if (grown < std::max(kLeastBytes, kLeastAllocShare * view.uses.alloc_bytes())) {
    return std::nullopt;
  }
  const double in_use = std::max(use.storage_live.bytes.estimate, use.storage_then.bytes.estimate);
  if (grown < kGrownForInUse * in_use || use.grown.evidence() < kGrowthSamples) {
    return std::nullopt;
  }
  const GrowthChain chain = FindGrowthChain(use.sizes);
  if (!chain.is_chain || chain.heaviest_objects < kArraysGrown) return std::nullopt;
  const double share = grown / view.uses.alloc_bytes();
  Advice advice{
      .kind = AdviceKind::kReserve,
      .text = absl::StrCat(
          "Allocated ", Bytes(grown), " (", Share(share), " of all) by growing step by step, for ",
          in_use > 0 ? Bytes(in_use) : "nothing", " in use", FewSamples(use.grown.evidence()),
          ". Consider ", call, " where the size is known beforehand"),
      .evidence = Evidence::kMeasured,
      .numbers = {{"grown_bytes", grown}, {"grown_share", share}, {"in_use_bytes", in_use}}};
  AddTypicalSize(use, chain, advice);
  advice.text += '.';
  return Found{std::move(advice), grown};
}

std::optional<Found> FindGeometricGrowth(const SiteView&, const ContainerUse& use) {
  const SteppedArray& array = use.stepped;
  const double alloc = use.alloc.bytes.estimate;
  const double live = use.live.bytes.estimate;
  if (array.live_bytes <= 0 || use.alloc.evidence() < kLeastSamples) return std::nullopt;
  if (alloc < std::max(kLeastBytes, kSteppedForLive * live)) return std::nullopt;
  if (!FillsOctaveBelow(array.size_bytes, use.sizes)) return std::nullopt;
  const double size = static_cast<double>(array.size_bytes);
  const double reallocs = static_cast<double>(array.reallocs);
  return Found{{.kind = AdviceKind::kGeometricGrowth,
                .text = absl::StrCat("An array of ", Bytes(size), " went through ", Count(reallocs),
                                     " reallocs or more, at most ", Bytes(size / reallocs),
                                     " each on average: ", Bytes(alloc), " allocated for ",
                                     Bytes(live), " live", FewSamples(use.alloc.evidence()),
                                     ". Consider growing it by a factor, not by a fixed amount."),
                .evidence = Evidence::kMeasured,
                .numbers = {{"array_bytes", size},
                            {"reallocs", reallocs},
                            {"alloc_bytes", alloc},
                            {"live_bytes", live}}},
               alloc};
}

std::optional<Found> FindReuse(const SiteView& view, const ContainerUse& use) {
  const double alloc = use.alloc.bytes.estimate;
  const double live = use.live.bytes.estimate;
  const double freed = use.freed.bytes.estimate;
  const double recorded_s = view.uses.recorded_s();
  if (alloc < std::max(kReuseBytes, kLeastAllocShare * view.uses.alloc_bytes())) {
    return std::nullopt;
  }
  if (recorded_s < 1 || use.alloc.objects < kBlocksPerSecond * recorded_s) return std::nullopt;
  if (live > kLiveOfTemporaries * alloc || freed < kLivesKnown * alloc) return std::nullopt;
  if (use.freed.evidence() < kLeastSamples) return std::nullopt;
  if (use.freed_by_other_thread.bytes.estimate > kHandedOver * freed) return std::nullopt;
  size_t life = 0;
  while (life < kShortLives && use.freed_within[life].bytes.estimate < kShortLived * alloc) ++life;
  if (life == kShortLives) return std::nullopt;
  const double share = use.freed_within[life].bytes.estimate / alloc;
  const double life_ns = static_cast<double>(ContainerUse::kShortLivesNs[life]);
  const double per_second = use.alloc.objects / recorded_s;
  return Found{
      {.kind = AdviceKind::kReuse,
       .text = absl::StrCat(Count(per_second), " blocks/s, ", Bytes(alloc), " in all, and ",
                            Share(share), " of it lives less than ", Nanoseconds(life_ns), "; ",
                            live > 0 ? Bytes(live) : "nothing", " is live",
                            FewSamples(use.freed.evidence()), ". Consider ", ReuseCall(use), "."),
       .evidence = Evidence::kMeasured,
       .numbers = {{"blocks_per_second", per_second},
                   {"alloc_bytes", alloc},
                   {"live_bytes", live},
                   {"lifetime_ns", life_ns},
                   {"freed_within_lifetime_share", share}}},
      alloc};
}

std::optional<Found> FindIntern(const SiteView& view, const ContainerUse& use) {
  if (view.growth_per_s()) return std::nullopt;
  const auto most = std::max_element(use.sizes.begin(), use.sizes.end(),
                                     [](const BlocksOfSize& a, const BlocksOfSize& b) {
                                       return a.texts.objects < b.texts.objects;
                                     });
  if (most == use.sizes.end() || most->texts.objects < kManyBlocks) return std::nullopt;
  const double bytes = most->texts.bytes.estimate;
  const double share = most->texts.objects / use.texts.objects;
  if (share < kOneSize || most->texts.evidence() < kLeastSamples) return std::nullopt;
  if (bytes < std::max(kLeastBytes, kLeastLiveShare * view.uses.live_bytes())) return std::nullopt;
  return Found{
      {.kind = AdviceKind::kIntern,
       .text = absl::StrCat(Count(most->texts.objects), " live strings (", Share(share),
                            " of this line's) are of one size, ", Bytes(most->texts.mean_bytes()),
                            ", ", Bytes(bytes), " in all", FewSamples(most->texts.evidence()),
                            ". If many are equal, which sizes alone cannot tell, consider ",
                            InternCall(use.language), "."),
       .evidence = Evidence::kInferred,
       .numbers = {{"strings", most->texts.objects},
                   {"same_size_share", share},
                   {"size_bytes", most->texts.mean_bytes()},
                   {"live_bytes", bytes}}},
      bytes};
}

std::optional<Found> FindFlat(const SiteView& view, const ContainerUse& use) {
  if (use.nodes.objects < kManyBlocks || use.nodes.evidence() < kLeastSamples) return std::nullopt;
  const double bytes = use.nodes.bytes.estimate;
  if (bytes < std::max(kLeastBytes, kLeastLiveShare * view.uses.live_bytes())) return std::nullopt;
  const double node = std::round(use.nodes.mean_bytes());  // one type, so one size
  const bool is_glibc = view.uses.is_glibc_malloc();
  const double in_heap = is_glibc ? InMallocsHeap(node) : node;
  const double element = std::max(0.0, node - static_cast<double>(LinkBytes(use.node_kind)));
  const double overhead = (in_heap - element) / in_heap;
  if (overhead < kOverhead) return std::nullopt;
  const bool is_list = use.node_kind == NodeKind::kList || use.node_kind == NodeKind::kForwardList;
  return Found{
      {.kind = AdviceKind::kFlat,
       .text = absl::StrCat(
           Count(use.nodes.objects), " live nodes of ", Bytes(node),
           is_glibc ? absl::StrCat(" (", Bytes(in_heap), " in malloc's heap, estimated)") : "",
           " for elements of ", use.node_kind == NodeKind::kHash ? "at most " : "", Bytes(element),
           ": ", Share(overhead), " of ", Bytes(use.nodes.objects * in_heap),
           " is links and headers", FewSamples(use.nodes.evidence()), ". Consider a ",
           is_list ? "std::vector or std::deque"
                   : "flat container (sorted vector, open-addressing hash table)",
           ", unless pointers into it must stay valid."),
       .evidence = is_glibc ? Evidence::kInferred : Evidence::kMeasured,
       .numbers = {{"nodes", use.nodes.objects},
                   {"node_bytes", node},
                   {"node_heap_bytes", in_heap},
                   {"element_bytes", element},
                   {"overhead_share", overhead}}},
      bytes};
}

constexpr Rule kRules[] = {{FindReserve},
                           {FindGeometricGrowth, /*needs_container=*/false},
                           {FindReuse},
                           {FindIntern},
                           {FindFlat}};

}  // namespace

absl::Span<const Rule> CostRules() { return kRules; }

}  // namespace tidemark::leaks
