// top, diff, convert.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/cli/text_writer.h"
#include "analyzer/io/folded_export.h"
#include "analyzer/io/json_export.h"
#include "analyzer/io/pprof_export.h"
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
  const auto source = OpenReport(arguments.files, flags);
  if (!source.ok()) return Fail(source.status());
  const report::Selection& selection = *source->selection;
  const report::TopReport top = report::Top(selection);
  return Print(flags.format == Format::kJson ? TopJson(selection, top) : TopText(selection, top));
}

struct DiffArguments {
  std::string base;
  std::string file;
  ReportFlags flags;
};

int RunDiff(const DiffArguments& arguments) {
  const ReportFlags& flags = arguments.flags;
  const auto base = OpenProfile(arguments.base, flags.open_options());
  if (!base.ok()) return Fail(base.status());
  const auto profile = OpenProfile(arguments.file, flags.open_options());
  if (!profile.ok()) return Fail(profile.status());
  const auto diff = report::Diff(**base, **profile, flags.report);
  if (!diff.ok()) return Fail(diff.status());
  return Print(flags.format == Format::kJson
                   ? DiffJson(*diff, static_cast<size_t>(flags.report.node_count))
                   : DiffText(**base, **profile, *diff, flags.report));
}

struct ConvertArguments {
  std::vector<std::string> files;
  std::string output;
  std::string sample_index;
  bool symbolize = true;
};

enum class OutputKind { kPprofGzip, kPprof, kFolded, kJson };

absl::StatusOr<OutputKind> KindOf(absl::string_view path) {
  if (absl::EndsWith(path, ".pb.gz")) return OutputKind::kPprofGzip;
  if (absl::EndsWith(path, ".pb")) return OutputKind::kPprof;
  if (absl::EndsWith(path, ".folded")) return OutputKind::kFolded;
  if (absl::EndsWith(path, ".json")) return OutputKind::kJson;
  return absl::InvalidArgumentError(absl::StrCat(
      "convert: the output's name must end in .pb.gz, .pb, .folded or .json (where: ", path, ")"));
}

absl::StatusOr<std::string> Convert(const Profile& profile, OutputKind kind,
                                    const std::string& sample_index) {
  switch (kind) {
    case OutputKind::kPprofGzip:
      return io::ToPprof(profile, io::Compression::kGzip);
    case OutputKind::kPprof:
      return io::ToPprof(profile, io::Compression::kNone);
    case OutputKind::kJson:
      return io::ToJson(profile);
    case OutputKind::kFolded:
      break;
  }
  const auto index = report::ResolveSampleIndex(profile, sample_index);
  if (!index.ok()) return index.status();
  return io::ToFolded(profile, static_cast<size_t>(*index));
}

int RunConvert(const ConvertArguments& arguments) {
  const auto kind = KindOf(arguments.output);
  if (!kind.ok()) return Fail(kind.status());
  const auto profile =
      OpenProfiles(arguments.files, {.symbolize = arguments.symbolize, .classify = false});
  if (!profile.ok()) return Fail(profile.status());
  const auto bytes = Convert(**profile, *kind, arguments.sample_index);
  if (!bytes.ok()) return Fail(bytes.status());
  const absl::Status status = io::WriteFileAtomically(arguments.output, *bytes);
  if (status.ok()) return 0;
  Fail(status);
  return 4;
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
  AddReportFormat(*top, top_arguments->flags, /*csv=*/false);
  top->callback([top_arguments, &exit_status] { exit_status = RunTop(*top_arguments); });

  CLI::App* const diff = app.add_subcommand("diff", "What grew between two profiles");
  const auto diff_arguments = std::make_shared<DiffArguments>();
  diff->add_option("BASE", diff_arguments->base, "The earlier profile")->required()->type_name("");
  diff->add_option("FILE", diff_arguments->file, "The later profile")->required()->type_name("");
  AddReportOptions(*diff, diff_arguments->flags, Trim::kRows);
  AddReportFormat(*diff, diff_arguments->flags, /*csv=*/false);
  diff->callback([diff_arguments, &exit_status] { exit_status = RunDiff(*diff_arguments); });

  CLI::App* const convert = app.add_subcommand("convert", "Write profiles in another format");
  const auto convert_arguments = std::make_shared<ConvertArguments>();
  convert
      ->add_option("IN", convert_arguments->files,
                   "Profiles, or the states of processes that died; several are merged")
      ->required()
      ->type_name("");
  convert
      ->add_option("-o,--output", convert_arguments->output,
                   "By its suffix: .pb.gz, .pb (pprof), .folded (stacks), .json")
      ->required()
      ->type_name("OUT");
  convert
      ->add_option("--sample-index", convert_arguments->sample_index,
                   "Which values go to .folded (default: the profile's own)")
      ->type_name("NAME");
  AddSymbolizeOption(*convert, convert_arguments->symbolize);
  convert->callback(
      [convert_arguments, &exit_status] { exit_status = RunConvert(*convert_arguments); });
}

}  // namespace tidemark::cli
