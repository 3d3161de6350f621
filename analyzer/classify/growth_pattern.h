// Tells containers by the sizes of their blocks, where no name is left to tell them.
//
// Thread class: plain value. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_

#include <cstdint>
#include <map>

namespace tidemark::classify {

// The blocks of one site. What fits no pattern exactly is none: to know nothing is better than
// to be wrong.
class GrowthPattern {
 public:
  // `size_bytes` is the size of blocks or its label, the others what was allocated in such and
  // how much of it is live.
  void Add(int64_t size_bytes, int64_t alloc_bytes, int64_t live_bytes);

  // An array that grows by a constant factor asks for blocks of c, f c, f² c…, each of them as
  // often as it came that far, and frees each when it has the next. Buffers that merely have
  // such sizes come as often in each, or live on.
  bool IsGrowingArray() const;
  // The arrays of libstdc++'s and libc++'s hash tables: pointers, as many as the next prime of
  // the library's own sequence.
  bool IsPrimeTable() const;
  // Small blocks of one size, many, of which at least half are live: the nodes of a list or a
  // tree, or the program's own objects. Their size or its label, else 0.
  int64_t NodeSize() const;

  double live_bytes() const;

 private:
  struct Amount {
    double alloc = 0;
    double live = 0;
  };
  // Sizes s_0 f^k, k = 0 … at least `count`, hold almost all bytes.
  bool IsGeometric(double factor, int min_steps) const;
  bool ArraysReplaceEachOther() const;

  std::map<int64_t, Amount> bytes_of_size_;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
