// Rules of the user's own, from a text file: docs/RULES.md. They win over the built-in ones.
//
// Thread class: a RuleSet never changes, any number of threads may read it. Allocation class:
// may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_RULE_FILE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_RULE_FILE_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/classify/rules.h"

namespace tidemark::classify {

// What a file says. The rules point into the set.
class RuleSet {
 public:
  RuleSet() = default;
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  RuleTable table() const;

  // Adds the rule of one line without comment: its words. The error says what is wrong with
  // it, not where it is. kInvalidArgument.
  absl::Status Add(const std::vector<std::string>& words);

 private:
  absl::string_view Store(absl::string_view text);
  absl::Status AddClass(const std::vector<std::string>& words);
  absl::Status AddFunction(const std::vector<std::string>& words);

  std::deque<std::string> texts_;
  std::vector<ClassRule> classes_;
  std::vector<FunctionRule> functions_;
  std::vector<absl::string_view> glue_;
  std::vector<absl::string_view> sites_;
  std::vector<NamespaceRule> namespaces_;
  std::vector<absl::string_view> modules_;
  std::vector<absl::string_view> sources_;
};

// The rules of a file's text; `path` is for errors. kDataLoss names the first bad line: path,
// line number, what and why.
absl::StatusOr<std::shared_ptr<const RuleSet>> ParseRules(absl::string_view text,
                                                          absl::string_view path);

// Of the file at `path`, else of $TIDEMARK_RULES, else of tidemark/rules in $XDG_CONFIG_HOME or
// ~/.config if there is one: the first that is named counts alone. Null when none is. kNotFound
// when a file that was named cannot be read; kDataLoss as above, or when it is too large.
absl::StatusOr<std::shared_ptr<const RuleSet>> LoadRules(const std::string& path);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_RULE_FILE_H_
