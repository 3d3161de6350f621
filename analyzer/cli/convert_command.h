// `tidemark convert`, one of the report commands (commands.h).

#ifndef TIDEMARK_ANALYZER_CLI_CONVERT_COMMAND_H_
#define TIDEMARK_ANALYZER_CLI_CONVERT_COMMAND_H_

#include <CLI/CLI.hpp>

namespace tidemark::cli {

void AddConvertCommand(CLI::App& app, int& exit_status);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_CONVERT_COMMAND_H_
