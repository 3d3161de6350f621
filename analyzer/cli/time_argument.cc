#include "analyzer/cli/time_argument.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tidemark::cli {
namespace {

// absl's durations, and days.
std::optional<int64_t> ParseSpan(absl::string_view text) {
  absl::Duration days = absl::ZeroDuration();
  const size_t day = text.find('d');
  if (day != absl::string_view::npos) {
    double count = 0;
    if (!absl::SimpleAtod(text.substr(0, day), &count) || count < 0) return std::nullopt;
    days = 24 * count * absl::Hours(1);
    text.remove_prefix(day + 1);
  }
  absl::Duration rest = absl::ZeroDuration();
  if (!text.empty() && (!absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
                        !absl::ParseDuration(std::string(text), &rest))) {
    return std::nullopt;
  }
  if (days + rest > 24 * 36500 * absl::Hours(1)) return std::nullopt;
  return absl::ToInt64Nanoseconds(days + rest);
}

std::optional<int64_t> ParseClock(const std::string& text) {
  absl::Time time;
  for (const char* format : {"%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d%ET%H:%M%Ez",
                             "%Y-%m-%d %H:%M:%E*S%Ez", "%Y-%m-%d %H:%M%Ez"}) {
    if (absl::ParseTime(format, text, &time, nullptr)) return absl::ToUnixNanos(time);
  }
  for (const char* format : {"%Y-%m-%d%ET%H:%M:%E*S", "%Y-%m-%d%ET%H:%M", "%Y-%m-%d %H:%M:%E*S",
                             "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, absl::LocalTimeZone(), &time, nullptr)) {
      return absl::ToUnixNanos(time);
    }
  }
  return std::nullopt;
}

}  // namespace

int64_t Moment::Resolve(int64_t begin_ns, int64_t end_ns) const {
  if (from == From::kBegin) return begin_ns + ns;
  if (from == From::kEnd) return end_ns + ns;
  return ns;
}

std::optional<Moment> ParseMoment(absl::string_view text) {
  if (text.size() < 2) return std::nullopt;
  if (text[0] == '+' || text[0] == '-') {
    const std::optional<int64_t> span = ParseSpan(text.substr(1));
    if (!span) return std::nullopt;
    if (text[0] == '+') return Moment{Moment::From::kBegin, *span};
    return Moment{Moment::From::kEnd, -*span};
  }
  if (text[0] == '@') {
    double seconds = 0;
    constexpr double kMost = 9e9;
    if (!absl::SimpleAtod(text.substr(1), &seconds) || !(seconds >= 0) || seconds > kMost) {
      return std::nullopt;
    }
    return Moment{Moment::From::kEpoch, static_cast<int64_t>(seconds * 1e9)};
  }
  const std::optional<int64_t> clock = ParseClock(std::string(text));
  if (!clock) return std::nullopt;
  return Moment{Moment::From::kEpoch, *clock};
}

std::string CheckMoment(const std::string& text) {
  if (ParseMoment(text).has_value()) return "";
  return absl::StrCat("\"", text, "\" is no moment such as 2026-11-30T10:00, @1764496800, +10m ",
                      "(after the recording began) or -1h (before the newest snapshot)");
}

}  // namespace tidemark::cli
