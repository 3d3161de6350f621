#include "analyzer/cli/sarif_writer.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/cli/check_report.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/leaks/site_pairs.h"

namespace tidemark::cli {
namespace {

using leaks::GateFinding;
using leaks::GateResult;
using leaks::GateRule;

constexpr absl::string_view kSourceRoot = "%SRCROOT%";

// In the order of GateRule.
struct RuleText {
  GateRule rule;
  const char* name;
  const char* short_description;
  const char* full_description;
};
constexpr RuleText kRules[] = {
    {GateRule::kMaxGrowth, "TotalGrowth", "The program holds more memory than its base.",
     "All that is live in the profile together exceeds what is live in the base profile by more "
     "than the limit, beyond what the chance of sampling explains (0.25 %)."},
    {GateRule::kMaxSiteGrowth, "SiteGrowth", "An allocation site holds more memory than before.",
     "What the function allocated and is still live exceeds what it held in the base profile by "
     "more than the limit, beyond what the chance of sampling explains, all sites considered."},
    {GateRule::kNoNewLeaks, "NewLeak",
     "An allocation site is a leak or a suspect that the base did not have.",
     "The function keeps what it allocates: judged by its survivors, it is worse than in the base "
     "profile (where it may not be at all), and it holds more, beyond what the chance of sampling "
     "explains, all sites considered."},
};

// Braces are placeholders in a SARIF message; compilers write {lambda()#1}.
Json Message(absl::string_view text) {
  return Json{{"text", absl::StrReplaceAll(text, {{"{", "<"}, {"}", ">"}})}};
}

// FNV-1a: the same on every machine and in every version.
uint64_t StableHash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Of the rule and what a site is in both builds: neither line nor address.
std::string IdentityOf(const GateFinding& finding) {
  std::string what = Name(finding.rule);
  if (finding.site) {
    absl::StrAppend(&what, "\n", leaks::WithoutCloneSuffix(finding.site->function), "\n",
                    leaks::BaseName(finding.site->file), "\n",
                    leaks::BaseName(finding.site->module));
    if (finding.site->function.empty()) absl::StrAppend(&what, "\n", finding.site->module_offset);
  }
  return what;
}

class Writer {
 public:
  Writer(const GateResult& result, SourceTree& sources) : result_(result), sources_(sources) {
    for (const GateFinding& finding : result.findings) {
      if (finding.site) lines_[IdentityOf(finding)].insert(finding.site->line);
    }
  }

  Json Document() {
    Json results = Json::array();
    for (const GateFinding& finding : result_.findings) {
      if (results.size() == kMostSarifResults) break;
      results.push_back(Result(finding));
    }
    const Json run{
        {"tool",
         {{"driver", {{"name", "Tidemark"}, {"version", TIDEMARK_VERSION}, {"rules", Rules()}}}}},
        {"invocations", Json::array({Invocation()})},
        {"originalUriBaseIds",
         {{kSourceRoot, {{"uri", absl::StrCat("file://", UriPath(sources_.root()))}}}}},
        {"columnKind", "utf16CodeUnits"},
        {"results", std::move(results)},
        {"properties",
         {{"sampleType", result_.sample_type},
          {"unit", result_.unit},
          {"total", GrowthJson(result_.total)}}}};
    return Json{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                {"version", "2.1.0"},
                {"runs", Json::array({run})}};
  }

 private:
  static Json Rules() {
    Json rules = Json::array();
    for (const RuleText& rule : kRules) {
      rules.push_back(Json{{"id", Name(rule.rule)},
                           {"name", rule.name},
                           {"shortDescription", {{"text", rule.short_description}}},
                           {"fullDescription", {{"text", rule.full_description}}},
                           {"help", {{"text", rule.full_description}}},
                           {"defaultConfiguration", {{"level", "error"}}},
                           {"properties",
                            {{"tags", {"memory", "performance"}},
                             {"precision", "very-high"},
                             {"problem.severity", "error"}}}});
    }
    return rules;
  }

  Json Invocation() const {
    Json notifications = Json::array();
    for (const std::string& note : result_.notes) {
      notifications.push_back(Json{{"level", "note"}, {"message", Message(note)}});
    }
    if (result_.findings.size() > kMostSarifResults) {
      notifications.push_back(
          Json{{"level", "warning"},
               {"message", Message(absl::StrCat(result_.findings.size(), " findings, of which ",
                                                kMostSarifResults, " are listed"))}});
    }
    return Json{{"executionSuccessful", true},
                {"exitCode", result_.passed() ? 0 : 1},
                {"toolExecutionNotifications", std::move(notifications)}};
  }

  // Where a frame is: in the tree, else in some other file, else (absent) nowhere.
  std::optional<Json> Place(const report::Frame& frame) {
    const std::optional<std::string> source = sources_.Find(frame.file);
    Json artifact;
    if (source) {
      artifact = Json{{"uri", UriPath(*source)}, {"uriBaseId", kSourceRoot}};
    } else if (absl::StartsWith(frame.file, "/")) {
      artifact = Json{{"uri", absl::StrCat("file://", UriPath(frame.file))}};
    } else {
      return std::nullopt;
    }
    Json place{{"artifactLocation", std::move(artifact)}};
    if (frame.line > 0) place["region"] = Json{{"startLine", frame.line}};
    return place;
  }

