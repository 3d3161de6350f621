// Buckets for sample labels, shared by the recorder and every reader so that the
// same block always gets the same label. Integer only, malloc-safe, signal-safe.

#ifndef TIDEMARK_PROTO_BUCKETS_H_
#define TIDEMARK_PROTO_BUCKETS_H_

#include <cstdint>

namespace tidemark {

// floor(log2(v)), and 0 for v == 0.
constexpr uint32_t Log2Bucket(uint64_t v) { return v == 0 ? 0 : 63 - __builtin_clzll(v); }
constexpr uint64_t Log2BucketStart(uint32_t bucket) { return bucket == 0 ? 0 : 1ull << bucket; }

// Geometric buckets with 2^kBits equal steps in each octave, exact below 2^(kBits+1).
template <uint32_t kBits>
constexpr uint32_t SteppedBucket(uint64_t v) {
  if (v < (1ull << (kBits + 1))) return static_cast<uint32_t>(v);
  const uint32_t shift = Log2Bucket(v) - kBits;
  return static_cast<uint32_t>((uint64_t{shift} << kBits) + (v >> shift));
}
// The smallest value of a bucket: SteppedBucket(SteppedBucketStart(b)) == b.
template <uint32_t kBits>
constexpr uint64_t SteppedBucketStart(uint32_t bucket) {
  if (bucket < (1u << (kBits + 1))) return bucket;
  const uint32_t shift = (bucket >> kBits) - 1;
  return ((bucket & ((1ull << kBits) - 1)) + (1ull << kBits)) << shift;
}

// Block sizes, label `bytes`: exact below 16 bytes, then 6 to 12 % wide.
constexpr uint32_t SizeBucket(uint64_t bytes) { return SteppedBucket<3>(bytes); }
constexpr uint64_t SizeBucketStart(uint32_t bucket) { return SteppedBucketStart<3>(bucket); }

// Allocation times, label `allocated_at`, in whole seconds since the start of
// recording: 12 to 25 % wide, on the absolute axis, so that a block that is live in
// two snapshots has the same label in both.
constexpr uint32_t TimeBucket(uint64_t seconds) { return SteppedBucket<2>(seconds); }
constexpr uint64_t TimeBucketStart(uint32_t bucket) { return SteppedBucketStart<2>(bucket); }

// Frames outlived, label `outlives`: 16 values, rounded down so that the label stays
// a lower bound.
inline constexpr uint32_t kOutlivesStarts[16] = {0, 1,  2,  3,  4,  5,  6,  7,
                                                 8, 10, 12, 16, 20, 24, 32, 48};
constexpr uint32_t OutlivesBucket(uint32_t frames) {
  uint32_t bucket = 15;
  while (kOutlivesStarts[bucket] > frames) --bucket;
  return bucket;
}
constexpr uint32_t OutlivesBucketStart(uint32_t bucket) { return kOutlivesStarts[bucket]; }

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_BUCKETS_H_
