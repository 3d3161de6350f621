#include "analyzer/leaks/representative.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "analyzer/leaks/stack_role.h"

namespace tidemark::leaks {
namespace {

// Of a site's bytes, the share with which a map or another collection is named before what it was
// given: strings and objects are what a map's entries own, while an array of pointers may be one
// index of several to what lives by itself.
constexpr double kMapShare = 0.02;
constexpr double kCollectionShare = 0.25;

// Of its site, from which on a container stands before others.
double LeastShare(const Container& container) {
  if (!IsCollection(container.kind) || container.evidence == Evidence::kInferred) return 1;
  if (IsAssociative(container.kind)) return kMapShare;
  // Made at its size and given away, as a string is.
  const bool is_value =
      container.operation == Operation::kCreate || container.operation == Operation::kCopy;
  return is_value ? 1 : kCollectionShare;
}

}  // namespace

Representative ChooseRepresentative(const Annotations& annotations,
                                    absl::Span<const StackBytes> stacks) {
  double all = 0;
  std::optional<double> in_none;
  std::map<uint32_t, double> in_container;  // by id
  for (const StackBytes& of : stacks) {
    all += of.bytes;
    const ContainerId container = annotations.container[of.stack.value];
    if (container.valid()) {
      in_container[container.value] += of.bytes;
    } else {
      in_none = in_none.value_or(0) + of.bytes;
    }
  }
  Representative chosen;
  // Values of hostile profiles may be negative.
  constexpr double kLeast = -std::numeric_limits<double>::infinity();
  std::tuple<bool, double> best{false, kLeast};
  for (const auto& [id, bytes] : in_container) {
    const bool stands_before = bytes > LeastShare(annotations.containers[id]) * all;
    if (!stands_before && in_none && bytes < *in_none) continue;
    if (std::tuple(stands_before, bytes) <= best) continue;
    best = {stands_before, bytes};
    chosen.container = ContainerId{id};
  }
  double most = kLeast;
  for (const StackBytes& of : stacks) {
    if (annotations.container[of.stack.value] != chosen.container) continue;
    const bool is_better = !chosen.stack.valid() || of.bytes > most ||
                           (of.bytes == most && of.stack.value < chosen.stack.value);
    if (!is_better) continue;
    most = of.bytes;
    chosen.stack = of.stack;
  }
  return chosen;
}

}  // namespace tidemark::leaks
