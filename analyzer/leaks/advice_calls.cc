#include "analyzer/leaks/advice_calls.h"

#include "absl/strings/match.h"
#include "absl/types/span.h"

namespace tidemark::leaks {

using report::Language;

bool IsMapOrSet(const ContainerUse& use) { return IsAssociative(use.container->kind); }

bool IsArray(const ContainerUse& use) {
  return use.container->kind == ContainerKind::kSlice ||
         use.container->kind == ContainerKind::kString ||
         use.container->kind == ContainerKind::kBuffer;
}

bool HoldsNodes(const ContainerUse& use) {
  return use.node_kind != NodeKind::kOther || use.container->kind == ContainerKind::kList;
}

std::string ReserveCall(const ContainerUse& use) {
  const Container& container = *use.container;
  switch (use.language) {
    case Language::kCxx:
      return "reserve(n)";
    case Language::kRust:
      return "with_capacity(n)";
    case Language::kGo:
      if (container.kind == ContainerKind::kMap) return "make(map[K]V, n)";
      if (absl::StartsWith(container.type, "bytes.") ||
          absl::StartsWith(container.type, "strings.")) {
        return "Grow(n)";
      }
      return "make([]T, 0, n)";
    case Language::kPython:
      return "";
    case Language::kC:
    case Language::kUnknown:
      return "allocating the final size at once";
  }
  return "";
}

std::string ShrinkCall(const ContainerUse& use) {
  switch (use.language) {
    case Language::kCxx:
      return IsMapOrSet(use)
                 ? "rehash(0), or swapping it with a new one, once most of it is erased"
                 : "shrink_to_fit(), or swapping it with a new one, once most of it is erased";
    case Language::kRust:
      return "shrink_to_fit() once most of it is removed";
    case Language::kGo:
      return IsMapOrSet(use)
                 ? "copying what is left into a new map, or setting the map to nil when nothing "
                   "is: deleting entries does not free a Go map's buckets"
                 : "copying what is left into a new slice (slices.Clone)";
    default:
      return "making it anew, smaller, once most of it is removed";
  }
}

std::string InternCall(Language language) {
  switch (language) {
    case Language::kGo:
      return "interning them (package unique, or a map[string]string)";
    case Language::kRust:
      return "sharing one Rc<str> or Arc<str> of each";
    case Language::kPython:
      return "sys.intern";
    default:
      return "interning them: one shared copy of each";
  }
}

std::string ReuseCall(const ContainerUse& use) {
  if (HoldsNodes(use)) {
    return use.language == Language::kCxx ? "a pool for its nodes (std::pmr)" : "a pool";
  }
  switch (use.language) {
    case Language::kCxx:
    case Language::kRust:
      return "keeping one and clearing it, which keeps its capacity, instead of a new one each "
             "time";
    default:
      return "keeping one and using it again instead of a new one each time";
  }
}

double ElementBytes(Language language, absl::string_view element) {
  struct Type {
    absl::string_view name;
    double bytes;
  };
  constexpr Type kCxx[] = {{"char", 1},
                           {"signed char", 1},
                           {"unsigned char", 1},
                           {"std::byte", 1},
                           {"short", 2},
                           {"unsigned short", 2},
                           {"int", 4},
                           {"unsigned int", 4},
                           {"float", 4},
                           {"long", 8},
                           {"unsigned long", 8},
                           {"long long", 8},
                           {"unsigned long long", 8},
                           {"double", 8}};
  constexpr Type kRust[] = {{"u8", 1},  {"i8", 1},  {"u16", 2},   {"i16", 2},
                            {"u32", 4}, {"i32", 4}, {"f32", 4},   {"u64", 8},
                            {"i64", 8}, {"f64", 8}, {"usize", 8}, {"isize", 8}};
  constexpr Type kGo[] = {{"uint8", 1},   {"int8", 1},    {"bool", 1},   {"uint16", 2},
                          {"int16", 2},   {"uint32", 4},  {"int32", 4},  {"float32", 4},
                          {"uint64", 8},  {"int64", 8},   {"int", 8},    {"uint", 8},
                          {"float64", 8}, {"string", 16}, {"uintptr", 8}};
  const bool is_pointer =
      language == Language::kGo ? absl::StartsWith(element, "*") : absl::EndsWith(element, "*");
  if (is_pointer) return 8;
  const auto find = [&](absl::Span<const Type> types) {
    for (const Type& type : types) {
      if (type.name == element) return type.bytes;
    }
    return 0.0;
  };
  if (language == Language::kCxx) return find(kCxx);
  if (language == Language::kRust) return find(kRust);
  if (language == Language::kGo) return find(kGo);
  return 0;
}

}  // namespace tidemark::leaks
