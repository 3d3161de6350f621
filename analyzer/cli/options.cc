#include "analyzer/cli/options.h"

#include <utility>
#include <vector>

namespace tidemark::cli {
namespace {

template <typename T>
using Words = std::vector<std::pair<std::string, T>>;

// An option whose values are words; the help shows them in the given order.
template <typename T>
void AddWords(CLI::App& command, const std::string& name, T& value, const Words<T>& words,
              const std::string& description) {
  std::string list;
  for (const auto& [word, unused] : words) list += (list.empty() ? "" : "|") + word;
  command
      .add_option_function<std::string>(
          name,
          [&value, words, list, name](const std::string& given) {
            for (const auto& [word, meaning] : words) {
              if (word == given) {
                value = meaning;
                return;
              }
            }
            throw CLI::ValidationError(name, given + " is none of " + list);
          },
          description)
      ->type_name(list);
}

}  // namespace

void AddFormatOption(CLI::App& command, Format& format) {
  AddWords<Format>(command, "--format", format, {{"text", Format::kText}, {"json", Format::kJson}},
                   "How to print (default text)");
}

void AddSymbolizeOption(CLI::App& command, bool& symbolize) {
  AddWords<bool>(command, "--symbolize", symbolize, {{"none", false}, {"local", true}},
                 "Whether to look for functions and lines in the programs' files (default local)");
}

void AddReportOptions(CLI::App& command, ReportFlags& flags) {
  using report::Granularity;
  command
      .add_option("--sample-index", flags.report.sample_index,
                  "Which values: a name such as inuse_space or alloc_objects, or a number "
                  "(default: the profile's own)")
      ->type_name("NAME");
  AddWords<Granularity>(command, "--granularity", flags.report.granularity,
                        {{"functions", Granularity::kFunctions},
                         {"filefunctions", Granularity::kFileFunctions},
                         {"files", Granularity::kFiles},
                         {"lines", Granularity::kLines},
                         {"addresses", Granularity::kAddresses}},
                        "What one row stands for (default functions)");
  command.add_flag("--noinlines", flags.report.no_inlines,
                   "Count inlined functions for the function they were inlined into");
  command.add_flag("--cum", flags.report.sort_by_cum, "Sort by cumulative value");
  const auto regex = [&command](const char* name, std::string& value, const char* description) {
    command.add_option(name, value, description)->type_name("REGEX");
  };
  regex("--focus", flags.report.focus, "Only samples with a frame that matches");
  regex("--ignore", flags.report.ignore, "No samples with a frame that matches");
  regex("--hide", flags.report.hide, "No frames that match");
  regex("--show", flags.report.show, "Only frames that match");
  command.add_option("--nodecount", flags.nodecount, "Print this many rows (default 0: all)")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""))
      ->type_name("N");
  AddSymbolizeOption(command, flags.symbolize);
  AddFormatOption(command, flags.format);
}

}  // namespace tidemark::cli
