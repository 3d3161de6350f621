// Quantities as options of the command line take them.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_QUANTITIES_H_
#define TIDEMARK_ANALYZER_CLI_QUANTITIES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::cli {

// "524288", "512K", "1M", "2G" (binary units, either case), 1 to 2^40: what libtidemark.so
// accepts. Nothing for any other text.
std::optional<uint64_t> ParseBytes(absl::string_view text);

// What a person writes for an amount of memory: the same, with the unit also as KiB, MiB, GiB,
// TiB, KB… (all binary) or B, and with a fraction: "1.5GiB". Up to 2^60.
std::optional<int64_t> ParseSize(absl::string_view text);

// Validators as CLI11 wants them: the error, or empty for a good value.
std::string CheckBytes(const std::string& text);
std::string CheckSize(const std::string& text);
std::string CheckRate(const std::string& text);      // bytes, or exact
std::string CheckInterval(const std::string& text);  // seconds
std::string CheckChildren(const std::string& text);  // all, none or a pattern of file names
// The same, made for a range: CLI11's own say it in more digits than anybody reads.
using Check = std::function<std::string(const std::string&)>;
Check CheckWhole(int64_t least, int64_t most = INT64_MAX);
Check CheckNumber(double least, double most);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_QUANTITIES_H_
