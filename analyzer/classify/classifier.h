// Fills a profile's annotation columns: the container, its type, and the user's site
// beneath container, library and wrapper glue. The rules are data: rules_*.cc, and those of
// the user's file (rule_file.h).

#ifndef TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_
#define TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "analyzer/classify/rule_file.h"
#include "analyzer/model/profile.h"

namespace tidemark::classify {

struct ClassifyOptions {
  const RuleSet* rules = nullptr;  // the user's, before the built-in ones; not owned
};

// Returns the same profile (same ids) with annotations.
absl::StatusOr<std::shared_ptr<const Profile>> Classify(
    const std::shared_ptr<const Profile>& profile, const ClassifyOptions& options = {});

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_CLASSIFIER_H_
