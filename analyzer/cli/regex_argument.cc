#include "analyzer/cli/regex_argument.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"

namespace tidemark::cli {

std::string TakeRegex(std::vector<std::string>* arguments) {
  if (arguments->size() < 2) return ".";
  const std::string& first = arguments->front();
  const bool is_input = first == "-" || absl::StartsWith(first, "http://") ||
                        absl::StartsWith(first, "https://") || access(first.c_str(), F_OK) == 0;
  if (is_input) return ".";
  std::string regex = std::move(arguments->front());
  arguments->erase(arguments->begin());
  return regex;
}

}  // namespace tidemark::cli
