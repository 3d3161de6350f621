// The size of the blocks that stand behind a row of a profile.
//
// Thread class: const after construction. Allocates nothing.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_BLOCK_SIZE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_BLOCK_SIZE_H_

#include <cstddef>
#include <cstdint>

#include "analyzer/model/profile.h"

namespace tidemark::classify {

// The recorder's label says the size only roughly, its values to the byte: in exact mode the
// sum of all sizes is there, in sampled mode that of their weights, size / (1 - exp(-size /
// rate)), which grow with the size.
class BlockSizes {
 public:
  explicit BlockSizes(const Profile& profile);

  // Whether the profile says sizes at all.
  bool are_known() const { return are_known_; }
  // How far off they may be, in bytes.
  int64_t tolerance() const { return is_exact_ ? 0 : 2; }
  // Of the row's blocks; 0 when they are of several, or not known.
  int64_t Of(size_t row) const;

 private:
  int64_t FromWeight(double weight, int64_t label) const;

  const Profile& profile_;
  StringId bytes_label_;
  int space_ = -1;
  int count_ = -1;  // blocks in exact mode, samples otherwise
  bool is_exact_ = false;
  bool are_known_ = false;
  double rate_ = 0;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_BLOCK_SIZE_H_
