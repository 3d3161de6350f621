// The `tidemark` command line as a function.

#ifndef TIDEMARK_ANALYZER_CLI_APPLICATION_H_
#define TIDEMARK_ANALYZER_CLI_APPLICATION_H_

namespace tidemark::cli {

// Runs one command and returns the exit status (see commands.h). Prints on stdout and
// stderr; a usage error is one line on stderr.
int Run(int argc, const char* const* argv);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_APPLICATION_H_
