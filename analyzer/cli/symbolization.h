// What --symbolize says: where names come from, and how they are shown.
//
// Thread class: plain values. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_SYMBOLIZATION_H_
#define TIDEMARK_ANALYZER_CLI_SYMBOLIZATION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/symbolize/display_name.h"
#include "analyzer/symbolize/symbolizer.h"

namespace tidemark::cli {

struct Symbolization {
  Symbolization() = default;
  // The defaults, or nothing at all.
  Symbolization(bool wanted) : enabled(wanted) {}  // NOLINT(google-explicit-constructor)

  bool enabled = true;
  bool remote = true;  // debuginfod servers, if $DEBUGINFOD_URLS names some
  bool fast = false;
  bool force = false;
  int sample_type = -1;  // only what has values of this type; -1: everything
  symbolize::NameStyle names = symbolize::NameStyle::kAsIs;

  symbolize::Options options() const;
};

// pprof's words joined by ":" or ",": none, local, fastlocal, remote, force, demangle=WORD.
// Why the text is none, "" when it is one.
std::string ParseSymbolization(absl::string_view text, Symbolization* symbolization);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_SYMBOLIZATION_H_
