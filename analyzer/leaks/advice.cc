#include "analyzer/leaks/advice.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "analyzer/base/rounding.h"
#include "analyzer/leaks/advice_rules.h"

namespace tidemark::leaks {
namespace {

void Add(Found found, std::vector<Found>& all) {
  for (Found& other : all) {
    if (other.advice.kind != found.advice.kind) continue;
    if (found.bytes > other.bytes) other = std::move(found);
    return;
  }
  all.push_back(std::move(found));
}

bool Has(AdviceKind kind, const std::vector<Found>& all) {
  return std::any_of(all.begin(), all.end(),
                     [kind](const Found& found) { return found.advice.kind == kind; });
}

void Remove(AdviceKind kind, std::vector<Found>& all) {
  all.erase(std::remove_if(all.begin(), all.end(),
                           [kind](const Found& found) { return found.advice.kind == kind; }),
            all.end());
}

}  // namespace

const char* Name(AdviceKind kind) {
  switch (kind) {
    case AdviceKind::kBound:
      return "bound";
    case AdviceKind::kSlowConsumer:
      return "slow_consumer";
    case AdviceKind::kGoroutines:
      return "goroutines";
    case AdviceKind::kShrink:
      return "shrink";
    case AdviceKind::kCopyOut:
      return "copy_out";
    case AdviceKind::kReserve:
      return "reserve";
    case AdviceKind::kGeometricGrowth:
      return "geometric_growth";
    case AdviceKind::kReuse:
      return "reuse";
    case AdviceKind::kIntern:
      return "intern";
    case AdviceKind::kFlat:
      return "flat";
    case AdviceKind::kPeak:
      return "peak";
  }
  return "";
}

std::optional<double> SiteView::growth_per_s() const {
  if (!HasPace(judgement)) return std::nullopt;
  std::optional<double> rate = judgement.slope_per_s;
  if (!rate && judgement.delta && span_s() > 0) rate = *judgement.delta / span_s();
  if (!rate && judgement.cause == Cause::kSpread && uses.recorded_s() > 0) {
    rate = live_bytes() / uses.recorded_s();
  }
  return is_growing() && rate && *rate > 0 ? rate : std::nullopt;
}

std::string FewSamples(double evidence) {
  if (evidence >= kManySamples) return "";
  return absl::StrCat(" (", Rounded(evidence), " samples)");
}

std::vector<Advice> Advise(const Series& series, const ContainerUses& uses, size_t site,
                           const Judgement& judgement) {
  const SiteView view{series, uses, site, judgement};
  std::vector<Found> all;
  for (const ContainerUse& use : uses.of_site(site)) {
    const bool holds_many =
        use.container != nullptr && use.container->kind != ContainerKind::kObject;
    const bool is_inferred =
        use.container != nullptr && use.container->evidence == Evidence::kInferred;
    for (absl::Span<const Rule> rules : {GrowthRules(), CostRules()}) {
      for (const Rule& rule : rules) {
        if (rule.needs_container && !holds_many) continue;
        std::optional<Found> found = rule.find(view, use);
        if (!found) continue;
        if (is_inferred) found->advice.evidence = Evidence::kInferred;
        Add(*std::move(found), all);
      }
    }
  }
  // Of what is smaller than it was, what stayed is the better news.
  if (Has(AdviceKind::kShrink, all)) Remove(AdviceKind::kPeak, all);
  std::sort(all.begin(), all.end(),
            [](const Found& a, const Found& b) { return a.advice.kind < b.advice.kind; });
  std::vector<Advice> result;
  for (Found& found : all) result.push_back(std::move(found.advice));
  return result;
}

std::vector<std::vector<Advice>> AdviseAll(const Series& series,
                                           const std::vector<Judgement>& judgements) {
  const ContainerUses uses(series);
  std::vector<std::vector<Advice>> all;
  for (size_t i = 0; i < series.sites.size(); ++i) {
    all.push_back(Advise(series, uses, i, judgements[i]));
  }
  return all;
}

}  // namespace tidemark::leaks
