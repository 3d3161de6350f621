// What one function is: user code, glue, or a member of a container. The rules of
// rules.h applied to one name; the classifier asks once per function.
//
// Thread class: const after construction. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
#define TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/classify/rules.h"
#include "analyzer/model/annotations.h"

namespace tidemark::classify {

enum class Role : uint8_t {
  kUser,
  kUserCopy,  // a user class's copy or move, by constructor or assignment: glue when a
              // container calls it, a site otherwise
  kGlue,
  kContainer,  // glue that names its container
};

struct FunctionClass {
  Role role = Role::kUser;
  Container container;     // kContainer only; operation may be kUnknown
  bool is_certain = true;  // false: an allocator's guess, any other container frame is better
};

// Patterns that are whole names, or prefixes when they end in '*'. A whole name wins over
// a prefix, a longer prefix over a shorter one.
template <class T>
class PatternMap {
 public:
  // False when the pattern was there already: the first one stays.
  bool Add(absl::string_view pattern, const T& value) {
    if (!absl::ConsumeSuffix(&pattern, "*")) return whole_.emplace(pattern, value).second;
    longest_prefix_ = std::max(longest_prefix_, pattern.size());
    return prefixes_.emplace(pattern, value).second;
  }
  const T* Find(absl::string_view name) const {
    if (auto it = whole_.find(name); it != whole_.end()) return &it->second;
    for (size_t n = std::min(name.size(), longest_prefix_) + 1; n-- > 0;) {
      if (auto it = prefixes_.find(name.substr(0, n)); it != prefixes_.end()) return &it->second;
    }
    return nullptr;
  }

 private:
  absl::flat_hash_map<absl::string_view, T> whole_;
  absl::flat_hash_map<absl::string_view, T> prefixes_;
  size_t longest_prefix_ = 0;
};

class FunctionClassifier {
 public:
  FunctionClassifier();

  // `system_name` may be empty; it tells Rust from C++.
  FunctionClass Classify(absl::string_view name, absl::string_view system_name) const;
  // By the path of the mapping's file.
  bool IsGlueModule(absl::string_view path) const;

 private:
  bool ClassifyMember(const FunctionName& parts, FunctionClass* result) const;
  Operation OperationOf(const FunctionName& parts, absl::string_view class_scope) const;

  PatternMap<const ClassRule*> classes_;
  PatternMap<const FunctionRule*> functions_;
  PatternMap<Operation> operations_;
  PatternMap<bool> glue_;
  std::vector<NamespaceRule> namespaces_;
  std::vector<absl::string_view> modules_;
};

// Exposed for tests: the container that `rule` makes of a class's template arguments.
Container MakeContainer(ContainerKind kind, absl::string_view shown, Shape shape,
                        const std::vector<absl::string_view>& arguments);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
