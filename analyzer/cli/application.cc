#include "analyzer/cli/application.h"

#include <CLI/CLI.hpp>
#include <new>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/open_profile.h"

namespace tidemark::cli {

namespace {

absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error, int argc,
                        const char* const* argv) {
  std::string command = "tidemark";
  for (const CLI::App* sub : app.get_subcommands()) absl::StrAppend(&command, " ", sub->get_name());
  std::string what = error.what();
  // CLI11 says of an unknown command only that one is required.
  if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
    what = absl::StrCat("there is no command ", argv[1]);
  }
  return absl::InvalidArgumentError(absl::StrCat("usage: ", what, " (see ", command, " --help)"));
}

}  // namespace

int Run(int argc, const char* const* argv) {
  CLI::App app("Heap profiler and leak analyzer: which allocation site leaks, why, how fast.",
               "tidemark");
  app.set_version_flag("--version", "tidemark " TIDEMARK_VERSION);
  app.require_subcommand(1);
  int exit_status = 0;
  AddRecordCommands(app, exit_status);
  AddProcessCommands(app, exit_status);
  AddLeakCommands(app, exit_status);
  AddReportCommands(app, exit_status);
  AddGraphCommands(app, exit_status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return Fail(UsageError(app, e, argc, argv));
  } catch (const std::bad_alloc&) {
    return Fail(absl::ResourceExhaustedError("out of memory"));
  }
  return exit_status;
}

}  // namespace tidemark::cli
