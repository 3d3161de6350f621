#include "analyzer/cli/regex_argument.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"

namespace tidemark::cli {

namespace {

// "." is a directory and a regex.
bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

}  // namespace

void AddRegexAndFiles(CLI::App& command, std::vector<std::string>& arguments) {
  // An option of its own, because "[a-m]" among several values is read as a list of one.
  command
      .add_option_function<std::string>(
          "REGEX",
          [&arguments](const std::string& first) { arguments.insert(arguments.begin(), first); },
          "What functions match (default: all); a file is taken for the first profile")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::vector<std::string>>(
          "FILE",
          [&arguments](const std::vector<std::string>& files) {
            arguments.insert(arguments.end(), files.begin(), files.end());
          },
          "Profiles; several are merged")
      ->type_name("");
}

std::string TakeRegex(std::vector<std::string>* arguments) {
  if (arguments->size() < 2) return ".";
  const std::string& first = arguments->front();
  const bool is_input = first == "-" || absl::StartsWith(first, "http://") ||
                        absl::StartsWith(first, "https://") || IsFile(first);
  if (is_input) return ".";
  std::string regex = std::move(arguments->front());
  arguments->erase(arguments->begin());
  return regex;
}

}  // namespace tidemark::cli
