#include "profiler/preload/mapping_table.h"

#include <string.h>

namespace tidemark::preload {

uint32_t MappingTable::FirstEndingAfter(uint64_t address) const {
  uint32_t begin = 0;
  uint32_t end = count_;
  while (begin < end) {
    const uint32_t middle = (begin + end) / 2;
    if (ranges_[middle].limit <= address) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

void MappingTable::MakeRoom(uint32_t at) {
  memmove(ranges_ + at + 1, ranges_ + at, (count_ - at) * sizeof(Range));
  ++count_;
}

void MappingTable::Close(uint32_t at) {
  --count_;
  memmove(ranges_ + at, ranges_ + at + 1, (count_ - at) * sizeof(Range));
}

bool MappingTable::HasOther(uint64_t number) const {
  for (uint32_t i = 0; i < count_; ++i) {
    if (ranges_[i].number == number) return true;
  }
  return false;
}

bool MappingTable::Insert(uint64_t start, uint64_t limit, uint64_t number, uint32_t site) {
  if (count_ == kCapacity) return false;
  const uint32_t at = FirstEndingAfter(start);
  MakeRoom(at);
  ranges_[at] = {start, limit, number, site, 0};
  return true;
}

bool MappingTable::Cut(uint64_t start, uint64_t limit, uint64_t newest, Piece* piece) {
  uint32_t at = FirstEndingAfter(start);
  while (at < count_ && ranges_[at].start < limit && ranges_[at].number > newest) ++at;
  if (at == count_ || ranges_[at].start >= limit) return false;
  Range* range = &ranges_[at];
  const uint64_t cut_start = range->start > start ? range->start : start;
  const uint64_t cut_limit = range->limit < limit ? range->limit : limit;
  *piece = {range->number, cut_limit - cut_start, range->site, false, false};
  if (cut_start == range->start && cut_limit == range->limit) {
    const bool shared = range->shared != 0;
    Close(at);
    piece->last = !shared || !HasOther(piece->number);
  } else if (cut_start == range->start) {
    range->start = cut_limit;
  } else if (cut_limit == range->limit || count_ == kCapacity) {
    piece->overflowed = cut_limit != range->limit;
    piece->bytes = range->limit - cut_start;
    range->limit = cut_start;
  } else {
    MakeRoom(at + 1);
    range->shared = 1;
    ranges_[at + 1] = *range;
    range->limit = cut_start;
    ranges_[at + 1].start = cut_limit;
  }
  return true;
}

bool MappingTable::Contains(uint64_t address) const {
  const uint32_t at = FirstEndingAfter(address);
  return at < count_ && ranges_[at].start <= address;
}

}  // namespace tidemark::preload
