// What one function is: user code, glue, or a member of a container. The rules of
// rules.h applied to one name; the classifier asks once per function.
//
// Thread class: const after construction. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
#define TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/classify/pattern_map.h"
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
  bool is_opaque = false;  // the containers it is made of are its own affair
  bool is_start = false;   // a stack begins in it, whatever the program does
};

// Names as a profile's function has them.
struct FunctionNames {
  absl::string_view name;         // demangled
  absl::string_view system_name;  // may be empty; it tells Rust from C++
  absl::string_view source = {};  // path of the file it is from; may be empty
};

class FunctionClassifier {
 public:
  // The built-in rules, and before them those of `user` where it is given: its data must
  // outlive the classifier. `has_function` says whether the program has a function whose name
  // begins like this, for rules that only hold with it.
  FunctionClassifier(const RuleTable* user,
                     absl::FunctionRef<bool(absl::string_view)> has_function);

  FunctionClass Classify(const FunctionNames& names) const;
  // By the path of the mapping's file.
  bool IsGlueModule(absl::string_view path) const;

 private:
  // The rules of the same rank.
  struct Layer {
    void Add(const RuleTable& table);
    PatternMap<const ClassRule*> classes;
    PatternMap<const FunctionRule*> functions;
    PatternMap<bool> glue;
    PatternMap<bool> sites;
    PatternMap<bool> starts;
    std::vector<NamespaceRule> namespaces;
    std::vector<absl::string_view> modules;
    std::vector<absl::string_view> sources;
  };
  struct Name;

  bool ClassifyIn(const Layer& layer, const Name& name, FunctionClass* result) const;
  bool ClassifyMember(const Layer& layer, const Name& name, FunctionClass* result) const;
  bool ClassifyRustSlice(const Name& name, FunctionClass* result) const;
  Operation OperationOf(const FunctionName& parts, absl::string_view class_scope,
                        ContainerKind kind) const;

  Layer user_;
  Layer built_in_;
  PatternMap<Operation> operations_;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_FUNCTION_CLASS_H_
