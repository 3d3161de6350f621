// A call graph in Callgrind's profile format, for KCachegrind and callgrind_annotate: pprof's
// -callgrind. Format: https://valgrind.org/docs/manual/cl-format.html
//
// Thread class: a free function; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_CALLGRIND_H_
#define TIDEMARK_ANALYZER_REPORT_CALLGRIND_H_

#include <string>

#include "analyzer/report/selection.h"

namespace tidemark::report {

// Values are whole numbers in the unit of the smallest, or in the one that the options name.
// Everything is written, whatever the options say of trimming. call_tree gives functions a
// number for each path that leads to them. REQUIRES: granularity addresses, which is what
// tells call sites apart.
std::string Callgrind(const Selection& selection);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_CALLGRIND_H_
