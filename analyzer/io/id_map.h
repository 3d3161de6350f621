// From the ids a pprof file chose to the ids of our tables. Writers number from 1, but
// the format allows any 64-bit number, and hostile files use it.
//
// Thread class: one thread. Allocation class: may allocate; memory is in proportion to
// the number of ids inserted, whatever their values.

#ifndef TIDEMARK_ANALYZER_IO_ID_MAP_H_
#define TIDEMARK_ANALYZER_IO_ID_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace tidemark::io {

template <typename IdType>
class IdMap {
 public:
  // False when `key` is there already.
  bool Insert(uint64_t key, IdType id) {
    if (Find(key).valid()) return false;
    ++count_;
    if (key <= count_ * 2 + kSlack) {
      if (key >= dense_.size()) dense_.resize(key + 1);
      dense_[key] = id;
    } else {
      sparse_.emplace(key, id);
    }
    return true;
  }

  // An invalid id when `key` was never inserted.
  IdType Find(uint64_t key) const {
    if (key < dense_.size() && dense_[key].valid()) return dense_[key];
    if (sparse_.empty()) return IdType{};
    const auto it = sparse_.find(key);
    return it == sparse_.end() ? IdType{} : it->second;
  }

 private:
  static constexpr uint64_t kSlack = 1024;
  uint64_t count_ = 0;
  std::vector<IdType> dense_;  // at most 2 * count_ + kSlack + 1 entries
  absl::flat_hash_map<uint64_t, IdType> sparse_;
};

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_ID_MAP_H_
