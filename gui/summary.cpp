#include "gui/summary.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "gui/format.h"

namespace tidemark::gui {
namespace {

std::optional<qint64> toNumber(absl::string_view value) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(value, &number)) return std::nullopt;
  return number;
}

void apply(Summary& summary, absl::string_view key, absl::string_view value) {
  if (absl::ConsumePrefix(&key, "loss.")) {
    const std::optional<qint64> count = toNumber(value);
    if (count && *count > 0) summary.losses.emplace_back(toQString(key), *count);
  } else if (key == "version") {
    summary.version = toQString(value);
  } else if (key == "command_line") {
    summary.commandLine = toQString(value);
  } else if (key == "reason") {
    summary.reason = toQString(value);
  } else if (key == "mode") {
    summary.exact = value == "exact";
  } else if (key == "pid") {
    summary.pid = toNumber(value);
  } else if (key == "rate_bytes") {
    summary.rateBytes = toNumber(value);
  } else if (key == "samples") {
    summary.samples = toNumber(value);
  } else if (key == "live_samples") {
    summary.liveSamples = toNumber(value);
  } else if (key == "live_bytes") {
    summary.liveBytes = toNumber(value);
  } else if (key == "truncated_samples") {
    summary.truncatedSamples = toNumber(value);
  } else if (key == "rss_bytes") {
    summary.rssBytes = toNumber(value);
  } else if (key == "anonymous_bytes") {
    summary.anonymousBytes = toNumber(value);
  }
}

}  // namespace

Summary summarize(const Profile& profile) {
  Summary summary;
  for (const StringId id : profile.comments()) {
    absl::string_view comment = profile.string(id);
    if (!absl::ConsumePrefix(&comment, "tidemark.")) continue;
    const size_t equals = comment.find('=');
    if (equals == absl::string_view::npos) continue;
    apply(summary, comment.substr(0, equals), comment.substr(equals + 1));
  }
  return summary;
}

LiveEstimate estimateLive(const leaks::Ranking& ranking) {
  LiveEstimate estimate;
  estimate.bytes = static_cast<double>(ranking.total_live_bytes);
  double squares = 0;
  bool known = false;
  for (const leaks::Finding& finding : ranking.findings) {
    if (!finding.live_ci) continue;
    const double half = (finding.live_ci->high - finding.live_ci->low) / 2;
    squares += half * half;
    known = true;
  }
  if (known) estimate.error = std::sqrt(squares);
  return estimate;
}

}  // namespace tidemark::gui
