// top, diff.

#include <memory>
#include <string>
#include <vector>

#include "analyzer/cli/commands.h"
#include "analyzer/cli/convert_command.h"
#include "analyzer/cli/csv_writer.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/cli/text_writer.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/top.h"

namespace tidemark::cli {
namespace {

struct TopArguments {
  std::vector<std::string> files;
  ReportFlags flags;
};

int RunTop(const TopArguments& arguments) {
  const ReportFlags& flags = arguments.flags;
  const auto source = OpenReport(arguments.files, flags, Shown::kOneValue);
  if (!source.ok()) return Fail(source.status());
  const report::Selection& selection = *source->selection;
  const report::TopReport top = report::Top(selection);
  switch (flags.format) {
    case Format::kJson:
      return Print(TopJson(selection, top));
    case Format::kCsv:
      return Print(TopCsv(selection, top));
    case Format::kText:
      break;
  }
  return Print(TopText(selection, top));
}

struct DiffArguments {
  std::string base;
  std::string file;
  ReportFlags flags;
};

int RunDiff(const DiffArguments& arguments) {
  const ReportFlags& flags = arguments.flags;
  const auto options = flags.open_options(/*compared=*/true);
  if (!options.ok()) return Fail(options.status());
  auto opened = OpenMerged({{arguments.base}, {arguments.file}}, flags.fetch);
  if (!opened.ok()) return Fail(opened.status());
  const auto base = Prepare(std::move((*opened)[0]), *options);
  if (!base.ok()) return Fail(base.status());
  const auto profile = Prepare(std::move((*opened)[1]), *options);
  if (!profile.ok()) return Fail(profile.status());
  const auto diff = report::Diff(**base, **profile, flags.report);
  if (!diff.ok()) return Fail(diff.status());
  const auto limit = static_cast<size_t>(flags.report.node_count);
  switch (flags.format) {
    case Format::kJson:
      return Print(DiffJson(*diff, limit));
    case Format::kCsv:
      return Print(DiffCsv(*diff, limit));
    case Format::kText:
      break;
  }
  return Print(DiffText(**base, **profile, *diff, flags.report));
}

}  // namespace

void AddReportCommands(CLI::App& app, int& exit_status) {
  CLI::App* const top = app.add_subcommand("top", "What holds most memory, as pprof -top");
  const auto top_arguments = std::make_shared<TopArguments>();
  top->add_option("FILE", top_arguments->files, "Profiles; several are merged")
      ->required()
      ->type_name("");
  AddReportOptions(*top, top_arguments->flags, Trim::kTable);
  AddArithmeticOptions(*top, top_arguments->flags);
  AddContainersOption(*top, top_arguments->flags);
  AddReportFormat(*top, top_arguments->flags, /*csv=*/true);
  top->callback([top_arguments, &exit_status] { exit_status = RunTop(*top_arguments); });

  CLI::App* const diff = app.add_subcommand("diff", "What grew between two profiles");
  const auto diff_arguments = std::make_shared<DiffArguments>();
  diff->add_option("BASE", diff_arguments->base, "The earlier profile")->required()->type_name("");
  diff->add_option("FILE", diff_arguments->file, "The later profile")->required()->type_name("");
  AddReportOptions(*diff, diff_arguments->flags, Trim::kRows);
  AddContainersOption(*diff, diff_arguments->flags);
  AddReportFormat(*diff, diff_arguments->flags, /*csv=*/true);
  diff->callback([diff_arguments, &exit_status] { exit_status = RunDiff(*diff_arguments); });

  AddConvertCommand(app, exit_status);
}

}  // namespace tidemark::cli
