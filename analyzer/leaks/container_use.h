// What the containers at each site hold, held and went through: what advice.h judges by. One
// pass over the newest snapshot's rows serves all sites; a second one over the fullest
// snapshot's where the newest does not know the process's peak itself.
//
// Thread class: immutable after construction; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_CONTAINER_USE_H_
#define TIDEMARK_ANALYZER_LEAKS_CONTAINER_USE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/leaks/series.h"
#include "analyzer/leaks/stack_role.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/language.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {

// Blocks: their bytes, with the samples behind them, and their number.
struct Blocks {
  report::SampledSum bytes;
  double objects = 0;

  Blocks& operator+=(const Blocks& o);
  double mean_bytes() const { return objects > 0 ? bytes.estimate / objects : 0; }
  // As how many equal samples the estimate is worth: infinite where nothing is left to
  // chance (exact recordings, blocks much larger than the distance between samples).
  double evidence() const;
};

// The blocks of one size (the `bytes` label), among one container's.
struct BlocksOfSize {
  int64_t size_bytes = 0;
  Blocks texts;  // live
  Blocks alloc;  // ever; only where some blocks went through realloc, or grew
  Blocks grown;  // of alloc: storage that grew
};

// A live array that went through many small reallocs.
struct SteppedArray {
  int64_t size_bytes = 0;
  int64_t reallocs = 0;  // at least
  double live_bytes = 0;
};

// One type of container at one site, whatever was done to it there; also what no container
// was recognised of.
struct ContainerUse {
  uint32_t site = 0;                     // index into Series::sites
  const Container* container = nullptr;  // its kind and type count here; null: none
  report::Language language = report::Language::kUnknown;

  Blocks live;
  Blocks alloc;  // ever
  Blocks then;   // live at the peak, as ContainerUses::peak() explains
  Blocks storage_live;
  Blocks storage_then;
  Blocks elements_live;
  Blocks elements_alloc;
  Blocks elements_then;
  Blocks grown;  // ever allocated, of storage that grew by itself
  Blocks grown_live;

  Blocks texts;  // live strings, the container's elements or itself

  Blocks nodes;  // live; of the kind below
  NodeKind node_kind = NodeKind::kOther;

  // Freed blocks, as far as their lives were recorded.
  static constexpr std::array<int64_t, 4> kShortLivesNs = {1 << 20, 1 << 23, 1 << 27, 1 << 30};
  Blocks freed;
  Blocks freed_by_other_thread;
  std::array<Blocks, kShortLivesNs.size()> freed_within;  // each of kShortLivesNs

  SteppedArray stepped;             // the largest
  std::vector<BlocksOfSize> sizes;  // ascending
};

class ContainerUses {
 public:
  // `series` must outlive this; its sites keep their numbers.
  explicit ContainerUses(const Series& series);

  absl::Span<const ContainerUse> of_site(size_t site) const;
  absl::Span<const ContainerUse> all() const { return uses_; }

  // The peak: when the whole process's use was highest, as the recorder saw it, else the
  // fullest of the snapshots. Absent when that is the newest itself, or when the only one was
  // taken at exit after the program had torn its heap down: less is live then for no reason
  // that advice could be made of.
  struct Peak {
    bool by_recorder = false;
    std::optional<double> ago_s;  // before the newest snapshot
    double bytes = 0;             // of the process
  };
  const std::optional<Peak>& peak() const { return peak_; }

  double live_bytes() const { return live_bytes_; }    // of the process
  double alloc_bytes() const { return alloc_bytes_; }  // of the process; 0: not known
  double recorded_s() const { return recorded_s_; }    // 0: not known
  // Whether the blocks come from glibc's malloc: no other allocator's library is loaded.
  bool is_glibc_malloc() const { return is_glibc_malloc_; }

 private:
  friend class ContainerUseReader;

  std::vector<ContainerUse> uses_;  // by site
  std::vector<uint32_t> begins_;    // of each site in uses_, and the end
  std::optional<Peak> peak_;
  double live_bytes_ = 0;
  double alloc_bytes_ = 0;
  double recorded_s_ = 0;
  bool is_glibc_malloc_ = false;
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_CONTAINER_USE_H_
