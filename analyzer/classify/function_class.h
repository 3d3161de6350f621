// What one function is: user code, glue, or a member of a container. The rules of
// rules.h applied to one name; the classifier asks once per function.
//
// Thread class: const after construction. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
#define TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
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
// a prefix, an earlier prefix over a later one.
template <class T>
class PatternMap {
 public:
  void Add(absl::string_view pattern, const T& value) {
    if (!pattern.empty() && pattern.back() == '*') {
      pattern.remove_suffix(1);
      prefixes_[pattern.empty() ? '\0' : pattern[0]].emplace_back(pattern, value);
    } else {
      exact_.emplace(pattern, value);
    }
  }
  const T* Find(absl::string_view name) const {
    if (auto it = exact_.find(name); it != exact_.end()) return &it->second;
    if (name.empty()) return nullptr;
    auto it = prefixes_.find(name[0]);
    if (it == prefixes_.end()) return nullptr;
    for (const auto& [prefix, value] : it->second) {
      if (name.substr(0, prefix.size()) == prefix) return &value;
    }
    return nullptr;
  }

 private:
  absl::flat_hash_map<absl::string_view, T> exact_;
  absl::flat_hash_map<char, std::vector<std::pair<absl::string_view, T>>> prefixes_;
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
};

// Exposed for tests: the container that `rule` makes of a class's template arguments.
Container MakeContainer(ContainerKind kind, absl::string_view shown, Shape shape,
                        const std::vector<absl::string_view>& arguments);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
