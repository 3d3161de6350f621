#include "analyzer/classify/growth_pattern.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/types/span.h"

namespace tidemark::classify {
namespace {

// Share of the site's bytes that must lie on a pattern.
constexpr double kMinShare = 0.9;
// Fewer arrays in a row could be chance.
constexpr size_t kMinDoublings = 4;
constexpr size_t kMinSmallerSteps = 6;
constexpr size_t kMinTables = 4;
// Of factors below 2, which arrays round to whole elements: how far off, and from which size on.
constexpr double kRounding = 0.01;
constexpr int64_t kMinRounded = 512;
// Share of the bytes that may be live, or have no smaller block before them, against the
// pattern: arrays that were reserved, chance in what was sampled.
constexpr double kMaxAgainst = 0.1;
// Nodes: how large at most, and how many at least must be live.
constexpr int64_t kMaxNodeBytes = 256;
constexpr double kMinNodes = 64;
constexpr double kMinLiveNodes = 0.5;

// How many pointers the tables have, as they grow.
constexpr int64_t kLibstdcxx[] = {13,     29,     59,      127,     257,    541,   1109,
                                  2357,   5087,   10273,   20753,   42043,  85229, 172933,
                                  351061, 712697, 1447153, 2938679, 5967347};
constexpr int64_t kLibcxx[] = {5,      11,     23,     47,     97,     197,   397,
                               797,    1597,   3203,   6421,   12853,  25717, 51437,
                               102877, 205759, 411527, 823117, 1646237};
constexpr int64_t kBoost[] = {17,   33,    65,    129,   257,    513,    1025,   2049,    4097,
                              8193, 16385, 32769, 65537, 131073, 262145, 524289, 1048577, 2097153};

}  // namespace

void GrowthPattern::Add(int64_t size_bytes, int64_t alloc_bytes, int64_t live_bytes) {
  if (alloc_bytes <= 0) return;
  if (size_bytes <= 0) {
    unknown_ += static_cast<double>(alloc_bytes);
    return;
  }
  Amount& amount = sizes_[size_bytes];
  amount.alloc += static_cast<double>(alloc_bytes);
  amount.live += static_cast<double>(std::clamp<int64_t>(live_bytes, 0, alloc_bytes));
}

double GrowthPattern::live_bytes() const {
  double sum = 0;
  for (const auto& [size, amount] : sizes_) sum += amount.live;
  return sum;
}

bool GrowthPattern::IsMost(double bytes) const {
  double total = unknown_;
  for (const auto& [size, amount] : sizes_) total += amount.alloc;
  return bytes >= kMinShare * total;
}

GrowthPattern::Sizes::const_iterator GrowthPattern::Find(double low, double high) const {
  if (!(high < static_cast<double>(INT64_MAX))) return sizes_.end();
  const auto found = sizes_.lower_bound(static_cast<int64_t>(std::ceil(low)));
  const bool is_there = found != sizes_.end() && static_cast<double>(found->first) <= high;
  return is_there ? found : sizes_.end();
}

GrowthPattern::Sizes::const_iterator GrowthPattern::Next(int64_t size, double factor) const {
  const double next = static_cast<double>(size) * factor;
  double off = static_cast<double>(3 * tolerance_);
  if (factor != 2) {
    if (size < kMinRounded) return sizes_.end();
    off += kRounding * next;
  }
  return Find(next - off, next + off);
}

bool GrowthPattern::IsGeometric(double factor, size_t min_steps) const {
  // How many steps lead to each size.
  std::map<int64_t, size_t> steps;
  for (const auto& [size, amount] : sizes_) {
    const auto next = Next(size, factor);
    if (next == sizes_.end()) continue;
    size_t& longest = steps[next->first];
    longest = std::max(longest, steps[size] + 1);
  }
  // From the largest down: a size is on the pattern if the one that it grows into is, or if it
  // ends a chain that is long enough.
  std::map<int64_t, bool> belongs;
  double on_pattern = 0;
  double against = 0;
  for (auto it = sizes_.rbegin(); it != sizes_.rend(); ++it) {
    const auto next = Next(it->first, factor);
    const bool is_last = next == sizes_.end();
    const bool is_on = is_last ? steps[it->first] >= min_steps : belongs[next->first];
    belongs[it->first] = is_on;
    if (!is_on) continue;
    on_pattern += it->second.alloc;
    if (is_last) continue;
    // All that became the next size, and what is live, was this size once.
    const double larger = next->second.alloc / static_cast<double>(next->first);
    const double grown = larger * static_cast<double>(it->first);
    against += std::max(0.0, it->second.live + grown - it->second.alloc);
  }
  return on_pattern > 0 && IsMost(on_pattern) && against <= kMaxAgainst * on_pattern;
}

bool GrowthPattern::IsGrowingArray() const {
  return IsGeometric(2, kMinDoublings) || IsGeometric(1.5, kMinSmallerSteps) ||
         IsGeometric(1.6, kMinSmallerSteps) || IsGeometric(1.618, kMinSmallerSteps);
}

bool GrowthPattern::IsPointerTable() const {
  for (const absl::Span<const int64_t> lengths :
       {absl::MakeConstSpan(kLibstdcxx), absl::MakeConstSpan(kLibcxx),
        absl::MakeConstSpan(kBoost)}) {
    double on_pattern = 0;
    size_t run = 0;
    size_t longest = 0;
    for (const int64_t length : lengths) {
      const double bytes = static_cast<double>(length) * sizeof(void*);
      const double off = static_cast<double>(tolerance_);
      const auto table = Find(bytes - off, bytes + off);
      run = table == sizes_.end() ? 0 : run + 1;
      longest = std::max(longest, run);
      if (table != sizes_.end()) on_pattern += table->second.alloc;
    }
    if (longest >= kMinTables && IsMost(on_pattern)) return true;
  }
  return false;
}

int64_t GrowthPattern::NodeSize() const {
  auto most = sizes_.end();
  for (auto it = sizes_.begin(); it != sizes_.end(); ++it) {
    if (most == sizes_.end() || it->second.alloc > most->second.alloc) most = it;
  }
  if (most == sizes_.end() || most->first > kMaxNodeBytes) return 0;
  const Amount& amount = most->second;
  const bool are_many = amount.live >= kMinNodes * static_cast<double>(most->first);
  const bool are_kept = amount.live >= kMinLiveNodes * amount.alloc;
  return are_many && are_kept && IsMost(amount.alloc) ? most->first : 0;
}

}  // namespace tidemark::classify
