#include "analyzer/cli/application.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/open_profile.h"

namespace tidemark::cli {

namespace {

// CLI11's messages as "what: why", like all others; its errors hold no more than the text.
std::string InOurWords(absl::string_view text) {
  using Two = std::pair<absl::string_view, absl::string_view>;
  if (absl::ConsumePrefix(&text, "The following argument was not expected: ") ||
      absl::ConsumePrefix(&text, "The following arguments were not expected: ")) {
    return absl::StrCat(text, absl::StartsWith(text, "-") ? ": no such option" : ": not expected");
  }
  if (absl::ConsumePrefix(&text, "Could not convert: ")) {
    const Two option = absl::StrSplit(text, absl::MaxSplits(" = ", 1));
    return absl::StrCat(option.first, ": cannot be \"", option.second, "\"");
  }
  if (absl::ConsumeSuffix(&text, " is required")) return absl::StrCat(text, ": missing");
  const Two excluded = absl::StrSplit(text, absl::MaxSplits(" excludes ", 1));
  if (!excluded.second.empty()) {
    return absl::StrCat(excluded.first, ": not together with ", excluded.second);
  }
  const Two needed = absl::StrSplit(text, absl::MaxSplits(": 1 required ", 1));
  absl::string_view type = needed.second;
  if (absl::ConsumeSuffix(&type, " missing")) {
    return absl::StrCat(needed.first, ": needs a value: ", type);
  }
  return std::string(text);
}

absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error, int argc,
                        const char* const* argv) {
  std::string command = "tidemark";
  for (const CLI::App* sub : app.get_subcommands()) absl::StrAppend(&command, " ", sub->get_name());
  std::string what = InOurWords(error.what());
  // CLI11 says of an unknown command only that one is required.
  if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
    what = absl::StrCat(argv[1], ": no such command");
  }
  return absl::InvalidArgumentError(absl::StrCat("usage: ", what, " (see ", command, " --help)"));
}

// pprof's users type --diff_base: underscores in the names of options are as good as dashes.
// What `record` runs is left alone.
std::vector<std::string> WithDashes(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments.front() == "record") return arguments;
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    if (!absl::StartsWith(argument, "--")) continue;
    const auto end =
        argument.begin() + static_cast<ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), end, '_', '-');
  }
  return arguments;
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
  AddLeaksCommand(app, exit_status);
  AddEscapeCommand(app, exit_status);
  AddCheckCommand(app, exit_status);
  AddReportCommands(app, exit_status);
  AddGraphCommands(app, exit_status);
  AddListingCommands(app, exit_status);
  AddFlameCommand(app, exit_status);
  try {
    std::vector<std::string> arguments = WithDashes(argc, argv);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the end
    app.parse(std::move(arguments));
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
