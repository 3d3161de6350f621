// leaks, escape.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/units.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/classify/rule_file.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/escape/path_graph.h"
#include "analyzer/io/url.h"
#include "analyzer/leaks/ranking.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

constexpr size_t kShownFindings = 10;

// A directory stands for the profiles in it; their own times order them later.
absl::StatusOr<std::vector<std::string>> ExpandDirectories(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    std::filesystem::directory_iterator entry(path, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      std::string name = entry->path().string();
      if (absl::EndsWith(name, ".pb.gz")) found.push_back(std::move(name));
    }
    if (error) {
      return absl::PermissionDeniedError(
          absl::StrCat("reading the directory: ", error.message(), " (where: ", path, ")"));
    }
    if (found.empty()) {
      return absl::NotFoundError(
          absl::StrCat("no profiles: the directory has no *.pb.gz (where: ", path, ")"));
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

// ---- JSON

Json RealInterval(const std::optional<leaks::Interval>& interval) {
  if (!interval) return Json();
  return Json{std::llround(interval->low), std::llround(interval->high)};
}

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json SiteJson(const report::Frame& frame) {
  Json json = FrameJson(frame);
  return Json{{"function", json["function"]},
              {"file", json["file"]},
              {"line", json["line"]},
              {"module", json["module"]},
              {"address", json["address"]}};
}

Json ContainerJson(const std::optional<Container>& container) {
  if (!container) return Json();
  return Json{{"kind", Name(container->kind)},
              {"type", TextOrNull(container->type)},
              {"element", TextOrNull(container->element)},
              {"operation", TextOrNull(Name(container->operation))},
              {"evidence", Name(container->evidence)}};
}

Json FindingJson(const leaks::Finding& f) {
  Json json;
  json["rank"] = f.rank;
  json["verdict"] = leaks::Name(f.verdict);
  json["reason"] = f.reason;
  json["site"] = SiteJson(f.site);
  json["container"] = ContainerJson(f.container);
  json["live_bytes"] = f.live_bytes;
  json["live_ci"] = RealInterval(f.live_ci);
  json["live_objects"] = f.live_objects;
  json["delta_bytes"] = OrNull(f.delta_bytes);
  json["delta_ci"] = RealInterval(f.delta_ci);
  json["slope_bytes_per_hour"] =
      f.slope_bytes_per_hour ? Json(std::llround(*f.slope_bytes_per_hour)) : Json();
  json["slope_ci"] = RealInterval(f.slope_ci);
  json["samples"] = f.samples;
  json["series"] = f.series;
  json["stack"] = FramesJson(f.stack);
  return json;
}

std::string LeaksJson(const leaks::Ranking& ranking) {
  Json document =
      DocumentHead("tidemark.leaks/1", "inuse_space", "bytes", ranking.total_live_bytes);
  document["times_ns"] = ranking.times_ns;
  document["notes"] = ranking.notes;
  document["findings"] = Json::array();
  for (const leaks::Finding& f : ranking.findings) document["findings"].push_back(FindingJson(f));
  return DumpDocument(document);
}

const char* Name(escape::NodeRole role) {
  switch (role) {
    case escape::NodeRole::kAllocation:
      return "allocation";
    case escape::NodeRole::kContainer:
      return "container";
    case escape::NodeRole::kSite:
      return "site";
    case escape::NodeRole::kOutlived:
      return "frame";
    case escape::NodeRole::kEscapePoint:
      return "escape point";
    case escape::NodeRole::kOwner:
      return "owner";
  }
  return "";
}

Json EscapeSiteJson(const escape::EscapeSite& site) {
  Json json;
  json["site"] = SiteJson(site.site);
  json["container"] = ContainerJson(site.container);
  json["bytes"] = site.bytes;
  json["samples"] = site.samples;
  json["explanation"] = site.explanation;
  // Titles may repeat (recursion), so an edge also names its nodes by index.
  json["nodes"] = Json::array();
  for (const escape::Node& node : site.nodes) {
    json["nodes"].push_back(Json{{"role", Name(node.role)},
                                 {"title", node.title},
                                 {"detail", TextOrNull(node.detail)},
                                 {"bytes", node.bytes}});
  }
  json["edges"] = Json::array();
  for (const escape::Edge& edge : site.edges) {
    json["edges"].push_back(Json{{"from", site.nodes[edge.from].title},
                                 {"to", site.nodes[edge.to].title},
                                 {"from_node", edge.from},
                                 {"to_node", edge.to},
                                 {"how", edge.how},
                                 {"evidence", tidemark::Name(edge.evidence)},
                                 {"bytes", edge.bytes}});
  }
  json["escape_point"] = site.escape_point ? FrameJson(*site.escape_point) : Json();
  json["owner"] = site.owner;
  return json;
}

std::string EscapeJson(const std::vector<escape::EscapeSite>& sites) {
  int64_t total = 0;
  for (const escape::EscapeSite& site : sites) total += site.bytes;
  Json document = DocumentHead("tidemark.escape/1", "inuse_space", "bytes", total);
  document["sites"] = Json::array();
  for (const escape::EscapeSite& site : sites) document["sites"].push_back(EscapeSiteJson(site));
  return DumpDocument(document);
}

// ---- text

std::string Bytes(int64_t value) { return FormatValue(value, "bytes"); }

// A frame's function without what only a compiler needs, and its file without folders.
std::string SiteText(report::Frame frame) {
  frame.function = classify::ShortFunctionName(frame.function);
  frame.file = std::filesystem::path(frame.file).filename().string();
  return report::ToString(frame);
}

// "map std::map<int, S>"; "slice (inferred)" where the name is not known.
std::string Badge(const std::optional<Container>& container) {
  if (!container) return "";
  std::string badge = tidemark::Name(container->kind);
  if (!container->type.empty()) absl::StrAppend(&badge, " ", container->type);
  if (container->operation != Operation::kUnknown) {
    absl::StrAppend(&badge, ", ", ShownName(container->operation));
  }
  if (container->evidence == Evidence::kInferred) badge += " (inferred)";
  return badge;
}

std::string LiveText(const leaks::Finding& f) {
  std::string text = absl::StrCat(Bytes(f.live_bytes), " live");
  if (f.live_ci && f.live_ci->high > f.live_ci->low) {
    absl::StrAppend(&text, " (", Bytes(std::llround(f.live_ci->low)), " to ",
                    Bytes(std::llround(f.live_ci->high)), ")");
  }
  absl::StrAppend(&text, " in ", f.live_objects, f.live_objects == 1 ? " block" : " blocks");
  return text;
}

std::string FindingText(const leaks::Finding& f) {
  constexpr const char* kIndent = "              ";
  std::string text =
      absl::StrFormat("%3d. %-9s%s\n", f.rank, leaks::Name(f.verdict), SiteText(f.site));
  const std::string badge = Badge(f.container);
  if (!badge.empty()) absl::StrAppend(&text, kIndent, badge, "\n");
  absl::StrAppend(&text, kIndent, LiveText(f), "\n", kIndent, f.reason, "\n");
  return text;
}

std::string LeaksText(const leaks::Ranking& ranking, size_t total_findings) {
  const size_t n = ranking.times_ns.size();
  std::string text = absl::StrCat(Bytes(ranking.total_live_bytes), " live, ", total_findings,
                                  total_findings == 1 ? " site, " : " sites, ", n,
                                  n == 1 ? " snapshot" : " snapshots");
  const int64_t span_ns = ranking.times_ns.back() - ranking.times_ns.front();
  if (n > 1 && span_ns > 0) {
    absl::StrAppend(&text, " over ", FormatValue(span_ns, "nanoseconds"));
  }
  text += "; intervals are 95 %\n";
  for (const std::string& note : ranking.notes) absl::StrAppend(&text, "note: ", note, "\n");
  text += "\n";
  for (const leaks::Finding& f : ranking.findings) text += FindingText(f);
  if (ranking.findings.size() < total_findings) {
    absl::StrAppend(&text, "\n", total_findings - ranking.findings.size(),
                    " more (--nodecount 0 shows all)\n");
  }
  return text;
}

// What to run next on the worst site.
std::string NextStep(const leaks::Ranking& ranking, const std::vector<std::string>& files,
                     const std::vector<ProfilePtr>& snapshots) {
  if (ranking.findings.empty() || ranking.findings[0].verdict > leaks::Verdict::kSuspect) return "";
  for (size_t i = 0; i < files.size(); ++i) {
    if (snapshots[i]->time_ns() != ranking.times_ns.back()) continue;
    return absl::StrCat("\nwhy it stays: tidemark escape ", io::SourceName(files[i]), "\n");
  }
  return "";
}

std::string TitleText(const escape::Node& node) {
  if (node.frame.function.empty()) return node.title;
  return classify::ShortFunctionName(node.frame.function);
}

std::string EdgeText(const escape::EscapeSite& site, const escape::Edge& edge) {
  const escape::Node& to = site.nodes[edge.to];
  std::string what = TitleText(to);
  if (!to.frame.function.empty()) {
    what = SiteText(to.frame);
  } else if (!to.detail.empty()) {
    absl::StrAppend(&what, " (", to.detail, ")");
  }
  if (to.role == escape::NodeRole::kEscapePoint) what += "  <- escape point";
  return absl::StrFormat("     %-13s%8s  %-9s %s\n", edge.how, Bytes(edge.bytes),
                         tidemark::Name(edge.evidence), what);
}

std::string EscapeSiteText(const escape::EscapeSite& site, size_t rank) {
  std::string text = absl::StrFormat("%3d. %s\n", rank, SiteText(site.site));
  const std::string badge = Badge(site.container);
  if (!badge.empty()) absl::StrAppend(&text, "     ", badge, "\n");
  absl::StrAppend(&text, "     ", site.explanation, "\n\n");
  // Edges were added along each path, so consecutive ones continue each other; where a path
  // branches off, the node it leaves is named.
  std::optional<uint32_t> at;
  for (const escape::Edge& edge : site.edges) {
    if (at && *at != edge.from) {
      absl::StrAppend(&text, "     from ", TitleText(site.nodes[edge.from]), ":\n");
    }
    text += EdgeText(site, edge);
    // Several ways into the owner from one node need its name only once.
    at = site.nodes[edge.to].role == escape::NodeRole::kOwner ? edge.from : edge.to;
  }
  return text + "\n";
}

// ---- commands

struct LeaksArguments {
  std::vector<std::string> paths;
  std::optional<size_t> nodecount;
  Format format = Format::kText;
  Symbolization symbolize;
  io::FetchOptions fetch;
  std::string rules;
};

// In a command, what a function refuses is bad input, not wrong usage.
absl::Status AsInputError(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  return absl::FailedPreconditionError(status.message());
}

int RunLeaks(const LeaksArguments& arguments) {
  const auto files = ExpandDirectories(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  std::vector<std::vector<std::string>> one_each;
  for (const std::string& file : *files) one_each.push_back({file});
  const auto rules = classify::LoadRules(arguments.rules);
  if (!rules.ok()) return Fail(rules.status());
  auto opened = OpenMerged(one_each, arguments.fetch);
  if (!opened.ok()) return Fail(opened.status());
  std::vector<ProfilePtr> snapshots;
  for (ProfilePtr& raw : *opened) {
    auto profile = Prepare(std::move(raw), {.symbolize = arguments.symbolize, .rules = *rules});
    if (!profile.ok()) return Fail(profile.status());
    snapshots.push_back(*std::move(profile));
  }
  const auto ranked = leaks::Rank(snapshots, {});
  if (!ranked.ok()) return Fail(AsInputError(ranked.status()));
  leaks::Ranking ranking = *ranked;
  const size_t total = ranking.findings.size();
  const bool is_json = arguments.format == Format::kJson;
  const size_t limit = arguments.nodecount.value_or(is_json ? 0 : kShownFindings);
  if (limit != 0 && limit < total) ranking.findings.resize(limit);
  if (is_json) return Print(LeaksJson(ranking));
  return Print(LeaksText(ranking, total) + NextStep(ranking, *files, snapshots));
}

struct EscapeArguments {
  std::string file;
  std::string base;
  escape::Options options;
  Format format = Format::kText;
  Symbolization symbolize;
  io::FetchOptions fetch;
  std::string rules;
};

int RunEscape(const EscapeArguments& arguments) {
  const auto rules = classify::LoadRules(arguments.rules);
  if (!rules.ok()) return Fail(rules.status());
  const OpenOptions open{.symbolize = arguments.symbolize, .rules = *rules};
  std::vector<std::vector<std::string>> one_each = {{arguments.file}};
  if (!arguments.base.empty()) one_each.push_back({arguments.base});
  auto opened = OpenMerged(one_each, arguments.fetch);
  if (!opened.ok()) return Fail(opened.status());
  const auto profile = Prepare(std::move(opened->front()), open);
  if (!profile.ok()) return Fail(profile.status());
  escape::Options options = arguments.options;
  ProfilePtr base;
  if (opened->size() > 1) {
    auto prepared = Prepare(std::move(opened->back()), open);
    if (!prepared.ok()) return Fail(prepared.status());
    base = *std::move(prepared);
    options.base = base.get();
  }
  const auto sites = escape::FindEscapes(**profile, options);
  if (!sites.ok()) return Fail(sites.status());
  if (arguments.format == Format::kJson) return Print(EscapeJson(*sites));
  std::string text;
  for (size_t i = 0; i < sites->size(); ++i) text += EscapeSiteText((*sites)[i], i + 1);
  return Print(text.empty() ? "nothing is live\n" : text);
}

}  // namespace

void AddLeakCommands(CLI::App& app, int& exit_status) {
  CLI::App* const leaks = app.add_subcommand("leaks", "Which allocation sites leak, and how fast");
  const auto leaks_arguments = std::make_shared<LeaksArguments>();
  leaks
      ->add_option("FILE", leaks_arguments->paths,
                   "Snapshots, or directories of them: one gives suspects, two growth, three or "
                   "more the trend")
      ->required()
      ->type_name("");
  leaks
      ->add_option("--nodecount", leaks_arguments->nodecount,
                   "Show this many sites, 0 all (default 10; all in json)")
      ->type_name("N");
  AddSymbolizeOption(*leaks, leaks_arguments->symbolize);
  AddRulesOption(*leaks, leaks_arguments->rules);
  AddFetchOptions(*leaks, leaks_arguments->fetch);
  AddFormatOption(*leaks, leaks_arguments->format);
  leaks->callback([leaks_arguments, &exit_status] { exit_status = RunLeaks(*leaks_arguments); });

  CLI::App* const escape =
      app.add_subcommand("escape", "Why memory outlives the code that allocated it");
  const auto escape_arguments = std::make_shared<EscapeArguments>();
  escape->add_option("FILE", escape_arguments->file, "A snapshot")->required()->type_name("");
  escape
      ->add_option("--base", escape_arguments->base,
                   "An earlier snapshot: order by growth since, not by size")
      ->type_name("FILE");
  escape
      ->add_option("--focus", escape_arguments->options.focus, "Only sites whose function matches")
      ->type_name("REGEX");
  escape
      ->add_option("--nodecount", escape_arguments->options.limit,
                   "Show this many sites, 0 all (default 10)")
      ->type_name("N");
  AddSymbolizeOption(*escape, escape_arguments->symbolize);
  AddRulesOption(*escape, escape_arguments->rules);
  AddFetchOptions(*escape, escape_arguments->fetch);
  AddFormatOption(*escape, escape_arguments->format);
  escape->callback(
      [escape_arguments, &exit_status] { exit_status = RunEscape(*escape_arguments); });
}

}  // namespace tidemark::cli