  Json Location(const report::Frame& frame) {
    Json location = Json::object();
    if (std::optional<Json> place = Place(frame)) location["physicalLocation"] = *std::move(place);
    report::Frame function = frame;
    function.file.clear();
    function.line = 0;
    const std::string name = report::ToString(function);
    location["logicalLocations"] =
        Json::array({Json{{"fullyQualifiedName", name}, {"kind", "function"}}});
    return location;
  }

  // The site's line; where that is in no file of the tree, the nearest caller's that is; else
  // whatever is known, for a result without a place is not shown.
  Json PrimaryLocation(const GateFinding& finding) {
    for (size_t i = finding.site_frame; i < finding.stack.size(); ++i) {
      if (sources_.Find(finding.stack[i].file)) return Location(finding.stack[i]);
    }
    const report::Frame frame =
        finding.stack.empty() ? report::Frame() : finding.stack[finding.site_frame];
    Json location = Location(frame);
    if (!location.contains("physicalLocation")) {
      const std::string file = frame.file.empty() ? frame.module : frame.file;
      const std::string uri = absl::StartsWith(file, "/")
                                  ? absl::StrCat("file://", UriPath(file))
                                  : UriPath(file.empty() ? "unknown" : file);
      location["physicalLocation"] =
          Json{{"artifactLocation", {{"uri", uri}}},
               {"region", {{"startLine", std::max<int64_t>(1, frame.line)}}}};
    }
    return location;
  }

  Json Stack(const GateFinding& finding) {
    Json frames = Json::array();
    for (const report::Frame& frame : finding.stack) {
      Json json{{"location", Location(frame)}};
      if (!frame.module.empty()) json["module"] = std::string(leaks::BaseName(frame.module));
      frames.push_back(std::move(json));
    }
    return Json{{"message", {{"text", "The allocation that holds most, innermost call first."}}},
                {"frames", std::move(frames)}};
  }

  // The same as a path through the sources, from the outermost call: what GitHub shows.
  Json Flow(const GateFinding& finding) {
    Json steps = Json::array();
    for (size_t i = finding.stack.size(); i-- > finding.site_frame;) {
      const report::Frame& frame = finding.stack[i];
      if (!sources_.Find(frame.file) || frame.line <= 0) continue;
      Json location = Location(frame);
      location["message"] = Message(classify::ShortFunctionName(frame.function));
      steps.push_back(Json{{"location", std::move(location)}});
    }
    return steps;
  }

  Json Result(const GateFinding& finding) {
    std::string text = finding.message;
    if (finding.site) {
      report::Frame name = *finding.site;
      name.function = classify::ShortFunctionName(name.function);
      name.file.clear();
      text = absl::StrCat(report::ToString(name), ": ", text);
    }
    Json result{{"ruleId", Name(finding.rule)},
                {"ruleIndex", static_cast<int>(finding.rule)},
                {"level", "error"},
                {"message", Message(text)},
                {"locations", Json::array({PrimaryLocation(finding)})},
                {"partialFingerprints", {{"tidemarkSite/v1", Fingerprint(finding)}}}};
    if (!finding.stack.empty()) result["stacks"] = Json::array({Stack(finding)});
    if (Json steps = Flow(finding); steps.size() > 1) {
      result["codeFlows"] = Json::array(
          {Json{{"threadFlows", Json::array({Json{{"locations", std::move(steps)}}})}}});
    }
    Json properties = GrowthJson(finding.growth);
    properties["limit"] = finding.limit;
    properties["container"] = ContainerJson(finding.container);
    result["properties"] = std::move(properties);
    return result;
  }

  // Of several in one function their order tells.
  std::string Fingerprint(const GateFinding& finding) const {
    std::string what = IdentityOf(finding);
    if (finding.site) {
      const std::set<int64_t>& lines = lines_.at(what);
      const auto before = std::distance(lines.begin(), lines.find(finding.site->line));
      if (before > 0) absl::StrAppend(&what, "\n", before);
    }
    return absl::StrFormat("%016x", StableHash(what));
  }

  const GateResult& result_;
  SourceTree& sources_;
  std::map<std::string, std::set<int64_t>> lines_;  // of findings that are else the same
};

}  // namespace

SourceTree::SourceTree(const std::string& root) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(root, error);
  if (error) path = std::filesystem::absolute(root, error);
  root_ = path.lexically_normal().string();
  if (!absl::EndsWith(root_, "/")) root_ += '/';
}

std::optional<std::string> SourceTree::Find(const std::string& path) {
  if (path.empty()) return std::nullopt;
  const auto [it, inserted] = found_.try_emplace(path);
  if (inserted) it->second = Look(path);
  return it->second;
}

std::optional<std::string> SourceTree::Look(const std::string& path) const {
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  absl::string_view rest = normal;
  if (absl::ConsumePrefix(&rest, root_)) return std::string(rest);
  // A system's headers and sources are not in the tree, whatever they are called.
  if (absl::StartsWith(normal, "/usr/")) return std::nullopt;
  rest = absl::StripPrefix(normal, "/");
  while (!rest.empty()) {
    std::error_code error;
    if (!absl::StartsWith(rest, "../") &&
        std::filesystem::is_regular_file(absl::StrCat(root_, rest), error)) {
      return std::string(rest);
    }
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos) return std::nullopt;
    rest.remove_prefix(slash + 1);
  }
  return std::nullopt;
}

std::string UriPath(absl::string_view path) {
  std::string uri;
  for (const char c : path) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::string_view("-._~/").find(c) != absl::string_view::npos) {
      uri += c;
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::string CheckSarif(const GateResult& result, SourceTree& sources) {
  return DumpDocument(Writer(result, sources).Document());
}

}  // namespace tidemark::cli
