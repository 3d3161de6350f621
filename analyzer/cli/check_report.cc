#include "analyzer/cli/check_report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/base/rounding.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/site_text.h"

namespace tidemark::cli {
namespace {

using leaks::GateFinding;
using leaks::GateGrowth;
using leaks::GateResult;
using leaks::GateRule;
using leaks::GrowthLimit;

// Frames of a finding's stack that are shown, from the site outwards.
constexpr size_t kShownFrames = 6;

// What a limit was set for, and how often it was exceeded: "2 sites grew by more than 1MB".
std::string FailureText(const GateResult& result) {
  std::vector<std::string> parts;
  const auto count = [&](GateRule rule) {
    return std::count_if(result.findings.begin(), result.findings.end(),
                         [&](const GateFinding& finding) { return finding.rule == rule; });
  };
  if (count(GateRule::kMaxGrowth) > 0) {
    parts.push_back(absl::StrCat("the total grew by more than ",
                                 LimitText(*result.policy.max_growth, result.unit)));
  }
  if (const auto n = count(GateRule::kMaxSiteGrowth); n > 0) {
    parts.push_back(absl::StrCat(n, n == 1 ? " site" : " sites", " grew by more than ",
                                 LimitText(*result.policy.max_site_growth, result.unit)));
  }
  for (const leaks::Verdict verdict : {leaks::Verdict::kLeak, leaks::Verdict::kSuspect}) {
    const auto n =
        std::count_if(result.findings.begin(), result.findings.end(),
                      [&](const GateFinding& finding) { return finding.verdict == verdict; });
    if (n > 0) parts.push_back(absl::StrCat(n, " new ", leaks::Name(verdict), n == 1 ? "" : "s"));
  }
  return absl::StrJoin(parts, "; ");
}

std::string PolicyText(const GateResult& result) {
  std::vector<std::string> parts;
  if (result.policy.max_growth) {
    parts.push_back(absl::StrCat(LimitText(*result.policy.max_growth, result.unit), " in all"));
  }
  if (result.policy.max_site_growth) {
    parts.push_back(
        absl::StrCat(LimitText(*result.policy.max_site_growth, result.unit), " for each site"));
  }
  if (result.policy.no_new_leaks) parts.push_back("no new leaks or suspects");
  return absl::StrJoin(parts, ", ");
}

std::string TotalText(const GateResult& result) {
  const GateGrowth& total = result.total;
  std::string text =
      absl::StrCat(result.sample_type, ": ", FormatValue(total.base, result.unit), " in the base, ",
                   FormatValue(total.now, result.unit), " now, ", total.delta > 0 ? "+" : "",
                   FormatValue(total.delta, result.unit));
  if (total.delta_ci && total.delta_ci->high > total.delta_ci->low) {
    absl::StrAppend(&text, " (95 %: ", FormatValue(Rounded(total.delta_ci->low), result.unit),
                    " to ", FormatValue(Rounded(total.delta_ci->high), result.unit), ")");
  }
  return text;
}

// One site may break several rules: what was said of it just before is not said again.
std::string FindingText(const GateFinding& finding, size_t number, const GateFinding* before) {
  constexpr const char* kIndent = "      ";
  std::string text = absl::StrFormat("%3d. %s", number, Name(finding.rule));
  if (finding.site) absl::StrAppend(&text, ": ", SiteText(*finding.site));
  absl::StrAppend(&text, "\n", kIndent, finding.message, "\n");
  if (finding.container && (before == nullptr || before->container != finding.container)) {
    absl::StrAppend(&text, kIndent, ContainerText(finding.container), "\n");
  }
  if (before != nullptr && before->stack == finding.stack) return text;
  const size_t end = std::min(finding.stack.size(), finding.site_frame + kShownFrames);
  for (size_t i = finding.site_frame; i < end; ++i) {
    absl::StrAppend(&text, kIndent, "  ", SiteText(finding.stack[i]), "\n");
  }
  if (end < finding.stack.size()) absl::StrAppend(&text, kIndent, "  ...\n");
  return text;
}

Json LimitJson(const std::optional<GrowthLimit>& limit) {
  if (!limit) return Json();
  const bool is_share = limit->kind == GrowthLimit::Kind::kShare;
  return Json{{"share", is_share ? Json(limit->value) : Json()},
              {"amount", is_share ? Json() : Json(Rounded(limit->value))}};
}

}  // namespace

std::string LimitText(const GrowthLimit& limit, const std::string& unit) {
  if (limit.kind == GrowthLimit::Kind::kShare) return absl::StrFormat("%g %%", limit.value * 100);
  return FormatValue(Rounded(limit.value), unit);
}

std::string CheckText(const GateResult& result) {
  std::string text;
  if (!result.passed()) {
    text = absl::StrCat("FAIL: ", FailureText(result), "\n");
  } else {
    text =
        absl::StrCat(result.undecided ? "PASS: no sure growth beyond the limits, but see the notes"
                                      : "PASS: no growth beyond the limits",
                     " (", PolicyText(result), ")\n");
  }
  absl::StrAppend(&text, TotalText(result), "\n");
  for (const std::string& note : result.notes) absl::StrAppend(&text, "note: ", note, "\n");
  if (!result.passed()) text += "\n";
  const GateFinding* before = nullptr;
  size_t number = 0;
  for (const GateFinding& finding : result.findings) {
    text += FindingText(finding, ++number, before);
    before = &finding;
  }
  return text;
}

Json GrowthJson(const GateGrowth& growth) {
  Json interval;
  if (growth.delta_ci) {
    interval = Json{Rounded(growth.delta_ci->low), Rounded(growth.delta_ci->high)};
  }
  return Json{{"base", growth.base},
              {"now", growth.now},
              {"delta", growth.delta},
              {"delta_ci", interval},
              {"base_samples", growth.base_samples},
              {"samples", growth.samples}};
}

std::string CheckJson(const GateResult& result) {
  Json findings = Json::array();
  for (const GateFinding& f : result.findings) {
    const Json growth = GrowthJson(f.growth);
    findings.push_back(Json{{"rule", Name(f.rule)},
                            {"message", f.message},
                            {"site", f.site ? SiteJson(*f.site) : Json()},
                            {"container", ContainerJson(f.container)},
                            {"base_bytes", growth["base"]},
                            {"bytes", growth["now"]},
                            {"delta_bytes", growth["delta"]},
                            {"delta_ci", growth["delta_ci"]},
                            {"limit_bytes", Rounded(f.limit)},
                            {"base_samples", growth["base_samples"]},
                            {"samples", growth["samples"]},
                            {"stack", FramesJson(f.stack)}});
  }
  const Json document{{"schema", "tidemark.check/1"},
                      {"verdict", result.passed() ? "pass" : "fail"},
                      {"sample_type", TextOrNull(result.sample_type)},
                      {"unit", TextOrNull(result.unit)},
                      {"limits",
                       {{"max_growth", LimitJson(result.policy.max_growth)},
                        {"max_site_growth", LimitJson(result.policy.max_site_growth)},
                        {"no_new_leaks", result.policy.no_new_leaks}}},
                      {"total", GrowthJson(result.total)},
                      {"findings", findings},
                      {"notes", result.notes}};
  return DumpDocument(document);
}

}  // namespace tidemark::cli
