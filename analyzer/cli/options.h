// The command line options that reports share. Names and meanings are pprof's.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_OPTIONS_H_
#define TIDEMARK_ANALYZER_CLI_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

#include "analyzer/cli/open_profile.h"
#include "analyzer/report/options.h"

namespace tidemark::cli {

enum class Format { kText, kJson };

struct ReportFlags {
  report::Options report;
  Format format = Format::kText;
  size_t nodecount = 0;  // rows shown; 0: all
  bool symbolize = true;

  OpenOptions open_options() const { return {.symbolize = symbolize, .classify = false}; }
};

// `format` and `symbolize` must outlive `command`.
void AddFormatOption(CLI::App& command, Format& format);
void AddSymbolizeOption(CLI::App& command, bool& symbolize);
// --sample-index, --granularity, the filters, --nodecount, --format and --symbolize.
// `flags` must outlive `command`.
void AddReportOptions(CLI::App& command, ReportFlags& flags);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_OPTIONS_H_
