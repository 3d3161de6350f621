#include "analyzer/cli/leaks_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/base/rounding.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/site_text.h"
#include "analyzer/leaks/wording.h"

namespace tidemark::cli {
namespace {

// Below a finding's rank and verdict.
constexpr const char* kIndent = "               ";
constexpr size_t kShownCallers = 3;
constexpr size_t kShownGenerations = 3;
constexpr size_t kShownAdvice = 2;  // json has all
// Of a generation that holds less of a site there is nothing to say.
constexpr double kShownShare = 0.005;

using leaks::Seconds;

std::string Bytes(int64_t value) { return FormatValue(value, "bytes"); }
std::string Bytes(double value) { return leaks::Bytes(value); }

std::string LiveText(const leaks::Finding& f) {
  std::string text = absl::StrCat(Bytes(f.live_bytes), " live");
  if (f.live_ci && f.live_ci->high > f.live_ci->low) {
    absl::StrAppend(&text, " (", Bytes(f.live_ci->low), " to ", Bytes(f.live_ci->high), ")");
  }
  absl::StrAppend(&text, " in ", f.live_objects, f.live_objects == 1 ? " block" : " blocks");
  return text;
}

// "; since the oldest snapshot 12MB allocated, 3MB freed"
std::string FlowsText(const leaks::Finding& f) {
  if (!f.flows || f.verdict > leaks::Verdict::kSuspect) return "";
  std::string text = absl::StrCat("; since the oldest snapshot ", Bytes(f.flows->allocated),
                                  " allocated, ", Bytes(f.flows->freed), " freed");
  return text;
}

std::string TimeLeftText(const leaks::TimeLeft& left) {
  std::string text = absl::StrCat(Seconds(left.seconds), " (", Seconds(left.low_s), " to ");
  absl::StrAppend(&text, left.high_s ? Seconds(*left.high_s) : "never", ")");
  return text;
}

// "called from A x.cc:3 62 %, B 30 %"
std::string CallersText(const leaks::Finding& f) {
  if (f.callers.empty() || f.live_bytes <= 0) return "";
  std::vector<std::string> parts;
  for (const leaks::CallerShare& caller : f.callers) {
    if (parts.size() == kShownCallers) break;
    const double share = static_cast<double>(caller.live_bytes) / static_cast<double>(f.live_bytes);
    parts.push_back(absl::StrFormat("%s %.0f %%", SiteText(caller.frame), 100 * share));
  }
  return absl::StrCat("called from ", absl::StrJoin(parts, ", "));
}

std::string GenerationText(const leaks::Generation& generation) {
  std::string bytes =
      generation.live_bytes
          ? absl::StrCat(Bytes(*generation.live_bytes), " (", Bytes(generation.live_ci.low), " to ",
                         Bytes(generation.live_ci.high), ")")
          : absl::StrCat(Bytes(generation.live_ci.low), " to ", Bytes(generation.live_ci.high));
  return absl::StrCat(Seconds(generation.begin_s), "-", Seconds(generation.end_s), ": ", bytes);
}

// The generations of which most is left, in one line.
std::string GenerationsText(const leaks::Finding& f) {
  std::vector<leaks::Generation> most;
  for (const leaks::Generation& generation : f.generations) {
    if (generation.live_ci.high >= kShownShare * static_cast<double>(f.live_bytes)) {
      most.push_back(generation);
    }
  }
  const auto weight = [](const leaks::Generation& generation) {
    return generation.live_bytes ? static_cast<double>(*generation.live_bytes)
                                 : generation.live_ci.low;
  };
  std::stable_sort(most.begin(), most.end(),
                   [&](const auto& a, const auto& b) { return weight(a) > weight(b); });
  if (most.size() > kShownGenerations) most.resize(kShownGenerations);
  std::vector<std::string> parts;
  for (const leaks::Generation& generation : most) parts.push_back(GenerationText(generation));
  return parts.empty() ? "" : absl::StrCat("still live of ", absl::StrJoin(parts, ", "));
}

void AddLine(std::string& text, const std::string& line) {
  if (!line.empty()) absl::StrAppend(&text, kIndent, line, "\n");
}

std::string FindingText(const leaks::Finding& f) {
  std::string text =
      absl::StrFormat("%3d. %-9s %s\n", f.rank, leaks::Name(f.verdict), SiteText(f.site));
  AddLine(text, ContainerText(f.container));
  AddLine(text, LiveText(f) + FlowsText(f));
  AddLine(text, f.reason);
  if (f.time_left) {
    AddLine(text, absl::StrCat("alone it fills what is left in ", TimeLeftText(*f.time_left)));
  }
  AddLine(text, GenerationsText(f));
  AddLine(text, CallersText(f));
  for (size_t i = 0; i < std::min(kShownAdvice, f.advice.size()); ++i) {
    AddLine(text, absl::StrCat("advice: ", f.advice[i].text));
  }
  return text;
}

std::string ProjectionText(const leaks::Projection& projection) {
  const char* const used = projection.is_resident ? "resident" : "live heap";
  std::string text = absl::StrCat("limit ", Bytes(projection.limit_bytes),
                                  projection.is_cgroup ? " (the cgroup's), " : ", ",
                                  Bytes(projection.used_bytes), " ", used);
  if (projection.left_bytes() <= 0) {
    absl::StrAppend(&text, ": reached");
  } else if (projection.time_left) {
    absl::StrAppend(&text, ": reached in ", TimeLeftText(*projection.time_left),
                    " if it goes on like this");
  } else if (projection.grew_in_one_step) {
    absl::StrAppend(&text, ": grew in one step, which has no pace");
  } else if (projection.has_paused) {
    absl::StrAppend(&text, ": hardly grew in the last quarter, which leaves no pace");
  } else if (projection.growth_bytes_per_s) {
    absl::StrAppend(&text, *projection.growth_bytes_per_s > 0 ? ": not within a hundred years"
                                                              : ": not growing");
  } else {
    absl::StrAppend(&text, ": when it is reached takes three snapshots with times to say");
  }
  return text + "\n";
}

}  // namespace

std::string LeaksText(const leaks::Ranking& ranking, size_t total_findings) {
  const size_t n = ranking.times_ns.size();
  std::string text = absl::StrCat(Bytes(ranking.total_live_bytes), " live, ", total_findings,
                                  total_findings == 1 ? " site, " : " sites, ", n,
                                  n == 1 ? " snapshot" : " snapshots");
  const int64_t span_ns = SaturatingDifference(ranking.times_ns.back(), ranking.times_ns.front());
  if (n > 1 && span_ns > 0) {
    absl::StrAppend(&text, " over ", FormatValue(span_ns, "nanoseconds"));
  }
  text += "; intervals are 95 %\n";
  if (ranking.projection) text += ProjectionText(*ranking.projection);
  if (!ranking.generations.empty()) text += "generations, by what is still live of each:\n";
  for (const leaks::Generation& generation : ranking.generations) {
    absl::StrAppend(&text, "  ", GenerationText(generation), "\n");
  }
  for (const std::string& note : ranking.notes) absl::StrAppend(&text, "note: ", note, "\n");
  text += "\n";
  for (const leaks::Finding& f : ranking.findings) text += FindingText(f);
  if (ranking.findings.size() < total_findings) {
    absl::StrAppend(&text, "\n", total_findings - ranking.findings.size(),
                    " more (--nodecount 0 shows all)\n");
  }
  return text;
}

}  // namespace tidemark::cli
