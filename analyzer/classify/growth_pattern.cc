#include "analyzer/classify/growth_pattern.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tidemark::classify {
namespace {

// The steps of the recorder's `bytes` label: 8 in each octave from 16 bytes up, numbered
// so that one octave is one kStepsPerOctave. Smaller sizes are never doubled often enough.
constexpr uint32_t kStepBits = 3;
constexpr uint32_t kStepsPerOctave = 1u << kStepBits;
constexpr int64_t kMinSize = 16;

uint32_t StepOf(int64_t size_bytes) {
  const uint64_t size = static_cast<uint64_t>(size_bytes);
  const uint32_t shift = static_cast<uint32_t>(std::bit_width(size)) - 1 - kStepBits;
  return (shift << kStepBits) + static_cast<uint32_t>((size >> shift) & (kStepsPerOctave - 1));
}

// Fewer octaves in a row could be chance.
constexpr int kMinOctaves = 4;
// Share of the site's bytes that must lie on the progression.
constexpr double kMinShare = 0.9;

}  // namespace

void GrowthPattern::Add(int64_t size_bytes, int64_t bytes) {
  if (size_bytes <= 0 || bytes <= 0) return;
  total_ += static_cast<double>(bytes);
  if (size_bytes >= kMinSize) bytes_of_step_[StepOf(size_bytes)] += static_cast<double>(bytes);
}

bool GrowthPattern::IsDoubling() const {
  std::array<double, kStepsPerOctave> of_step{};
  for (const auto& [step, bytes] : bytes_of_step_) of_step[step % kStepsPerOctave] += bytes;
  const auto best = std::max_element(of_step.begin(), of_step.end());
  if (total_ <= 0 || *best < kMinShare * total_) return false;
  const uint32_t best_step = static_cast<uint32_t>(best - of_step.begin());
  int run = 0;
  int longest = 0;
  uint32_t previous = 0;
  for (const auto& [step, bytes] : bytes_of_step_) {
    if (step % kStepsPerOctave != best_step) continue;
    run = run > 0 && step == previous + kStepsPerOctave ? run + 1 : 1;
    longest = std::max(longest, run);
    previous = step;
  }
  return longest >= kMinOctaves;
}

}  // namespace tidemark::classify
