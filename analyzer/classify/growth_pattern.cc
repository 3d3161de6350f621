#include "analyzer/classify/growth_pattern.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <iterator>

#include "absl/types/span.h"

namespace tidemark::classify {
namespace {

// Share of the site's bytes that must lie on a pattern.
constexpr double kMinShare = 0.9;
// Fewer arrays in a row could be chance.
constexpr int kMinDoublings = 4;
constexpr int kMinSmallerSteps = 7;
constexpr int kMinPrimes = 4;
// Share of the bytes that may be live, or have no smaller block before them, against the
// pattern: arrays that were reserved, chance in what was sampled.
constexpr double kMaxAgainst = 0.1;
// Nodes: how large at most, and how many at least must be live.
constexpr int64_t kMaxNodeBytes = 256;
constexpr double kMinNodes = 64;
constexpr double kMinLiveNodes = 0.5;

// The end of the recorder's size bucket that starts at `size`: 8 in each octave, exact below 16.
int64_t BucketEnd(int64_t size) {
  if (size < 16) return size + 1;
  const int shift = std::bit_width(static_cast<uint64_t>(size)) - 4;
  return size > INT64_MAX - (int64_t{1} << shift) ? INT64_MAX : size + (int64_t{1} << shift);
}

bool IsInBucket(double size, int64_t bucket) {
  return size >= static_cast<double>(bucket) && size < static_cast<double>(BucketEnd(bucket));
}

// How many buckets their hash tables have, as they grow.
constexpr int64_t kLibstdcxxPrimes[] = {13,     29,     59,      127,     257,    541,   1109,
                                        2357,   5087,   10273,   20753,   42043,  85229, 172933,
                                        351061, 712697, 1447153, 2938679, 5967347};
constexpr int64_t kLibcxxPrimes[] = {5,      11,     23,     47,     97,      197,    397,
                                     797,    1597,   3203,   6421,   12853,   25717,  51437,
                                     102877, 205759, 411527, 823117, 1646237, 3292489};

}  // namespace

void GrowthPattern::Add(int64_t size_bytes, int64_t alloc_bytes, int64_t live_bytes) {
  if (size_bytes <= 0 || alloc_bytes <= 0) return;
  Amount& amount = bytes_of_size_[size_bytes];
  amount.alloc += static_cast<double>(alloc_bytes);
  amount.live += static_cast<double>(std::clamp<int64_t>(live_bytes, 0, alloc_bytes));
}

double GrowthPattern::live_bytes() const {
  double sum = 0;
  for (const auto& [size, amount] : bytes_of_size_) sum += amount.live;
  return sum;
}

bool GrowthPattern::IsGeometric(double factor, int min_steps) const {
  if (bytes_of_size_.size() <= static_cast<size_t>(min_steps)) return false;
  double total = 0;
  for (const auto& [size, amount] : bytes_of_size_) total += amount.alloc;
  // The largest block's own size is anywhere in its bucket.
  const int64_t largest = bytes_of_size_.rbegin()->first;
  const double width = static_cast<double>(BucketEnd(largest) - largest);
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    double expected = static_cast<double>(largest) + width * i / kTries;
    double on_pattern = 0;
    int run = 0;
    int longest = 0;
    // Downwards, one expected size after the other, past what is in between.
    for (auto it = bytes_of_size_.rbegin(); it != bytes_of_size_.rend() && expected >= 1;) {
      if (IsInBucket(expected, it->first)) {
        on_pattern += it->second.alloc;
        longest = std::max(longest, ++run);
        expected /= factor;
        ++it;
      } else if (static_cast<double>(it->first) > expected) {
        ++it;
      } else {
        run = 0;
        expected /= factor;
      }
    }
    // A run of n sizes is n - 1 steps.
    if (longest > min_steps && on_pattern >= kMinShare * total) return true;
  }
  return false;
}

bool GrowthPattern::ArraysReplaceEachOther() const {
  double against = 0;
  double total = 0;
  for (auto it = bytes_of_size_.begin(); it != bytes_of_size_.end(); ++it) {
    total += it->second.alloc;
    const auto next = std::next(it);
    if (next == bytes_of_size_.end()) break;
    const double size = static_cast<double>(it->first);
    const double larger = next->second.alloc / static_cast<double>(next->first);
    against += std::max(0.0, it->second.live + (larger * size) - it->second.alloc);
  }
  return against <= kMaxAgainst * total;
}

bool GrowthPattern::IsGrowingArray() const {
  constexpr double kGolden = 1.618;
  const bool is_geometric = IsGeometric(2, kMinDoublings) || IsGeometric(1.5, kMinSmallerSteps) ||
                            IsGeometric(kGolden, kMinSmallerSteps);
  return is_geometric && !IsPrimeTable() && ArraysReplaceEachOther();
}

bool GrowthPattern::IsPrimeTable() const {
  double total = 0;
  for (const auto& [size, amount] : bytes_of_size_) total += amount.alloc;
  for (const absl::Span<const int64_t> primes :
       {absl::MakeConstSpan(kLibstdcxxPrimes), absl::MakeConstSpan(kLibcxxPrimes)}) {
    double on_pattern = 0;
    int run = 0;
    int longest = 0;
    for (const int64_t prime : primes) {
      const double bytes = static_cast<double>(prime) * sizeof(void*);
      const auto above = bytes_of_size_.upper_bound(static_cast<int64_t>(bytes));
      const bool is_there =
          above != bytes_of_size_.begin() && IsInBucket(bytes, std::prev(above)->first);
      run = is_there ? run + 1 : 0;
      longest = std::max(longest, run);
      if (is_there) on_pattern += std::prev(above)->second.alloc;
    }
    // Where the primes are large they nearly double, as vectors do.
    if (longest >= kMinPrimes && on_pattern >= kMinShare * total) return true;
  }
  return false;
}

int64_t GrowthPattern::NodeSize() const {
  double total = 0;
  auto most = bytes_of_size_.end();
  for (auto it = bytes_of_size_.begin(); it != bytes_of_size_.end(); ++it) {
    total += it->second.alloc;
    if (most == bytes_of_size_.end() || it->second.alloc > most->second.alloc) most = it;
  }
  if (most == bytes_of_size_.end() || most->first > kMaxNodeBytes) return 0;
  const Amount& amount = most->second;
  const bool are_many = amount.live >= kMinNodes * static_cast<double>(most->first);
  const bool are_kept = amount.live >= kMinLiveNodes * amount.alloc;
  return amount.alloc >= kMinShare * total && are_many && are_kept ? most->first : 0;
}

}  // namespace tidemark::classify
