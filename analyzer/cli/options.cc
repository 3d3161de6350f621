#include "analyzer/cli/options.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "analyzer/classify/rule_file.h"
#include "analyzer/cli/quantities.h"

namespace tidemark::cli {
namespace {

// pprof's defaults.
constexpr double kNodeFraction = 0.005;
constexpr double kEdgeFraction = 0.001;
constexpr int64_t kGraphNodes = 80;

void AddText(CLI::App& command, const char* name, std::string& value, const char* type,
             const char* description) {
  command.add_option(name, value, description)->type_name(type);
}

void AddFilters(CLI::App& command, report::Options& report) {
  AddText(command, "--focus", report.focus, "REGEX", "Only samples with a frame that matches");
  AddText(command, "--ignore", report.ignore, "REGEX", "No samples with a frame that matches");
  AddText(command, "--hide", report.hide, "REGEX", "No frames that match");
  AddText(command, "--show", report.show, "REGEX", "Only frames that match");
  AddText(command, "--show-from", report.show_from, "REGEX",
          "No frames above the outermost that matches, no samples without one");
  AddText(command, "--prune-from", report.prune_from, "REGEX",
          "No frames below the innermost that matches");
  AddText(command, "--tagfocus", report.tag_focus, "TAGS",
          "Only samples with these labels: KEY=REGEX, REGEX (over key:value), or a range such as "
          "bytes=1kb:64kb");
  AddText(command, "--tagignore", report.tag_ignore, "TAGS", "No samples with these labels");
  AddText(command, "--tagshow", report.tag_show, "REGEX", "Only labels whose key matches");
  AddText(command, "--taghide", report.tag_hide, "REGEX", "No labels whose key matches");
  AddText(command, "--tagroot", report.tag_root, "KEY,KEY",
          "The values of these labels as frames above the root");
  AddText(command, "--tagleaf", report.tag_leaf, "KEY,KEY",
          "The values of these labels as frames below the leaf");
  command.add_flag("--relative-percentages", report.relative_percentages,
                   "Percentages of what the filters left, not of everything");
}

void AddValues(CLI::App& command, report::Options& report) {
  AddText(command, "--sample-index", report.sample_index, "NAME",
          "Which values: a name such as inuse_space or alloc_objects, or a number (default: the "
          "profile's own)");
  for (const char* type : {"inuse-space", "inuse-objects", "alloc-space", "alloc-objects"}) {
    command
        .add_flag_callback(
            absl::StrCat("--", type),
            [&report, type] {
              report.sample_index = absl::StrReplaceAll(type, {{"-", "_"}});
            },
            "pprof's short form of --sample-index")
        ->group("");
  }
  AddText(command, "--unit", report.unit, "UNIT",
          "Of values in text: a unit such as kb or ms, auto (each its own), or minimum (one that "
          "suits all; the default)");
}

void AddFrames(CLI::App& command, report::Options& report) {
  using report::Granularity;
  AddWords<Granularity>(command, "--granularity", report.granularity,
                        {{"functions", Granularity::kFunctions},
                         {"filefunctions", Granularity::kFileFunctions},
                         {"files", Granularity::kFiles},
                         {"lines", Granularity::kLines},
                         {"addresses", Granularity::kAddresses}},
                        "What one row stands for (default functions)");
  const std::pair<const char*, Granularity> words[] = {
      {"--functions", Granularity::kFunctions},
      {"--filefunctions", Granularity::kFileFunctions},
      {"--files", Granularity::kFiles},
      {"--lines", Granularity::kLines},
      {"--addresses", Granularity::kAddresses}};
  for (const auto& [name, granularity] : words) {
    command
        .add_flag_callback(
            name, [&report, value = granularity] { report.granularity = value; },
            "pprof's short form of --granularity")
        ->group("");  // not listed
  }
  command.add_flag("--noinlines", report.no_inlines,
                   "Count inlined functions for the function they were inlined into");
  command.add_flag("--showcolumns", report.show_columns,
                   "Tell columns apart too, at granularity lines");
  AddText(command, "--trim-path", report.trim_path, "DIR:DIR",
          "Cut these from the front of source paths");
  AddText(command, "--source-path", report.source_path, "DIR:DIR", "Where sources are looked for");
  command.add_flag("--cum", report.sort_by_cum, "Sort by cumulative value");
}

void AddTrimming(CLI::App& command, report::Options& report, Trim trim) {
  if (trim == Trim::kNothing) return;
  report.node_count = trim == Trim::kGraph ? kGraphNodes : 0;
  command
      .add_option("--nodecount", report.node_count,
                  trim == Trim::kGraph ? "At most this many nodes (default 80; 0: all)"
                                       : "Print this many rows (default 0: all)")
      ->check(CheckWhole(0))
      ->type_name("N");
  if (trim == Trim::kRows) return;
  report.node_fraction = kNodeFraction;
  report.edge_fraction = kEdgeFraction;
  const auto fraction = [&command](const char* name, double& value, const char* description) {
    command.add_option(name, value, description)->check(CheckNumber(0, 1))->type_name("F");
  };
  fraction("--nodefraction", report.node_fraction,
           "Drop nodes below this part of the total (default 0.005)");
  fraction("--edgefraction", report.edge_fraction,
           "Drop edges below this part of the total (default 0.001)");
  command.add_flag("--drop-negative", report.drop_negative, "No nodes with a negative value");
}

void AddClassifyOptions(CLI::App& command, std::string& binary, std::string& rules) {
  AddText(command, "--binary", binary, "PATH",
          "The profiled program's file, for what Go allocates (default: looked for by build id and "
          "path, and in PPROF_BINARY_PATH)");
  AddText(command, "--rules", rules, "FILE",
          "Containers and allocation wrappers of your own (default $TIDEMARK_RULES, else "
          "~/.config/tidemark/rules)");
}

}  // namespace

absl::StatusOr<OpenOptions> SiteFlags::open_options() const {
  const auto loaded = classify::LoadRules(rules);
  if (!loaded.ok()) return loaded.status();
  return OpenOptions{.symbolize = symbolize, .fetch = fetch, .rules = *loaded, .binary = binary};
}

absl::StatusOr<OpenOptions> ReportFlags::open_options(bool compared) const {
  OpenOptions options{.symbolize = symbolize, .classify = false, .fetch = fetch};
  if (!fold_containers) {
    for (const auto& [name, value] : {std::pair("--binary", binary), std::pair("--rules", rules)}) {
      if (value.empty()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": only with --containers fold: nothing is shown by its container otherwise"));
    }
    return options;
  }
  const auto loaded = classify::LoadRules(rules);
  if (!loaded.ok()) return loaded.status();
  options.rules = *loaded;
  options.binary = binary;
  options.fold = classify::FoldOptions{.inferred = !compared};
  return options;
}

