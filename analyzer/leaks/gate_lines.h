// The sites of two profiles line by line. A function that already held a suspect may get another
// one on a line of its own, which a comparison by function (site_pairs.h) takes for more of the
// same.
//
// Lines move from one build to the next, so those of one function are laid on each other with the
// shift under which most bytes meet, and what is left over with the next best one.
//
// Thread class: free functions over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_GATE_LINES_H_
#define TIDEMARK_ANALYZER_LEAKS_GATE_LINES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "analyzer/leaks/site_pairs.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"

namespace tidemark::leaks {

struct LinePair {
  size_t function = 0;  // index in SitePairs::pairs of what it is a part of
  SitePair site;        // for SitePairs::Compare
  // Not all lines of the function moved alike: another one may have been meant.
  bool is_guess = false;
};

class LinePairs {
 public:
  // REQUIRES: `sites` are those of inuse_space of these two.
  LinePairs(const SitePairs& sites, const Profile& base, const Profile& now);

  const std::vector<LinePair>& pairs() const { return pairs_; }
  // The index of a site of the one profile, if it has it there.
  std::optional<size_t> FindInBase(const report::Frame& site) const { return Find(in_base_, site); }
  std::optional<size_t> FindInNow(const report::Frame& site) const { return Find(in_now_, site); }

 private:
  using Place = std::pair<size_t, int64_t>;  // function, line
  using Index = absl::flat_hash_map<Place, size_t>;
  struct Line {
    Place place;
    SiteLevel level;
  };
  std::optional<size_t> Find(const Index& index, const report::Frame& site) const;
  std::optional<Place> PlaceOf(const report::Frame& site) const;
  std::vector<Line> LinesOf(const Profile& profile) const;
  static int64_t BestShift(const std::vector<const Line*>& base,
                           const std::vector<const Line*>& now);
  void PairFunction(size_t function, std::vector<const Line*> base, std::vector<const Line*> now);
  void Add(const Line* base, const Line* now, size_t function);

  const SitePairs& sites_;
  std::vector<LinePair> pairs_;
  Index in_base_;
  Index in_now_;
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GATE_LINES_H_
