// Tells a growing array by the sizes of its blocks, where no name is left to tell it.
//
// Thread class: plain value. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_

#include <cstdint>
#include <map>

namespace tidemark::classify {

// An array that doubles asks for blocks of c, 2c, 4c…: since the `bytes` label has 8
// steps in each octave, the same step of one octave after the other. A hash table's
// primes drift through the steps, nodes have one size, buffers have any.
class GrowthPattern {
 public:
  // `size_bytes` is a block's size or its label, `bytes` what was allocated in such.
  void Add(int64_t size_bytes, int64_t bytes);
  bool IsDoubling() const;

 private:
  std::map<uint32_t, double> bytes_of_step_;  // by the size's step, octaves below one another
  double total_ = 0;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GROWTH_PATTERN_H_
