// Typed indices: a StringId cannot be passed where a FunctionId is meant.
// Allocation class: plain values.

#ifndef TIDEMARK_ANALYZER_BASE_IDS_H_
#define TIDEMARK_ANALYZER_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <functional>

namespace tidemark {

// An index into one table of a Profile. kNone (all ones) means "no such thing".
template <class Tag>
struct Id {
  static constexpr uint32_t kNone = 0xffffffff;
  uint32_t value = kNone;

  constexpr bool valid() const { return value != kNone; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.value);
  }
};

using StringId = Id<struct StringTag>;  // string table; StringId{0} is ""
using MappingId = Id<struct MappingTag>;
using FunctionId = Id<struct FunctionTag>;
using LocationId = Id<struct LocationTag>;
using StackId = Id<struct StackTag>;        // an interned sequence of locations, leaf first
using LabelSetId = Id<struct LabelSetTag>;  // an interned set of labels; LabelSetId{0} is empty
using ContainerId = Id<struct ContainerTag>;

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_BASE_IDS_H_
