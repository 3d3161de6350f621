// What to try about a finding: suggestions, each with the numbers it is made of. A heap
// profile shows blocks, not what is in them, so each kind needs its own evidence, and what
// the profile cannot know is not said.
//
//  - bound: a map or set that grows by insertion and loses hardly anything.
//  - slow_consumer: a list, deque or queue that grows although another thread frees from it.
//  - goroutines: in Go, ever more of them run at once.
//  - shrink: storage that stays as large as it was at the peak while the elements went. The
//    elements are seen where they own blocks: nodes, strings in a vector, objects that the
//    same line makes, in Go also objects of the map's value type. A map with its values
//    inline has none, and nothing is said of it.
//  - copy_out: in Go a slice of a slice, or of a string, keeps the whole array. The profile
//    cannot show that less is used than is kept, so it is only asked to be looked at, where
//    many large arrays, made in their size, survive in something that grows.
//  - reserve: storage that grew step by step, again and again. One that grew once allocates
//    twice what it holds, so what was in use at most is held against it. Sizes that follow a
//    chain of steps tell growth from blocks that were asked for in their final size. Not of
//    arrays that were inferred: that they are arrays is known from the same sizes.
//  - geometric_growth: an array that went through far more reallocs than growth by a factor
//    takes, over all sizes on the way.
//  - reuse: blocks that are freed soon after, at a high rate. Needs lifetimes.
//  - intern: strings of one size in great number, where they do not go on growing in number.
//    Equal sizes are a hint, no proof.
//  - flat: nodes that are mostly links and malloc's own header.
//  - peak: what the site held at the process's peak and does not hold now.
//
// Not given: that a container reserved much more than it uses. Unused capacity is allocated
// like any other.
//
// Evidence counts in samples (Blocks::evidence): below kLeastSamples nothing is said, below
// kManySamples the text says how many there are.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_ADVICE_H_
#define TIDEMARK_ANALYZER_LEAKS_ADVICE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/leaks/container_use.h"
#include "analyzer/leaks/judge.h"
#include "analyzer/leaks/series.h"
#include "analyzer/model/annotations.h"

namespace tidemark::leaks {

inline constexpr double kLeastSamples = 10;
inline constexpr double kManySamples = 50;

// In the order in which they are given.
enum class AdviceKind : uint8_t {
  kBound,
  kSlowConsumer,
  kGoroutines,
  kShrink,
  kCopyOut,
  kReserve,
  kGeometricGrowth,
  kReuse,
  kIntern,
  kFlat,
  kPeak,
};
const char* Name(AdviceKind kind);  // "bound", "slow_consumer"…

struct Advice {
  AdviceKind kind = AdviceKind::kBound;
  std::string text;  // one or two sentences: the numbers, and what to consider
  // kInferred where the numbers are a hint at something that they do not show, or the
  // container itself is inferred.
  Evidence evidence = Evidence::kMeasured;
  // The numbers in the text, and others behind it, by names with their unit: "live_bytes",
  // "blocks_per_second", "freed_share" (of 1). Those that come from samples are estimates.
  std::vector<std::pair<std::string, double>> numbers;
};

// Of site `site` of `series`, at most one of each kind. `uses` and `judgement` are of the
// same series.
std::vector<Advice> Advise(const Series& series, const ContainerUses& uses, size_t site,
                           const Judgement& judgement);
// The same of all sites. REQUIRES: one judgement for each.
std::vector<std::vector<Advice>> AdviseAll(const Series& series,
                                           const std::vector<Judgement>& judgements);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_ADVICE_H_
