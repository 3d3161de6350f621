// Rules by the names they are for.
//
// Thread class: const after the last Add. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_PATTERN_MAP_H_
#define TIDEMARK_ANALYZER_CLASSIFY_PATTERN_MAP_H_

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace tidemark::classify {

// Patterns are whole names, prefixes ("g_list_*"), or endings: of names without a scope
// ("*_malloc"), or the last component of those with one ("*::_InternalParse"). A whole name wins
// over a prefix, a longer prefix over a shorter one, a prefix over an ending. Patterns must
// outlive the map.
template <class T>
class PatternMap {
 public:
  // False when the pattern was there already: the first one stays.
  bool Add(absl::string_view pattern, const T& value) {
    if (absl::ConsumeSuffix(&pattern, "*")) return prefixes_.Add(pattern, value);
    if (absl::ConsumePrefix(&pattern, "*")) return endings_.Add(pattern, value);
    return whole_.emplace(pattern, value).second;
  }
  // Null when no pattern matches.
  const T* Find(absl::string_view name) const {
    if (auto it = whole_.find(name); it != whole_.end()) return &it->second;
    for (size_t n = prefixes_.LongestFor(name); n > 0; --n) {
      if (const T* found = prefixes_.Find(name.substr(0, n))) return found;
    }
    const size_t scope = name.rfind("::");
    if (scope != absl::string_view::npos) return endings_.Find(name.substr(scope));
    for (size_t n = endings_.LongestFor(name); n > 0; --n) {
      if (const T* found = endings_.Find(name.substr(name.size() - n))) return found;
    }
    return nullptr;
  }

 private:
  struct Parts {
    bool Add(absl::string_view part, const T& value) {
      longest = std::max(longest, part.size());
      return values.emplace(part, value).second;
    }
    size_t LongestFor(absl::string_view name) const { return std::min(longest, name.size()); }
    const T* Find(absl::string_view part) const {
      auto it = values.find(part);
      return it == values.end() ? nullptr : &it->second;
    }
    absl::flat_hash_map<absl::string_view, T> values;
    size_t longest = 0;
  };

  absl::flat_hash_map<absl::string_view, T> whole_;
  Parts prefixes_;
  Parts endings_;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_PATTERN_MAP_H_
