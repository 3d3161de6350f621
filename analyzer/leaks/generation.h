// Generations: marks cut the run, and of what was allocated between two marks a part still
// lives in the newest snapshot. A program that comes back to the same state at each mark (a
// request done, a document closed, a day over) should keep nothing of a past generation.
//
// Sources: where the recorder labelled ages (`allocated_at`), from those of the newest
// snapshot. A label is a span of time; one that a mark cuts counts in proportion, and the
// interval leaves it open which side its blocks are from. Without ages (Go, exact mode) the
// snapshots next to the marks bound it: of generation k survive at least
//   live now - live at its begin - allocated since its end
// and at most the least of live now, live at its end, allocated within.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_GENERATION_H_
#define TIDEMARK_ANALYZER_LEAKS_GENERATION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/leaks/interval.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {

// Where the marks are.
struct Marks {
  std::vector<int64_t> times_ns = {};  // since the epoch
  std::vector<double> since_s = {};    // since the recording began (or the oldest snapshot)
  bool at_each_snapshot = false;
  bool empty() const { return times_ns.empty() && since_s.empty() && !at_each_snapshot; }
};

struct Generation {
  double begin_s = 0;  // since the recording began
  double end_s = 0;
  std::optional<int64_t> live_bytes;  // absent where only bounds are known
  Interval live_ci;                   // sampling and the marks' place within labels
};

// The ends of the generations, ascending: 0, the marks inside the run, the newest snapshot's
// time; in seconds since the recording began. Without ages a mark moves to the nearest
// snapshot. Empty without marks.
std::vector<double> Boundaries(const Series& series, const Marks& marks);

// What is left of each generation of one site. REQUIRES: `site` is of `series`.
std::vector<Generation> GenerationsOf(const Series& series, const SiteSeries& site,
                                      absl::Span<const double> boundaries);

// The same of all sites together.
std::vector<Generation> GenerationsOfAll(const Series& series, absl::Span<const double> boundaries);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GENERATION_H_
