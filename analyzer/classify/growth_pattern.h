// Tells containers by the sizes of their blocks, where no name is left to tell them.
//
// Thread class: plain value. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <map>

namespace tidemark::classify {

// The blocks of one site. What fits no pattern exactly is none: to know nothing is better than
// to be wrong.
class GrowthPattern {
 public:
  // Sizes are known to within `tolerance` bytes.
  explicit GrowthPattern(int64_t tolerance = 0) : tolerance_(tolerance) {}

  // Blocks of `size_bytes` each, 0 if that is not known: what was allocated in such and how
  // much of it is live.
  void Add(int64_t size_bytes, int64_t alloc_bytes, int64_t live_bytes);

  // An array that doubles asks for blocks of c, 2c, 4c…, another for some 1.5 or 1.6 times the
  // last: each size as often as it came that far, and freed when it has the next. Buffers that
  // merely have such sizes come as often in each, or live on. Tables with something beside their
  // slots do not double to the byte.
  bool IsGrowingArray() const;
  // The arrays of pointers behind libstdc++'s, libc++'s and Boost's hash tables: as many as the
  // next number of the library's own sequence, primes or one more than a power of two.
  bool IsPointerTable() const;
  // Small blocks of one size, many, of which at least half are live: the nodes of a list or a
  // tree, or the program's own objects. Their size, else 0.
  int64_t NodeSize() const;

  double live_bytes() const;

 private:
  struct Amount {
    double alloc = 0;
    double live = 0;
  };
  using Sizes = std::map<int64_t, Amount>;

  // The first block of at least `low` bytes and at most `high`; end() if there is none.
  Sizes::const_iterator Find(double low, double high) const;
  // The one that `size` grows into by the factor.
  Sizes::const_iterator Next(int64_t size, double factor) const;
  // Whether almost all bytes are in chains of at least `min_steps` such steps.
  bool IsGeometric(double factor, size_t min_steps) const;
  bool IsMost(double bytes) const;

  int64_t tolerance_;
  Sizes sizes_;
  double unknown_ = 0;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
