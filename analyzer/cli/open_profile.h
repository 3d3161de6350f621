// What every command does first: open, symbolize, classify.

#ifndef TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_
#define TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"

namespace tidemark::cli {

struct OpenOptions {
  bool symbolize = true;
  bool classify = true;
};

// Warnings (modules that could not be symbolized, losses the recorder counted) go to
// stderr, one line each.
absl::StatusOr<std::shared_ptr<const Profile>> OpenProfile(const std::string& path,
                                                           const OpenOptions& options);

// Prints "tidemark: message" on stderr and returns the exit status for it: 2 for
// kInvalidArgument about options, 3 for bad input, 4 for a refusal.
int Fail(const absl::Status& status);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_OPEN_PROFILE_H_