void AddContainersOption(CLI::App& command, ReportFlags& flags) {
  AddWords<bool>(command, "--containers", flags.fold_containers, {{"fold", true}, {"show", false}},
                 flags.fold_containers
                     ? "One frame for a container, or all that its library calls (default fold)"
                     : "One frame for a container, or all that its library calls (default show)");
  AddClassifyOptions(command, flags.binary, flags.rules);
}

void AddFormatOption(CLI::App& command, Format& format) {
  AddWords<Format>(command, "--format", format, {{"text", Format::kText}, {"json", Format::kJson}},
                   "How to print (default text)");
}

void AddSymbolizeOption(CLI::App& command, Symbolization& symbolize) {
  command
      .add_option_function<std::string>(
          "--symbolize",
          [&symbolize](const std::string& words) {
            const std::string problem = ParseSymbolization(words, &symbolize);
            if (!problem.empty()) throw CLI::ValidationError("--symbolize", problem);
          },
          "Where functions and lines come from: none; local: files; fastlocal: their symbol "
          "tables; remote: files, then debuginfod servers (default, if DEBUGINFOD_URLS is set); "
          "and after a colon, force: anew; demangle=none|full|templates|default|short")
      ->type_name("WORD[:WORD]");
}

void AddSiteOptions(CLI::App& command, SiteFlags& flags) {
  AddClassifyOptions(command, flags.binary, flags.rules);
  AddSymbolizeOption(command, flags.symbolize);
  AddFetchOptions(command, flags.fetch);
}

void AddFetchOptions(CLI::App& command, io::FetchOptions& fetch) {
  const auto seconds = [&command](const char* name, int64_t& value, const char* description) {
    constexpr int64_t kMost = 86400;
    command.add_option(name, value, description)->check(CheckWhole(1, kMost))->type_name("S");
  };
  seconds("--seconds", fetch.seconds, "From a URL: what happens within this time");
  seconds("--timeout", fetch.timeout_seconds,
          "How long to wait for a URL (default 60, or 1.5 times --seconds)");
}

void AddReportOptions(CLI::App& command, ReportFlags& flags, Trim trim) {
  AddValues(command, flags.report);
  AddFrames(command, flags.report);
  AddFilters(command, flags.report);
  AddTrimming(command, flags.report, trim);
  AddSymbolizeOption(command, flags.symbolize);
  AddFetchOptions(command, flags.fetch);
}

void AddArithmeticOptions(CLI::App& command, ReportFlags& flags) {
  CLI::Option* const base =
      command.add_option("--base", flags.base, "Subtract this profile; several are merged")
          ->type_name("FILE")
          ->allow_extra_args(false);
  command
      .add_option("--diff-base", flags.diff_base,
                  "The same, with percentages of what the base holds")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->excludes(base);
  command.add_flag("--normalize", flags.normalize,
                   "First scale the profile so that its total is the base's");
  command.add_flag("--mean", flags.report.mean,
                   "Averages: values divided by those of the first sample type");
  command
      .add_option("--divide-by", flags.report.divide_by, "Divide every value by this (default 1)")
      ->check(CheckNumber(-1e18, 1e18))
      ->type_name("N");
}

void AddReportFormat(CLI::App& command, ReportFlags& flags, bool csv) {
  Words<Format> words = {{"text", Format::kText}, {"json", Format::kJson}};
  if (csv) words.emplace_back("csv", Format::kCsv);
  AddWords<Format>(command, "--format", flags.format, words, "How to print (default text)");
  CLI::App* const app = &command;
  command.parse_complete_callback([app, &flags] {
    if (flags.format == Format::kText) return;
    const auto untouched = [app](const char* name) {
      const CLI::Option* option = app->get_option_no_throw(name);
      return option != nullptr && option->count() == 0;
    };
    if (untouched("--nodecount")) flags.report.node_count = 0;
    if (untouched("--nodefraction")) flags.report.node_fraction = 0;
    if (untouched("--edgefraction")) flags.report.edge_fraction = 0;
  });
}

}  // namespace tidemark::cli
