// The command families of `tidemark`. Each function adds its subcommands to `app`; a
// subcommand's callback runs the command and stores the exit status in `exit_status`:
// 0 fine, 1 a check failed, 2 usage, 3 bad input, 4 the target or the system refused.

#ifndef TIDEMARK_ANALYZER_CLI_COMMANDS_H_
#define TIDEMARK_ANALYZER_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace tidemark::cli {

void AddReportCommands(CLI::App& app, int& exit_status);   // top, diff, convert
void AddGraphCommands(CLI::App& app, int& exit_status);    // tree, peek, graph, callgrind, …
void AddListingCommands(CLI::App& app, int& exit_status);  // traces, tags, raw, list, …
void AddFlameCommand(CLI::App& app, int& exit_status);     // flame
void AddLeaksCommand(CLI::App& app, int& exit_status);     // leaks
void AddEscapeCommand(CLI::App& app, int& exit_status);    // escape
void AddCheckCommand(CLI::App& app, int& exit_status);     // check
void AddRecordCommands(CLI::App& app, int& exit_status);   // record, snapshot
void AddProcessCommands(CLI::App& app, int& exit_status);  // ps, control

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_COMMANDS_H_
