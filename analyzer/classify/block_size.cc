#include "analyzer/classify/block_size.h"

#include <bit>
#include <cmath>

namespace tidemark::classify {
namespace {

// The end of the recorder's size bucket that starts at `size`: 8 in each octave, exact below 16.
int64_t BucketEnd(int64_t size) {
  if (size < 16) return size + 1;
  const int64_t width = int64_t{1} << (std::bit_width(static_cast<uint64_t>(size)) - 4);
  return size > INT64_MAX - width ? INT64_MAX : size + width;
}

}  // namespace

BlockSizes::BlockSizes(const Profile& profile)
    : profile_(profile),
      bytes_label_(profile.FindString("bytes")),
      space_(profile.FindSampleType("alloc_space")),
      is_exact_(profile.period() == 1),
      rate_(static_cast<double>(profile.period())) {
  count_ = profile.FindSampleType(is_exact_ ? "alloc_objects" : "alloc_samples");
  are_known_ = space_ >= 0 && count_ >= 0 && bytes_label_.valid() && profile.period() >= 1;
}

int64_t BlockSizes::Of(size_t row) const {
  const int64_t bytes = profile_.values(static_cast<size_t>(space_))[row];
  const int64_t count = profile_.values(static_cast<size_t>(count_))[row];
  // Of equal blocks the sum is a multiple.
  if (bytes <= 0 || count <= 0 || bytes % count != 0) return 0;
  if (is_exact_) return bytes / count;
  for (const Label& label : profile_.labels(profile_.sample_labels()[row])) {
    if (label.key == bytes_label_ && label.num > 0) {
      return FromWeight(static_cast<double>(bytes / count), label.num);
    }
  }
  return 0;
}

int64_t BlockSizes::FromWeight(double weight, int64_t label) const {
  // More than there is; doubles have all whole numbers below.
  constexpr int64_t kMostBytes = int64_t{1} << 48;
  if (label > kMostBytes) return 0;
  const auto weight_of = [this](double size) { return size / -std::expm1(-size / rate_); };
  double low = static_cast<double>(label);
  double high = static_cast<double>(BucketEnd(label));
  // The weight was rounded to whole bytes, and so is the end of the bucket.
  constexpr double kRounding = 1;
  if (weight < weight_of(low) - kRounding || weight > weight_of(high) + kRounding) return 0;
  constexpr int kHalvings = 64;
  for (int i = 0; i < kHalvings && high - low > 0.25; ++i) {
    const double middle = (low + high) / 2;
    (weight_of(middle) < weight ? low : high) = middle;
  }
  return static_cast<int64_t>(std::llround((low + high) / 2));
}

}  // namespace tidemark::classify
