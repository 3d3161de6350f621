// Tells storage that grew step by step from blocks that were asked for in their final size,
// by the sizes of the blocks alone. Growth by a factor leaves a chain: few sizes in each
// octave, none missing on the way up, and no fewer blocks in an octave than in the next, since
// every array has been smaller before. Sizes chosen by a program lie anywhere, or apart.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_GROWTH_CHAIN_H_
#define TIDEMARK_ANALYZER_LEAKS_GROWTH_CHAIN_H_

#include <cstdint>

#include "absl/types/span.h"
#include "analyzer/leaks/container_use.h"

namespace tidemark::leaks {

struct GrowthChain {
  bool is_chain = false;
  // The size that most of the bytes went into, on average over its blocks, how many of all
  // bytes, and in how many blocks.
  double heaviest_bytes = 0;
  double heaviest_share = 0;
  double heaviest_objects = 0;
};

// Of the sizes' `grown` blocks; ascending sizes.
GrowthChain FindGrowthChain(absl::Span<const BlocksOfSize> sizes);

// Whether `alloc` is spread over all sizes between half of `size_bytes` and it, as when an
// array grows to it by small steps. Ascending sizes.
bool FillsOctaveBelow(int64_t size_bytes, absl::Span<const BlocksOfSize> sizes);

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_GROWTH_CHAIN_H_
