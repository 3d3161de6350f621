// tree, peek, graph, callgrind, topproto.

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/graph_json.h"
#include "analyzer/cli/graph_text.h"
#include "analyzer/cli/graphviz.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/regex_argument.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/report/callgrind.h"
#include "analyzer/report/top_proto.h"

namespace tidemark::cli {
namespace {

struct GraphArguments {
  std::vector<std::string> files;
  std::string output;
  bool svg = false;
  ReportFlags flags;
};

int RunTree(const GraphArguments& arguments) {
  const auto source = OpenReport(arguments.files, arguments.flags, Shown::kOneValue);
  if (!source.ok()) return Fail(source.status());
  const report::TreeReport tree = report::Tree(*source->selection);
  return Print(arguments.flags.format == Format::kJson ? TreeJson("tidemark.tree/1", tree)
                                                       : TreeText(tree));
}

int RunPeek(const GraphArguments& arguments) {
  std::vector<std::string> files = arguments.files;
  const std::string regex = TakeRegex(&files);
  const auto source = OpenReport(files, arguments.flags);
  if (!source.ok()) return Fail(source.status());
  const auto tree = report::Peek(*source->selection, regex);
  if (!tree.ok()) {
    return Fail(absl::Status(tree.status().code(), absl::StrCat("peek: ", tree.status().message(),
                                                                " (where: ", files.front(), ")")));
  }
  return Print(arguments.flags.format == Format::kJson ? TreeJson("tidemark.peek/1", *tree)
                                                       : TreeText(*tree));
}

int RunGraph(const GraphArguments& arguments) {
  const auto source = OpenReport(arguments.files, arguments.flags, Shown::kOneValue);
  if (!source.ok()) return Fail(source.status());
  const std::string dot = DotText(*source->selection);
  if (!arguments.svg) return Write(arguments.output, dot);
  const auto svg = DotToSvg(dot);
  return svg.ok() ? Write(arguments.output, *svg) : Fail(svg.status());
}

int RunCallgrind(const GraphArguments& arguments) {
  ReportFlags flags = arguments.flags;
  flags.report.granularity = report::Granularity::kAddresses;
  const auto source = OpenReport(arguments.files, flags);
  if (!source.ok()) return Fail(source.status());
  return Write(arguments.output, report::Callgrind(*source->selection));
}

int RunTopProto(const GraphArguments& arguments) {
  if (IsStandardOutput(arguments.output) && isatty(STDOUT_FILENO) != 0) {
    return Fail(absl::InvalidArgumentError(
        "topproto: the profile is not for a terminal: name a file with -o"));
  }
  const auto source = OpenReport(arguments.files, arguments.flags);
  if (!source.ok()) return Fail(source.status());
  const auto profile = report::TopProto(*source->selection);
  if (!profile.ok()) return Fail(profile.status());
  return Write(arguments.output, io::ToPprof(**profile, io::Compression::kGzip));
}

using Run = int (*)(const GraphArguments&);

// A command with the options that all of them have.
std::pair<CLI::App*, std::shared_ptr<GraphArguments>> AddCommand(CLI::App& app, int& exit_status,
                                                                 const char* name,
                                                                 const char* description, Run run,
                                                                 Trim trim) {
  CLI::App* const command = app.add_subcommand(name, description);
  const auto arguments = std::make_shared<GraphArguments>();
  AddReportOptions(*command, arguments->flags, trim);
  AddArithmeticOptions(*command, arguments->flags);
  AddContainersOption(*command, arguments->flags);
  command->callback([arguments, run, &exit_status] { exit_status = run(*arguments); });
  return {command, arguments};
}

void AddFiles(CLI::App& command, GraphArguments& arguments) {
  command.add_option("FILE", arguments.files, "Profiles; several are merged")
      ->required()
      ->type_name("");
}

void AddOutput(CLI::App& command, GraphArguments& arguments) {
  command
      .add_option("-o,--output", arguments.output, "Where to write (default -: standard output)")
      ->type_name("OUT");
}

void AddDropNegative(CLI::App& command, GraphArguments& arguments) {
  command.add_flag("--drop-negative", arguments.flags.report.drop_negative,
                   "No nodes with a negative value");
}

void AddCallTree(CLI::App& command, GraphArguments& arguments) {
  command.add_flag("--call-tree", arguments.flags.report.call_tree,
                   "A node for each path of calls that leads to a function");
}

}  // namespace

void AddGraphCommands(CLI::App& app, int& exit_status) {
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "tree", "Every function with its callers and callees", RunTree,
                   Trim::kGraph);
    AddFiles(*command, *arguments);
    AddReportFormat(*command, arguments->flags, /*csv=*/false);
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "peek", "Callers and callees of the functions that match",
                   RunPeek, Trim::kNothing);
    AddRegexAndFiles(*command, arguments->files);
    AddDropNegative(*command, *arguments);
    AddReportFormat(*command, arguments->flags, /*csv=*/false);
  }
  {
    const auto [command, arguments] = AddCommand(
        app, exit_status, "graph", "The call graph as a picture", RunGraph, Trim::kGraph);
    AddFiles(*command, *arguments);
    AddCallTree(*command, *arguments);
    AddOutput(*command, *arguments);
    command
        ->add_option_function<std::string>(
            "--format",
            [arguments = arguments](const std::string& format) {
              arguments->svg = format == "svg";
            },
            "dot: a program for Graphviz (default); svg: drawn by it")
        ->check(CLI::Validator(CLI::IsMember({"dot", "svg"})).description(""))
        ->type_name("dot|svg");
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "callgrind", "The call graph for KCachegrind", RunCallgrind,
                   Trim::kNothing);
    AddFiles(*command, *arguments);
    AddCallTree(*command, *arguments);
    AddDropNegative(*command, *arguments);
    AddOutput(*command, *arguments);
  }
  {
    const auto [command, arguments] = AddCommand(
        app, exit_status, "topproto", "The rows of top as a profile", RunTopProto, Trim::kTable);
    AddFiles(*command, *arguments);
    AddOutput(*command, *arguments);
  }
}

}  // namespace tidemark::cli
