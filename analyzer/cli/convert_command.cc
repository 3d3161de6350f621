// Profiles in another format, by the output's suffix.

#include "analyzer/cli/convert_command.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/cli/csv_writer.h"
#include "analyzer/cli/graph_text.h"
#include "analyzer/cli/graphviz.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/io/folded_export.h"
#include "analyzer/io/json_export.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/io/write_file.h"
#include "analyzer/report/callgrind.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

struct ConvertArguments {
  std::vector<std::string> files;
  std::string output;
  ReportFlags flags;
};

// What the options leave of the profile; the profile itself, frames that reports drop
// included, when they ask for nothing.
absl::StatusOr<ProfilePtr> Selected(const ReportSource& source) {
  if (!source.selection->options().AsksForChange()) return source.profile;
  return report::Materialize(*source.selection);
}

// Each appends one format. kInvalidArgument and kUnavailable; the writer has its own errors.
using Exporter = absl::Status (*)(const ReportSource&, io::FileWriter&);

template <io::Compression compression>
absl::Status ExportPprof(const ReportSource& source, io::FileWriter& out) {
  const auto profile = Selected(source);
  if (!profile.ok()) return profile.status();
  out.Append(io::ToPprof(**profile, compression));
  return absl::OkStatus();
}

absl::Status ExportFolded(const ReportSource& source, io::FileWriter& out) {
  const auto profile = Selected(source);
  if (!profile.ok()) return profile.status();
  io::WriteFolded(**profile, static_cast<size_t>(source.selection->sample_type()),
                  [&](absl::string_view line) { out.Append(line); });
  return absl::OkStatus();
}

absl::Status ExportJson(const ReportSource& source, io::FileWriter& out) {
  const auto profile = Selected(source);
  if (!profile.ok()) return profile.status();
  out.Append(io::ToJson(**profile));
  return absl::OkStatus();
}

absl::Status ExportCsv(const ReportSource& source, io::FileWriter& out) {
  const auto csv = ProfileCsv(*source.profile, source.selection->options());
  if (!csv.ok()) return csv.status();
  out.Append(*csv);
  return absl::OkStatus();
}

absl::Status ExportDot(const ReportSource& source, io::FileWriter& out) {
  out.Append(DotText(*source.selection));
  return absl::OkStatus();
}

absl::Status ExportSvg(const ReportSource& source, io::FileWriter& out) {
  const auto svg = DotToSvg(DotText(*source.selection));
  if (!svg.ok()) return svg.status();
  out.Append(*svg);
  return absl::OkStatus();
}

absl::Status ExportCallgrind(const ReportSource& source, io::FileWriter& out) {
  report::Options options = source.selection->options();
  options.granularity = report::Granularity::kAddresses;
  const auto selection = report::Selection::Make(*source.profile, options);
  if (!selection.ok()) return selection.status();
  out.Append(report::Callgrind(*selection));
  return absl::OkStatus();
}

constexpr struct Output {
  const char* suffix;
  Exporter write;
} kOutputs[] = {
    {".pb.gz", ExportPprof<io::Compression::kGzip>},
    {".pb", ExportPprof<io::Compression::kNone>},
    {".folded", ExportFolded},
    {".json", ExportJson},
    {".csv", ExportCsv},
    {".dot", ExportDot},
    {".svg", ExportSvg},
    {".callgrind", ExportCallgrind},
};

std::string Suffixes() {
  return absl::StrJoin(kOutputs, ", ", [](std::string* out, const Output& output) {
    absl::StrAppend(out, output.suffix);
  });
}

int RunConvert(const ConvertArguments& arguments) {
  for (const Output& output : kOutputs) {
    if (!absl::EndsWith(arguments.output, output.suffix)) continue;
    const auto source = OpenReport(arguments.files, arguments.flags);
    if (!source.ok()) return Fail(source.status());
    io::FileWriter writer(arguments.output);
    const absl::Status exported = output.write(*source, writer);
    if (!exported.ok()) return Fail(exported);
    const absl::Status written = writer.Commit();
    if (written.ok()) return 0;
    Fail(written);
    return 4;
  }
  return Fail(
      absl::InvalidArgumentError(absl::StrCat("convert: the output's name must end in one of ",
                                              Suffixes(), " (where: ", arguments.output, ")")));
}

}  // namespace

void AddConvertCommand(CLI::App& app, int& exit_status) {
  CLI::App* const convert = app.add_subcommand("convert", "Write profiles in another format");
  const auto arguments = std::make_shared<ConvertArguments>();
  convert
      ->add_option("IN", arguments->files,
                   "Profiles, or the states of processes that died; several are merged")
      ->required()
      ->type_name("");
  convert->add_option("-o,--output", arguments->output, "By its suffix: " + Suffixes())
      ->required()
      ->type_name("OUT");
  AddReportOptions(*convert, arguments->flags, Trim::kGraph);
  AddArithmeticOptions(*convert, arguments->flags);
  AddContainersOption(*convert, arguments->flags);
  convert->callback([arguments, &exit_status] { exit_status = RunConvert(*arguments); });
}

}  // namespace tidemark::cli
