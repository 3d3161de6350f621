// traces, tags, list and disasm as text, in pprof's layout (internal/report/report.go,
// source.go), so that the two can be compared byte by byte.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_LISTING_TEXT_H_
#define TIDEMARK_ANALYZER_CLI_LISTING_TEXT_H_

#include <vector>

#include "analyzer/cli/output.h"
#include "analyzer/report/disassembly.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/source_listing.h"
#include "analyzer/report/source_reader.h"
#include "analyzer/report/tags.h"
#include "analyzer/report/traces.h"

namespace tidemark::cli {

void WriteTracesText(const report::Selection& selection, Output& out);
void WriteTagsText(const report::Selection& selection, const std::vector<report::TagKey>& tags,
                   Output& out);
// Where a file cannot be read, the lines with values follow the error, without their source.
void WriteListText(const report::Selection& selection, const report::SourceListing& listing,
                   report::SourceReader& reader, Output& out);
void WriteDisassemblyText(const report::Selection& selection,
                          const report::Disassembly& disassembly, Output& out);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_LISTING_TEXT_H_
