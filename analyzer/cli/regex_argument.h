// The optional regex in front of the profiles: `tidemark peek [REGEX] FILE…`.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_REGEX_ARGUMENT_H_
#define TIDEMARK_ANALYZER_CLI_REGEX_ARGUMENT_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace tidemark::cli {

// The positional arguments of such a command.
void AddRegexAndFiles(CLI::App& command, std::vector<std::string>& arguments);

// Takes the regex off the front: the first of two or more arguments, unless it is an existing
// file (not a directory), "-" or a URL. "." when there is none.
std::string TakeRegex(std::vector<std::string>* arguments);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_REGEX_ARGUMENT_H_
