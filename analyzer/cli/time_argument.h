// Moments as options of the command line take them: --since, --until, --mark.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_TIME_ARGUMENT_H_
#define TIDEMARK_ANALYZER_CLI_TIME_ARGUMENT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::cli {

// A moment, still relative to what is only known once the snapshots are open.
struct Moment {
  enum class From { kEpoch, kBegin, kEnd };  // kBegin: of the recording; kEnd: newest snapshot
  From from = From::kEpoch;
  int64_t ns = 0;

  int64_t Resolve(int64_t begin_ns, int64_t end_ns) const;
};

// "2026-11-30T10:00", with or without seconds and zone ("Z", "+01:00"; without: local time),
// a space for the T, or the day alone; "@1764496800" seconds since the epoch; "+10m" after the
// recording began; "-1h30m" before the newest snapshot. Nothing for any other text.
std::optional<Moment> ParseMoment(absl::string_view text);

// A validator as CLI11 wants it: the error, or empty for a good value.
std::string CheckMoment(const std::string& text);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_TIME_ARGUMENT_H_
