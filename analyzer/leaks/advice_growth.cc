// Advice about what stays: bound, slow_consumer, goroutines, shrink, copy_out, peak.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/leaks/advice_calls.h"
#include "analyzer/leaks/advice_rules.h"
#include "analyzer/leaks/wording.h"

namespace tidemark::leaks {
namespace {

using report::Language;

// bound, slow_consumer, copy_out: a container speaks for its site with this share of the
// live bytes.
constexpr double kShareOfSite = 0.25;
constexpr double kSurvives = 0.9;
// A table that doubles leaves as much behind as it holds, one that grows by less twice that.
constexpr double kFreedByGrowing = 2.2;
constexpr double kFreedElsewhere = 0.5;
constexpr double kSomeFreed = 0.05;
// shrink: of the storage, and of the elements. A peak often is the moment of growth, when an
// array is live beside the one of half its size that it replaces (four fifths, in Go).
constexpr double kStayed = 0.55;
constexpr double kTheSame = 0.9;
constexpr double kWent = 0.5;
// peak: of the process's, and what is left of it.
constexpr double kShareOfPeak = 0.2;
constexpr double kLeftOfPeak = 0.1;
// copy_out.
constexpr double kLargeBlock = 32 * kKiB;
constexpr double kAppended = 0.1;

std::string EntriesText(double entries, double entry_bytes, double entries_per_hour) {
  return absl::StrCat(Count(entries), " entries now, ", Bytes(entry_bytes), " for each, and ",
                      Count(entries_per_hour), "/h more");
}

std::optional<Found> FindBound(const SiteView& view, const ContainerUse& use) {
  if (!IsMapOrSet(use)) return std::nullopt;
  const double live = use.live.bytes.estimate;
  const double inserted = use.elements_live.bytes.estimate + use.storage_live.bytes.estimate;
  if (live < kShareOfSite * view.live_bytes() || inserted < live / 2) return std::nullopt;
  if (use.live.evidence() < kLeastSamples) return std::nullopt;
  const std::optional<double> growth = view.growth_per_s();
  if (!growth) return std::nullopt;
  // A table is freed when it is outgrown; what its entries own tells whether they stay.
  const double survival = use.elements_alloc.bytes.estimate > 0
                              ? use.elements_live.bytes.estimate / use.elements_alloc.bytes.estimate
                              : 0;
  const double freed = use.alloc.bytes.estimate - live;
  const bool only_outgrows =
      use.elements_alloc.bytes.estimate <= 0 && freed > 0 && freed <= kFreedByGrowing * live;
  if (survival < kSurvives && !only_outgrows) return std::nullopt;

  Advice advice{.kind = AdviceKind::kBound, .text = {}, .evidence = {}, .numbers = {}};
  advice.numbers = {{"live_bytes", view.live_bytes()},
                    {"growth_bytes_per_hour", *growth * kSecondsPerHour}};
  if (use.nodes.evidence() >= kLeastSamples) {
    const double entry_bytes = view.live_bytes() / use.nodes.objects;
    const double per_hour = *growth * kSecondsPerHour / entry_bytes;
    advice.numbers.emplace_back("entries", use.nodes.objects);
    advice.numbers.emplace_back("bytes_per_entry", entry_bytes);
    advice.numbers.emplace_back("entries_per_hour", per_hour);
    advice.text = EntriesText(use.nodes.objects, entry_bytes, per_hour);
  } else {
    advice.text = absl::StrCat(Bytes(view.live_bytes()), " now, and ", Rate(*growth), " more");
  }
  if (only_outgrows) {
    absl::StrAppend(&advice.text, "; it frees only what it has outgrown");
  } else {
    advice.numbers.emplace_back("survival", survival);
    absl::StrAppend(&advice.text, "; ", Share(survival), " of what was inserted is still live");
  }
  absl::StrAppend(&advice.text, FewSamples(use.live.evidence()),
                  ". If this is a cache or a registry, consider a limit or an expiry.");
  return Found{std::move(advice), live};
}

std::optional<Found> FindSlowConsumer(const SiteView& view, const ContainerUse& use) {
  const ContainerKind kind = use.container->kind;
  const bool is_queue = kind == ContainerKind::kList || kind == ContainerKind::kDeque ||
                        kind == ContainerKind::kQueue;
  if (!view.is_growing() || !is_queue || use.freed.evidence() < kLeastSamples) return std::nullopt;
  const double live = use.live.bytes.estimate;
  const double alloc = use.alloc.bytes.estimate;
  if (live < kShareOfSite * view.live_bytes()) return std::nullopt;
  const double elsewhere = use.freed_by_other_thread.bytes.estimate / use.freed.bytes.estimate;
  if (use.freed.bytes.estimate < kSomeFreed * alloc || elsewhere < kFreedElsewhere) {
    return std::nullopt;
  }
  double in = 0, out = 0;  // bytes/s
  if (view.judgement.flows && view.span_s() > 0) {
    in = view.judgement.flows->allocated / view.span_s();
    out = view.judgement.flows->freed / view.span_s();
  } else if (view.uses.recorded_s() > 0) {
    in = alloc / view.uses.recorded_s();
    out = (alloc - live) / view.uses.recorded_s();
  }
  if (out <= 0 || in <= out) return std::nullopt;
  return Found{
      {.kind = AdviceKind::kSlowConsumer,
       .text = absl::StrCat(Rate(in), " come in and ", Rate(out), " go out, ", Share(elsewhere),
                            " of that freed by another thread; ", Bytes(live), " wait",
                            FewSamples(use.freed.evidence()),
                            ". If that thread can fall behind, consider a bounded queue or more "
                            "consumers."),
       .evidence = Evidence::kMeasured,
       .numbers = {{"live_bytes", live},
                   {"in_bytes_per_hour", in * kSecondsPerHour},
                   {"out_bytes_per_hour", out * kSecondsPerHour},
                   {"freed_by_other_thread_share", elsewhere}}},
      live};
}

std::optional<Found> FindGoroutines(const SiteView& view, const ContainerUse& use) {
  const bool is_descriptor = use.container != nullptr && use.container->type == "runtime.g";
  if (!is_descriptor || !view.is_growing() || use.live.evidence() < kLeastSamples) {
    return std::nullopt;
  }
  const double count = use.live.objects;
  const double more = view.judgement.delta.value_or(0) / use.live.mean_bytes();
  Advice advice{
      .kind = AdviceKind::kGoroutines,
      .text = absl::StrCat(
          Count(count), " goroutines at once",
          more >= 1 ? absl::StrCat(", ", Count(more), " more than before") : std::string(),
          FewSamples(use.live.evidence()),
          ". Go keeps what describes one for the next, so this many have run side "
          "by side; if they should have ended, a goroutine profile "
          "(/debug/pprof/goroutine) says what they wait for."),
      .evidence = Evidence::kMeasured,
      .numbers = {{"goroutines", count}, {"more_goroutines", more}}};
  return Found{std::move(advice), use.live.bytes.estimate};
}

// "at the process's peak 10mins ago"
std::string AtPeak(const ContainerUses::Peak& peak) {
  std::string text = peak.by_recorder ? "at the process's peak" : "in the fullest snapshot";
  if (peak.ago_s && *peak.ago_s >= 1) absl::StrAppend(&text, " ", Seconds(*peak.ago_s), " ago");
  return text;
}

void AddPeakAgo(const ContainerUses::Peak& peak, Advice& advice) {
  if (peak.ago_s) advice.numbers.emplace_back("peak_ago_seconds", *peak.ago_s);
}

// What a container's elements own, at the peak and now.
struct Elements {
  Blocks then;
  Blocks live;
  std::string name = "what its elements allocated";
  bool is_own = true;  // allocated by the container
};

// Whether what `other` allocated goes with the elements of `holder`: it is the element, or
// what the element points to and owns.
bool Owns(const ContainerUse& holder, const Container& other) {
  absl::string_view element = holder.container->element;
  if (other.type.empty() || element.empty()) return false;
  if (holder.language == Language::kGo) {
    return other.kind == ContainerKind::kObject && absl::ConsumePrefix(&element, "*") &&
           element == other.type;
  }
  if (element == other.type) return true;
  for (absl::string_view owner : {"std::unique_ptr<", "std::shared_ptr<", "Box<", "Rc<", "Arc<"}) {
    if (absl::StartsWith(other.type, owner)) return absl::StrContains(element, other.type);
  }
  return false;
}

Elements ElementsOf(const SiteView& view, const ContainerUse& use) {
  if (use.elements_then.evidence() >= kLeastSamples) {
    return {.then = use.elements_then, .live = use.elements_live};
  }
  Elements elements{.then = {}, .live = {}, .name = "", .is_own = false};
  // In Go any place may make what the map then points to; its type tells. Elsewhere only what
  // is made in the same line is surely the container's.
  const absl::Span<const ContainerUse> others =
      use.language == Language::kGo ? view.uses.all() : view.uses.of_site(view.site);
  for (const ContainerUse& other : others) {
    if (other.container == nullptr || !Owns(use, *other.container)) continue;
    elements.then += other.then;
    elements.live += other.live;
    elements.name = absl::StrCat("its ", other.container->type, " elements");
  }
  return elements;
}

std::optional<Found> FindShrink(const SiteView& view, const ContainerUse& use) {
  const double storage = use.storage_live.bytes.estimate;
  const double then = use.storage_then.bytes.estimate;
  const std::optional<ContainerUses::Peak>& peak = view.uses.peak();
  if (!peak || view.is_growing() || storage < kLeastBytes || then <= 0) return std::nullopt;
  if (storage < kStayed * then || use.storage_live.evidence() < kLeastSamples) return std::nullopt;
  const Elements elements = ElementsOf(view, use);
  if (elements.then.evidence() < kLeastSamples) return std::nullopt;
  const double most_now = report::IntervalOf(elements.live.bytes).second;
  const double least_then = report::IntervalOf(elements.then.bytes).first;
  if (most_now > kWent * least_then) return std::nullopt;
  Advice advice{
      .kind = AdviceKind::kShrink,
      .text = absl::StrCat(
          IsMapOrSet(use) ? "Its table" : "Its array", " holds ", Bytes(storage),
          storage < kTheSame * then ? absl::StrCat(", of ", Bytes(then)) : ", as", " ",
          AtPeak(*peak), ", while ", elements.name, " fell from ",
          Bytes(elements.then.bytes.estimate), " to ", Bytes(elements.live.bytes.estimate),
          FewSamples(elements.then.evidence()), ". Consider ", ShrinkCall(use), "."),
      .evidence = elements.is_own ? Evidence::kMeasured : Evidence::kInferred,
      .numbers = {{"storage_bytes", storage},
                  {"storage_peak_bytes", then},
                  {"elements_bytes", elements.live.bytes.estimate},
                  {"elements_peak_bytes", elements.then.bytes.estimate}}};
  AddPeakAgo(*peak, advice);
  return Found{std::move(advice), storage};
}

std::optional<Found> FindCopyOut(const SiteView& view, const ContainerUse& use) {
  if (use.language != Language::kGo || !view.is_growing() || !IsArray(use)) return std::nullopt;
  const double live = use.live.bytes.estimate;
  if (live < std::max(kLeastBytes, kShareOfSite * view.live_bytes())) return std::nullopt;
  // What was appended to is full of what was appended.
  if (use.grown_live.bytes.estimate > kAppended * live) return std::nullopt;
  if (use.live.mean_bytes() < kLargeBlock || use.live.objects < kLeastSamples) return std::nullopt;
  if (use.live.evidence() < kLeastSamples) return std::nullopt;
  const bool is_text = use.container->kind == ContainerKind::kString;
  return Found{{.kind = AdviceKind::kCopyOut,
                .text = absl::StrCat(
                    Count(use.live.objects), " arrays of ", Bytes(use.live.mean_bytes()),
                    " on average stay, ", Bytes(live), " in all", FewSamples(use.live.evidence()),
                    ". If only parts of them are used, check whether a part keeps its "
                    "whole array, and consider copying it out (",
                    is_text ? "strings.Clone" : "slices.Clone", ")."),
                .evidence = Evidence::kInferred,
                .numbers = {{"live_bytes", live},
                            {"blocks", use.live.objects},
                            {"bytes_per_block", use.live.mean_bytes()}}},
               live};
}

std::optional<Found> FindPeak(const SiteView& view, const ContainerUse& use) {
  const std::optional<ContainerUses::Peak>& peak = view.uses.peak();
  if (!peak || view.is_growing()) return std::nullopt;
  const double then = use.then.bytes.estimate;
  const double now = use.live.bytes.estimate;
  if (then < std::max(kLeastBytes, kShareOfPeak * peak->bytes)) return std::nullopt;
  if (now > kLeftOfPeak * then || use.then.evidence() < kLeastSamples) return std::nullopt;
  const double share = then / peak->bytes;
  Advice advice{
      .kind = AdviceKind::kPeak,
      .text = absl::StrCat("Held ", Bytes(then), " (", Share(share), " of all) ", AtPeak(*peak),
                           ", ", Bytes(now), " now", FewSamples(use.then.evidence()),
                           ". If the peak matters, consider building it in parts, or "
                           "freeing earlier what is done."),
      .evidence = Evidence::kMeasured,
      .numbers = {{"peak_bytes", then}, {"peak_share", share}, {"live_bytes", now}}};
  AddPeakAgo(*peak, advice);
  return Found{std::move(advice), then};
}

constexpr Rule kRules[] = {
    {FindBound},  {FindSlowConsumer}, {FindGoroutines, /*needs_container=*/false},
    {FindShrink}, {FindCopyOut},      {FindPeak}};

}  // namespace

absl::Span<const Rule> GrowthRules() { return kRules; }

}  // namespace tidemark::leaks
