// traces, tags, list and disasm as JSON: a document head (json_writer.h) and one row on each
// line, so that documents larger than memory can be written and read.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_LISTING_JSON_H_
#define TIDEMARK_ANALYZER_CLI_LISTING_JSON_H_

#include <vector>

#include "analyzer/cli/output.h"
#include "analyzer/report/disassembly.h"
#include "analyzer/report/selection.h"
#include "analyzer/report/source_listing.h"
#include "analyzer/report/source_reader.h"
#include "analyzer/report/tags.h"
#include "analyzer/report/traces.h"

namespace tidemark::cli {

// tidemark.traces/1: stack (frames leaf first), values (one for each of sample_types), labels
// ({key: [value, …]}, numbers in the unit that label_units names). Frames carry function, file
// and line whatever the granularity; those without a function also module and address.
void WriteTracesJson(const report::Selection& selection, Output& out);
// tidemark.tags/1: key, value (text or number), unit (null for text), flat.
void WriteTagsJson(const report::Selection& selection, const std::vector<report::TagKey>& tags,
                   Output& out);
// tidemark.list/1: function, file, line, source, flat, cum, for each line that text would show;
// source is null where the file cannot be read.
void WriteListJson(const report::Selection& selection, const report::SourceListing& listing,
                   report::SourceReader& reader, Output& out);
// tidemark.disasm/1: routine, symbol (the raw name), module, address, instruction, function,
// file, line, flat, cum.
void WriteDisassemblyJson(const report::Selection& selection,
                          const report::Disassembly& disassembly, Output& out);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_LISTING_JSON_H_
