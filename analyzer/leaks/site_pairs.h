// The sites of two profiles side by side, be they of one process or of two builds of a program.
//
// What makes two sites one: the function and its file's base name, for lines move and source
// trees lie elsewhere. Where there are no symbols: the place in the module if both profiles
// have the very same module (by build id), else the module. Never an address.
//
// Code is also moved and renamed. A site of enough samples that only one of the profiles has
// is taken for one that only the other has, when nothing else can be meant: the only one of
// that function, or the only one in that file with that container; a note says so.
//
// Thread class: free functions over const Profiles; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_SITE_PAIRS_H_
#define TIDEMARK_ANALYZER_LEAKS_SITE_PAIRS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "analyzer/leaks/growth.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/frame.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {

// One site in one of the profiles.
struct SiteLevel {
  bool known = false;  // the profile has a row of it, be its value 0
  Level level;         // of the sample type
  Level allocated;     // what in-use values are what is left of, as far as the profile says
  StackId stack;       // the one that holds most
};

struct SitePair {
  SiteLevel base;
  SiteLevel now;
};

// One row of a sample type; without `errors` as if exact.
report::SampledSum RowOf(const Profile& profile, int type, size_t row,
                         const std::optional<report::SamplingErrors>& errors);

class SitePairs {
 public:
  // REQUIRES: both are classified, remain live, and have the sample types.
  SitePairs(const Profile& base, int base_type, const Profile& now, int now_type);

  const std::vector<SitePair>& pairs() const { return pairs_; }
  // The index of a site of either profile, if it has one.
  std::optional<size_t> Find(const report::Frame& site) const;
  // What was taken for the same site, a sentence each.
  const std::vector<std::string>& notes() const { return notes_; }

  // A pair as the statistics want it. `total`: all pairs together.
  Comparison Compare(const SitePair& pair) const;
  Comparison CompareTotal() const;
  // Whether both profiles say how they were sampled. If not, values are taken as exact.
  bool has_sampling() const { return has_sampling_; }
  // Whether a comparison of the pair could come out as sure growth: 10 samples in both
  // together, or blocks that are not missed. It does not depend on which of the two has them,
  // so leaving out the others keeps the odds.
  bool CanTell(const SitePair& pair) const;

 private:
  struct Side {
    const Profile* profile;
    int type;
    SiteLevel SitePair::*member;
    Sampling sampling;
    int allocated_type = -1;
  };
  std::string KeyOf(const report::Frame& site) const;
  report::Frame SiteFrame(const Side& side, const SitePair& pair) const;
  void AddRows(Side& side);
  void FindMoved();
  using Aspect = std::string (SitePairs::*)(const Side&, const SitePair&) const;
  std::string FunctionOf(const Side& side, const SitePair& pair) const;
  std::string FileAndContainerOf(const Side& side, const SitePair& pair) const;
  void JoinByAspect(Aspect aspect);

  Side base_;
  Side now_;
  bool has_sampling_ = true;
  bool has_flows_ = false;
  bool is_cumulative_ = false;
  absl::flat_hash_set<std::string> shared_build_ids_;
  absl::flat_hash_map<std::string, size_t> index_of_key_;
  std::vector<SitePair> pairs_;
  std::vector<std::string> notes_;
};

// The last component of a path.
absl::string_view BaseName(absl::string_view path);
// Without what compilers append to the copies they make of one function.
absl::string_view WithoutCloneSuffix(absl::string_view function);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_SITE_PAIRS_H_
