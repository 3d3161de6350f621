// The command line options that reports share. Names and meanings are pprof's.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_OPTIONS_H_
#define TIDEMARK_ANALYZER_CLI_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/report/options.h"

namespace tidemark::cli {

enum class Format { kText, kJson, kCsv };

// What a command trims when its options do not say: pprof's defaults. Machine-readable
// formats are whole unless an option trims them.
enum class Trim {
  kNothing,  // and options cannot change it: peek, list, disasm, raw, callgrind
  kRows,     // nothing unless --nodecount says so: diff
  kTable,    // small nodes: top, topproto
  kGraph,    // small nodes and edges, 80 nodes: tree, graph
};

struct ReportFlags {
  report::Options report;
  Format format = Format::kText;
  Symbolization symbolize;
  std::vector<std::string> base;       // subtracted; several are merged
  std::vector<std::string> diff_base;  // the same, with percentages of the base
  bool normalize = false;
  io::FetchOptions fetch;
  bool fold_containers = false;
  // Paths, for folding alone: the profiled program's file and the rules; "": looked for, and the
  // default ones.
  std::string binary;
  std::string rules;

  // How to open what is shown; `compared`: beside another profile, so that both get the same
  // frames. Errors: those of classify::LoadRules; kInvalidArgument for --binary and --rules where
  // nothing is folded.
  absl::StatusOr<OpenOptions> open_options(bool compared = false) const;
};

// How the commands that judge sites open profiles.
struct SiteFlags {
  std::string binary;  // the profiled program's file; "": looked for
  std::string rules;   // path; "": the default ones
  Symbolization symbolize;
  io::FetchOptions fetch;

  // Errors: those of classify::LoadRules.
  absl::StatusOr<OpenOptions> open_options() const;
};

template <typename T>
using Words = std::vector<std::pair<std::string, T>>;

// An option whose values are words; the help shows them in the given order. `value` must
// outlive `command`.
template <typename T>
CLI::Option* AddWords(CLI::App& command, const std::string& name, T& value, const Words<T>& words,
                      const std::string& description) {
  std::string list;
  for (const auto& [word, unused] : words) list += (list.empty() ? "" : "|") + word;
  return command
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

// `format` and `symbolize` must outlive `command`.
void AddFormatOption(CLI::App& command, Format& format);
void AddSymbolizeOption(CLI::App& command, Symbolization& symbolize);
// --containers, with its default `flags.fold_containers`, --binary and --rules.
void AddContainersOption(CLI::App& command, ReportFlags& flags);
// --seconds and --timeout, for URLs. `fetch` must outlive `command`.
void AddFetchOptions(CLI::App& command, io::FetchOptions& fetch);
// --binary, --rules, --symbolize, --seconds, --timeout. `flags` must outlive `command`.
void AddSiteOptions(CLI::App& command, SiteFlags& flags);
// --sample-index, the granularity, the filters, trimming, --symbolize, --seconds, --timeout.
// `flags` must outlive `command`. Options that `trim` excludes are not offered.
void AddReportOptions(CLI::App& command, ReportFlags& flags, Trim trim);
// What is done to values before they are shown: --base, --diff-base, --normalize, --mean,
// --divide-by. Every command but diff, which has its own base.
void AddArithmeticOptions(CLI::App& command, ReportFlags& flags);
// --format with the formats this command has; JSON and CSV trim nothing by default.
// REQUIRES: after AddReportOptions.
void AddReportFormat(CLI::App& command, ReportFlags& flags, bool csv);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_OPTIONS_H_
