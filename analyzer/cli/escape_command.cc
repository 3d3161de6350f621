#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/units.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/quantities.h"
#include "analyzer/cli/site_text.h"
#include "analyzer/escape/path_graph.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

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

std::string Bytes(int64_t value) { return FormatValue(value, "bytes"); }

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
  const std::string badge = ContainerText(site.container);
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

struct EscapeArguments {
  std::string file;
  std::string base;
  escape::Options options;
  SiteFlags site;
  Format format = Format::kText;
};

int RunEscape(const EscapeArguments& arguments) {
  const auto open = arguments.site.open_options();
  if (!open.ok()) return Fail(open.status());
  std::vector<std::vector<std::string>> one_each = {{arguments.file}};
  if (!arguments.base.empty()) one_each.push_back({arguments.base});
  auto opened = OpenMerged(one_each, open->fetch);
  if (!opened.ok()) return Fail(opened.status());
  const auto profile = Prepare(std::move(opened->front()), *open);
  if (!profile.ok()) return Fail(profile.status());
  escape::Options options = arguments.options;
  ProfilePtr base;
  if (opened->size() > 1) {
    auto prepared = Prepare(std::move(opened->back()), *open);
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

void AddEscapeCommand(CLI::App& app, int& exit_status) {
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
      ->check(CheckWhole(0))
      ->type_name("N");
  AddSiteOptions(*escape, escape_arguments->site);
  AddFormatOption(*escape, escape_arguments->format);
  escape->callback(
      [escape_arguments, &exit_status] { exit_status = RunEscape(*escape_arguments); });
}

}  // namespace tidemark::cli
