// traces, tags, raw, comments, list, disasm.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/csv_writer.h"
#include "analyzer/cli/listing_json.h"
#include "analyzer/cli/listing_text.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/output.h"
#include "analyzer/cli/raw_text.h"
#include "analyzer/cli/regex_argument.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/disassembler.h"
#include "analyzer/symbolize/symbolizer.h"

namespace tidemark::cli {
namespace {

struct ListingArguments {
  std::vector<std::string> files;
  bool intel_syntax = false;
  ReportFlags flags;
};

int Finish(Output& out) {
  const absl::Status status = out.Close();
  return status.ok() ? 0 : Fail(status);
}

// Says which command, and of what.
int FailListing(const char* command, const absl::Status& status, const std::string& file) {
  return Fail(absl::Status(status.code(),
                           absl::StrCat(command, ": ", status.message(), " (where: ", file, ")")));
}

void Warn(absl::string_view text) {
  std::fprintf(stderr, "tidemark: warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

int RunTraces(const ListingArguments& arguments) {
  const auto source = OpenReport(arguments.files, arguments.flags);
  if (!source.ok()) return Fail(source.status());
  Output out;
  if (arguments.flags.format == Format::kJson) {
    WriteTracesJson(*source->selection, out);
  } else {
    WriteTracesText(*source->selection, out);
  }
  return Finish(out);
}

int RunTags(const ListingArguments& arguments) {
  const auto source = OpenReport(arguments.files, arguments.flags);
  if (!source.ok()) return Fail(source.status());
  const report::Selection& selection = *source->selection;
  const std::vector<report::TagKey> tags = report::Tags(selection);
  Output out;
  switch (arguments.flags.format) {
    case Format::kJson:
      WriteTagsJson(selection, tags, out);
      break;
    case Format::kCsv:
      out << TagsCsv(selection, tags);
      break;
    case Format::kText:
      WriteTagsText(selection, tags, out);
  }
  return Finish(out);
}

int RunRaw(const ListingArguments& arguments) {
  ReportFlags flags = arguments.flags;
  // pprof prints stored values, and frames whole.
  flags.report.mean = false;
  flags.report.divide_by = 1;
  flags.report.granularity = report::Granularity::kAddresses;
  const auto source = OpenReport(arguments.files, flags);
  if (!source.ok()) return Fail(source.status());
  const auto profile = report::Materialize(*source->selection);
  if (!profile.ok()) return Fail(profile.status());
  Output out;
  WriteRawText(**profile, out);
  return Finish(out);
}

int RunComments(const ListingArguments& arguments) {
  const auto profile = OpenProfiles(arguments.files, {.symbolize = false, .classify = false});
  if (!profile.ok()) return Fail(profile.status());
  Output out;
  WriteComments(**profile, out);
  return Finish(out);
}

// Lines may have moved since.
void WarnOfNewerSources(const Profile& profile, const report::SourceListing& listing,
                        report::SourceReader& reader) {
  if (profile.time_ns() == 0) return;
  absl::flat_hash_set<std::string> warned;
  for (const report::ListedFunction& function : listing.functions) {
    for (const report::ListedFile& file : function.files) {
      const report::SourceReader::File& source = reader.Read(file.file);
      const bool newer = source.status.ok() &&
                         absl::FromTimeT(source.modified) > absl::FromUnixNanos(profile.time_ns());
      if (newer && warned.insert(source.path).second) {
        Warn(
            absl::StrCat("the source was changed after the profile was recorded; its lines may "
                         "be others (where: ",
                         source.path, ")"));
      }
    }
  }
}

int RunList(const ListingArguments& arguments) {
  std::vector<std::string> files = arguments.files;
  const std::string regex = TakeRegex(&files);
  ReportFlags flags = arguments.flags;
  flags.report.granularity = report::Granularity::kLines;
  const auto source = OpenReport(files, flags);
  if (!source.ok()) return Fail(source.status());
  const report::Selection& selection = *source->selection;
  const auto listing = report::ListSources(selection, regex);
  if (!listing.ok()) return FailListing("list", listing.status(), files.front());
  report::SourceReader reader(flags.report);
  WarnOfNewerSources(selection.profile(), *listing, reader);
  Output out;
  switch (flags.format) {
    case Format::kJson:
      WriteListJson(selection, *listing, reader, out);
      break;
    case Format::kCsv:
      out << ListCsv(selection, *listing, reader);
      break;
    case Format::kText:
      WriteListText(selection, *listing, reader, out);
  }
  return Finish(out);
}

// A file found by path and build id, read with capstone and elfutils.
class FileCodeModule : public report::CodeModule {
 public:
  explicit FileCodeModule(std::unique_ptr<symbolize::Disassembler> disassembler)
      : disassembler_(std::move(disassembler)) {
    for (const symbolize::CodeSymbol& from : disassembler_->symbols()) {
      Symbol symbol{from.begin, from.end, {}, from.names};
      for (const std::string& name : from.names) symbol.names.push_back(symbolize::Demangle(name));
      symbols_.push_back(std::move(symbol));
    }
  }

  const std::vector<Symbol>& symbols() const override { return symbols_; }
  std::optional<uint64_t> LinkAddress(const Mapping& mapping, uint64_t address) const override {
    return disassembler_->LinkAddress({mapping.start, mapping.limit, mapping.offset}, address);
  }
  absl::StatusOr<std::vector<Instruction>> Disassemble(const Symbol& symbol) override {
    auto decoded = disassembler_->Disassemble({symbol.begin, symbol.end, symbol.raw_names});
    if (!decoded.ok()) return decoded.status();
    std::vector<Instruction> instructions;
    instructions.reserve(decoded->size());
    for (symbolize::Instruction& from : *decoded) {
      instructions.push_back({from.address, std::move(from.text), std::move(from.function),
                              std::move(from.file), from.line});
    }
    return instructions;
  }

 private:
  std::unique_ptr<symbolize::Disassembler> disassembler_;
  std::vector<Symbol> symbols_;
};

int RunDisasm(const ListingArguments& arguments) {
  std::vector<std::string> files = arguments.files;
  const std::string regex = TakeRegex(&files);
  ReportFlags flags = arguments.flags;
  flags.report.granularity = report::Granularity::kAddresses;
  flags.report.no_inlines = true;  // an address counts once, for the function it is in
  const auto source = OpenReport(files, flags);
  if (!source.ok()) return Fail(source.status());
  const report::Selection& selection = *source->selection;
  const Profile& profile = selection.profile();
  const std::vector<std::string> search_path = symbolize::DefaultSearchPath();
  const auto open =
      [&](const Mapping& mapping) -> absl::StatusOr<std::unique_ptr<report::CodeModule>> {
    auto disassembler = symbolize::Disassembler::Open(std::string(profile.string(mapping.file)),
                                                      std::string(profile.string(mapping.build_id)),
                                                      search_path, arguments.intel_syntax);
    if (!disassembler.ok()) return disassembler.status();
    return std::make_unique<FileCodeModule>(*std::move(disassembler));
  };
  const auto disassembly = report::Disassemble(selection, regex, open);
  if (!disassembly.ok()) return FailListing("disasm", disassembly.status(), files.front());
  for (const std::string& problem : disassembly->problems) Warn(problem);
  Output out;
  if (flags.format == Format::kJson) {
    WriteDisassemblyJson(selection, *disassembly, out);
  } else {
    WriteDisassemblyText(selection, *disassembly, out);
  }
  return Finish(out);
}

using Run = int (*)(const ListingArguments&);

std::pair<CLI::App*, std::shared_ptr<ListingArguments>> AddCommand(CLI::App& app, int& exit_status,
                                                                   const char* name,
                                                                   const char* description,
                                                                   Run run) {
  CLI::App* const command = app.add_subcommand(name, description);
  const auto arguments = std::make_shared<ListingArguments>();
  command->callback([arguments, run, &exit_status] { exit_status = run(*arguments); });
  return {command, arguments};
}

void AddFiles(CLI::App& command, ListingArguments& arguments) {
  command.add_option("FILE", arguments.files, "Profiles; several are merged")
      ->required()
      ->type_name("");
}

void AddOptions(CLI::App& command, ListingArguments& arguments) {
  AddReportOptions(command, arguments.flags, Trim::kNothing);
  AddArithmeticOptions(command, arguments.flags);
}

}  // namespace

void AddListingCommands(CLI::App& app, int& exit_status) {
  {
    const auto [command, arguments] = AddCommand(
        app, exit_status, "list", "Source with the values of its lines, as pprof -list", RunList);
    AddRegexAndFiles(*command, arguments->files);
    AddOptions(*command, *arguments);
    AddReportFormat(*command, arguments->flags, /*csv=*/true);
  }
  {
    const auto [command, arguments] = AddCommand(
        app, exit_status, "disasm", "Machine code with the values of its instructions", RunDisasm);
    AddRegexAndFiles(*command, arguments->files);
    AddOptions(*command, *arguments);
    command->add_flag("--intel-syntax", arguments->intel_syntax,
                      "x86: Intel's syntax instead of AT&T's");
    AddReportFormat(*command, arguments->flags, /*csv=*/false);
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "traces", "Every sample with its stack", RunTraces);
    AddFiles(*command, *arguments);
    AddOptions(*command, *arguments);
    AddContainersOption(*command, arguments->flags);
    AddReportFormat(*command, arguments->flags, /*csv=*/false);
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "tags", "What the samples' labels say, added up", RunTags);
    AddFiles(*command, *arguments);
    AddOptions(*command, *arguments);
    AddReportFormat(*command, arguments->flags, /*csv=*/true);
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "raw", "What a profile holds, as pprof -raw", RunRaw);
    AddFiles(*command, *arguments);
    AddOptions(*command, *arguments);
  }
  {
    const auto [command, arguments] =
        AddCommand(app, exit_status, "comments", "A profile's comments", RunComments);
    AddFiles(*command, *arguments);
  }
}

}  // namespace tidemark::cli
