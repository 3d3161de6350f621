// The rules behind advice.h: each looks at one container at one site and may have something
// to say. Their conditions are explained in advice.h.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_ADVICE_RULES_H_
#define TIDEMARK_ANALYZER_LEAKS_ADVICE_RULES_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "analyzer/leaks/advice.h"
#include "analyzer/leaks/container_use.h"
#include "analyzer/leaks/judge.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

inline constexpr double kKiB = 1024;
inline constexpr double kMiB = 1024 * kKiB;
inline constexpr double kSecondsPerHour = 3600;
// Less is not worth anybody's time.
inline constexpr double kLeastBytes = kMiB;

// One site and all that is known of it.
struct SiteView {
  const Series& series;
  const ContainerUses& uses;
  size_t site;
  const Judgement& judgement;

  bool is_growing() const { return judgement.verdict <= Verdict::kSuspect; }
  double live_bytes() const { return series.sites[site].at.back().live.sum.estimate; }
  // From the oldest snapshot to the newest; 0: not known.
  double span_s() const {
    return series.has_times ? series.times_s.back() - series.times_s.front() : 0;
  }
  // Bytes; absent where no growth was seen, as of what only survives.
  std::optional<double> growth_per_s() const;
};

struct Found {
  Advice advice;
  double bytes = 0;  // that it is about: of two of one kind the larger one is given
};

struct Rule {
  std::optional<Found> (*find)(const SiteView& view, const ContainerUse& use);
  bool needs_container = true;  // one that holds many
};
absl::Span<const Rule> GrowthRules();  // what stays: bound to copy_out, and peak
absl::Span<const Rule>
CostRules();  // what it costs: reserve, geometric_growth, reuse, intern, flat

// " (23 samples)" where there are few.
std::string FewSamples(double evidence);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_ADVICE_RULES_H_
