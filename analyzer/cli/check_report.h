// What `check` says, for people and for programs; as SARIF see sarif_writer.h.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_CHECK_REPORT_H_
#define TIDEMARK_ANALYZER_CLI_CHECK_REPORT_H_

#include <string>

#include "analyzer/cli/json_writer.h"
#include "analyzer/leaks/gate.h"

namespace tidemark::cli {

// "5 %", "1MB".
std::string LimitText(const leaks::GrowthLimit& limit, const std::string& unit);

// The first line says PASS or FAIL and why.
std::string CheckText(const leaks::GateResult& result);

// {base, now, delta, delta_ci, base_samples, samples}
Json GrowthJson(const leaks::GateGrowth& growth);
// Schema tidemark.check/1: the contract is in the man page.
std::string CheckJson(const leaks::GateResult& result);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_CHECK_REPORT_H_
