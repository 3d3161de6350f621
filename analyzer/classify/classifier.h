// Fills a profile's annotation columns: the container, its type, and the user's site
// beneath container, library and wrapper glue. The rules are data: rules_*.cc, and those of
// the user's file (rule_file.h).

#ifndef TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_
#define TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/base/ids.h"
#include "analyzer/classify/rule_file.h"
#include "analyzer/model/profile.h"

namespace tidemark::classify {

class GoPrograms;  // go_program.h

struct ClassifyOptions {
  // The file of a mapping's module on this machine, "" when it is not there. An invalid id asks
  // for that of locations without a mapping. Asked once for each mapping that has Go code. When
  // it is null, a mapping's own path is taken, if the file there has its build id or either has
  // none.
  std::function<std::string(const Profile&, MappingId)> find_binary;
  // Programs that are opened, for several profiles of the same; null: for this one only.
  std::shared_ptr<GoPrograms> go_programs;
  // Gets one line for each file that turns out to be of another build; null: nobody reads them.
  std::vector<std::string>* warnings = nullptr;
  const RuleSet* rules = nullptr;  // the user's, before the built-in ones; not owned
};

// Returns the same profile (same ids) with annotations.
absl::StatusOr<std::shared_ptr<const Profile>> Classify(
    const std::shared_ptr<const Profile>& profile, const ClassifyOptions& options = {});

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_
