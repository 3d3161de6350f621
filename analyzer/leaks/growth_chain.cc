#include "analyzer/leaks/growth_chain.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace tidemark::leaks {
namespace {

// An octave counts with so much evidence, and a chain has so many octaves.
constexpr double kSamplesPerOctave = 3;
constexpr size_t kLeastOctaves = 3;
// Growth by 1.25 or more makes at most three or four sizes in an octave; the label has eight.
constexpr size_t kStepsPerOctave = 3;
constexpr double kShareOfSteps = 0.9;
// A size is a step of the chain with this share of its octave's bytes.
constexpr double kShareOfStep = 0.1;
// A hash table's primes grow by 2.2 at most; labels are rounded by up to an eighth.
constexpr double kLargestStep = 2.6;
// An octave's most frequent size may have so many fewer blocks than the next octave's, since
// some arrays begin later, and what sampling takes from few.
constexpr double kFewerBefore = 0.5;
// Eight labels lie in the octave below a size. Of those, so many have so much of all bytes.
constexpr int kFilledSizes = 6;
constexpr double kShareOfFilled = 0.03;

int OctaveOf(int64_t size_bytes) {
  return std::bit_width(static_cast<uint64_t>(std::max<int64_t>(size_bytes, 1))) - 1;
}

// The sizes of one octave.
struct Octave {
  double bytes = 0;
  double samples = 0;
  double step_bytes = 0;  // in the kStepsPerOctave heaviest sizes
  Blocks most;            // the size with most blocks
};

Octave Measure(absl::Span<const BlocksOfSize> sizes) {
  Octave octave;
  std::vector<double> bytes;
  for (const BlocksOfSize& size : sizes) {
    octave.bytes += size.grown.bytes.estimate;
    octave.samples += size.grown.bytes.samples;
    bytes.push_back(size.grown.bytes.estimate);
    if (size.grown.objects > octave.most.objects) octave.most = size.grown;
  }
  std::sort(bytes.rbegin(), bytes.rend());
  for (size_t i = 0; i < std::min(kStepsPerOctave, bytes.size()); ++i) {
    octave.step_bytes += bytes[i];
  }
  return octave;
}

// Whether each step is within reach of the one before.
bool AreInReach(absl::Span<const BlocksOfSize* const> steps) {
  for (size_t i = 1; i < steps.size(); ++i) {
    const double smaller = static_cast<double>(steps[i - 1]->size_bytes);
    if (static_cast<double>(steps[i]->size_bytes) > kLargestStep * smaller) return false;
  }
  return true;
}

// Whether every array may have been smaller before.
bool WereSmallerBefore(absl::Span<const Octave> octaves) {
  for (size_t i = 1; i < octaves.size(); ++i) {
    const Blocks& before = octaves[i - 1].most;
    const double chance = 1 + 2 / std::sqrt(std::max(1.0, before.bytes.samples));
    if (before.objects * chance < kFewerBefore * octaves[i].most.objects) return false;
  }
  return true;
}

}  // namespace

GrowthChain FindGrowthChain(absl::Span<const BlocksOfSize> sizes) {
  GrowthChain chain;
  double total = 0, counted = 0, in_steps = 0;
  const BlocksOfSize* heaviest = nullptr;
  std::vector<const BlocksOfSize*> steps;
  std::vector<Octave> octaves;
  for (size_t begin = 0, end = 0; begin < sizes.size(); begin = end) {
    while (end < sizes.size() &&
           OctaveOf(sizes[end].size_bytes) == OctaveOf(sizes[begin].size_bytes)) {
      ++end;
    }
    const absl::Span<const BlocksOfSize> of_octave = sizes.subspan(begin, end - begin);
    const Octave octave = Measure(of_octave);
    total += octave.bytes;
    if (octave.samples < kSamplesPerOctave) continue;
    octaves.push_back(octave);
    counted += octave.bytes;
    in_steps += octave.step_bytes;
    for (const BlocksOfSize& size : of_octave) {
      if (size.grown.bytes.estimate < kShareOfStep * octave.bytes) continue;
      steps.push_back(&size);
      if (heaviest == nullptr || size.grown.bytes.estimate > heaviest->grown.bytes.estimate) {
        heaviest = &size;
      }
    }
  }
  if (heaviest == nullptr || octaves.size() < kLeastOctaves) return chain;
  chain.is_chain =
      in_steps >= kShareOfSteps * counted && AreInReach(steps) && WereSmallerBefore(octaves);
  chain.heaviest_bytes = heaviest->grown.mean_bytes();
  chain.heaviest_share = heaviest->grown.bytes.estimate / total;
  chain.heaviest_objects = heaviest->grown.objects;
  return chain;
}

bool FillsOctaveBelow(int64_t size_bytes, absl::Span<const BlocksOfSize> sizes) {
  double total = 0;
  for (const BlocksOfSize& size : sizes) total += size.alloc.bytes.estimate;
  int filled = 0;
  for (const BlocksOfSize& size : sizes) {
    const bool is_below = size.size_bytes > size_bytes / 2 && size.size_bytes <= size_bytes;
    if (is_below && size.alloc.bytes.estimate >= kShareOfFilled * total) ++filled;
  }
  return filled >= kFilledSizes;
}

}  // namespace tidemark::leaks
