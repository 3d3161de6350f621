#include "analyzer/escape/path_graph.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/units.h"
#include "analyzer/escape/evidence.h"

namespace tidemark::escape {
namespace {

// The escape point is outlived by at least this share of the live bytes that outlived
// anything; below kMinEvidence of all live bytes there is nothing to say.
constexpr double kEscapeShare = 0.5;
constexpr double kMinEvidence = 0.02;
// Freed bytes that got past the escape point, against live ones, to speak of an owner.
constexpr double kFreedToBeOwned = 4;
// What a drawing can show.
constexpr size_t kMaxPaths = 12;
constexpr double kMinPathShare = 0.01;
constexpr size_t kMaxSteps = 24;
constexpr size_t kMaxInferredCallers = 4;
constexpr uint32_t kWholeStack = UINT32_MAX;
constexpr absl::string_view kProcess = "process";
constexpr absl::string_view kTruncated = "[truncated]";

// One frame of a path, outwards from the site.
struct Step {
  std::string key;
  report::Frame frame;
  std::string title;  // instead of the frame's, for frames left out
};

// Live blocks that took the same way out.
struct Path {
  std::vector<Step> steps;  // behind the site; all outlived, or all merely callers
  bool is_measured = false;
  bool outlived_site = false;
  int64_t bytes = 0;
  int64_t samples = 0;
};

// The standard library between and around user frames (std::function, std::invoke, a
// thread's start) says nothing about who holds memory.
bool IsLibrary(const report::Frame& frame) {
  if (frame.function == kTruncated) return true;
  const absl::string_view module = frame.module;
  const absl::string_view file = module.substr(module.rfind('/') + 1);
  for (absl::string_view library : {"libc.so", "libstdc++.so", "libpthread", "ld-linux"}) {
    if (absl::StartsWith(file, library)) return true;
  }
  const absl::string_view function = frame.function;
  const absl::string_view head = function.substr(0, function.find('('));
  return absl::StartsWith(head, "std::") || absl::StartsWith(head, "__gnu_cxx::") ||
         absl::StartsWith(head, "void std::");
}

std::string DetailOf(const report::Frame& frame) {
  if (frame.file.empty()) return frame.module;
  if (frame.line == 0) return frame.file;
  return absl::StrCat(frame.file, ":", frame.line);
}

std::string TitleOf(const report::Frame& frame) {
  return frame.function.empty() ? report::ToString(frame) : frame.function;
}

std::string Samples(int64_t count) {
  return absl::StrCat(count, count == 1 ? " sample" : " samples");
}

// Functions, not lines, are what a path leads through; sites keep their lines.
std::string StepKey(report::Frame frame) {
  if (!frame.function.empty()) frame.line = 0;
  return FrameKey(frame);
}

// Steps beyond what can be drawn become one in the middle.
void Abbreviate(std::vector<Step>& steps) {
  if (steps.size() <= kMaxSteps) return;
  const size_t keep = kMaxSteps / 2;
  const size_t left_out = steps.size() - 2 * keep;
  Step gap;
  gap.title = absl::StrCat(left_out, " more frames");
  gap.key = absl::StrCat("gap\n", left_out, "\n", steps[keep].key);
  steps[keep] = std::move(gap);
  steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(keep + 1),
              steps.end() - static_cast<std::ptrdiff_t>(keep));
}

// The frames around a stack's site, innermost first: of locations [0, end).
std::vector<Step> FramesAround(const Profile& profile, StackId id, uint32_t end) {
  const FramePosition site = profile.annotations().site[id.value];
  const absl::Span<const LocationId> stack = profile.stack(id);
  std::vector<Step> steps;
  for (uint32_t depth = site.location; depth < end && depth < stack.size(); ++depth) {
    const uint32_t lines =
        std::max<uint32_t>(1, static_cast<uint32_t>(profile.lines(stack[depth]).size()));
    for (uint32_t line = depth == site.location ? site.line + 1 : 0; line < lines; ++line) {
      Step step;
      step.frame = report::MakeFrame(profile, id, {.location = depth, .line = line});
      if (IsLibrary(step.frame)) continue;
      step.key = StepKey(step.frame);
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

class SiteBuilder {
 public:
  SiteBuilder(const Profile& profile, const SiteEvidence& evidence, bool profile_has_outlives)
      : profile_(profile), evidence_(evidence), profile_has_outlives_(profile_has_outlives) {}

  EscapeSite Build() {
    const FramePosition position = profile_.annotations().site[evidence_.stack.value];
    site_.site = report::MakeFrame(profile_, evidence_.stack, position);
    site_.bytes = evidence_.live_bytes;
    site_.samples = evidence_.live_samples;
    ChooseContainer();
    FindPaths();
    AddNodes();
    MarkEscapePoint();
    FindOwner();
    Explain();
    return std::move(site_);
  }

 private:
  // The container that most live bytes are in.
  void ChooseContainer() {
    const Annotations& annotations = profile_.annotations();
    std::map<uint32_t, int64_t> bytes;
    for (const EvidenceRow& row : evidence_.live) {
      const ContainerId id = annotations.container[row.stack.value];
      if (id.valid()) bytes[id.value] += row.bytes;
    }
    const auto best =
        std::max_element(bytes.begin(), bytes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best != bytes.end()) site_.container = annotations.containers[best->first];
  }

  Path PathOf(const EvidenceRow& row) const {
    const FramePosition position = profile_.annotations().site[row.stack.value];
    Path path;
    path.bytes = row.bytes;
    path.samples = row.samples;
    path.outlived_site = row.outlived > position.location;
    path.is_measured = path.outlived_site;
    if (path.outlived_site) {
      path.steps = FramesAround(profile_, row.stack, row.outlived);
    } else if (!profile_has_outlives_) {
      path.steps = FramesAround(profile_, row.stack, kWholeStack);
      if (path.steps.size() > kMaxInferredCallers) path.steps.resize(kMaxInferredCallers);
    }
    Abbreviate(path.steps);
    return path;
  }

  void FindPaths() {
    std::map<std::string, Path> by_key;
    for (const EvidenceRow& row : evidence_.live) {
      Path path = PathOf(row);
      if (path.outlived_site) outlived_bytes_ += path.bytes;
      std::string key = path.outlived_site ? "outlived" : "inferred";
      for (const Step& step : path.steps) absl::StrAppend(&key, "\n\n", step.key);
      const auto [it, inserted] = by_key.try_emplace(key, std::move(path));
      if (inserted) continue;
      it->second.bytes += row.bytes;
      it->second.samples += row.samples;
    }
    for (auto& [key, path] : by_key) paths_.push_back(std::move(path));
    std::stable_sort(paths_.begin(), paths_.end(),
                     [](const Path& a, const Path& b) { return a.bytes > b.bytes; });
    size_t kept = 0;
    while (kept < paths_.size() && kept < kMaxPaths &&
           (kept == 0 || static_cast<double>(paths_[kept].bytes) >=
                             kMinPathShare * static_cast<double>(site_.bytes))) {
      ++kept;
    }
    left_out_ = paths_.size() - kept;
    paths_.resize(kept);
  }

  // A live block is the process's, as nothing freed it. Where far more of what got past
  // the escape point was freed later than lives now, the frame that was still running at
  // those times is the one that owned it.
  void FindOwner() {
    site_.owner = std::string(kProcess);
    if (!site_.escape_point) return;
    const std::string escape_key = StepKey(*site_.escape_point);
    std::map<std::string, std::pair<int64_t, report::Frame>> owners;
    int64_t freed_bytes = 0;
    for (const EvidenceRow& row : evidence_.freed) {
      const std::vector<Step> returned = FramesAround(profile_, row.stack, row.outlived);
      const bool got_past =
          escape_key == StepKey(site_.site)
              ? row.outlived > profile_.annotations().site[row.stack.value].location
              : std::any_of(returned.begin(), returned.end(),
                            [&](const Step& step) { return step.key == escape_key; });
      const std::vector<Step> all = FramesAround(profile_, row.stack, kWholeStack);
      if (!got_past || returned.size() >= all.size()) continue;
      freed_bytes += row.bytes;
      auto& [bytes, frame] = owners[all[returned.size()].key];
      bytes += row.bytes;
      frame = all[returned.size()].frame;
    }
    const double live = static_cast<double>(site_.bytes);
    if (static_cast<double>(freed_bytes) < kFreedToBeOwned * live || owners.empty()) return;
    const auto best = std::max_element(
        owners.begin(), owners.end(),
        [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
    Node& owner = site_.nodes[owner_node_];
    owner.frame = best->second.second;
    owner.title = TitleOf(owner.frame);
    owner.detail = DetailOf(owner.frame);
    site_.owner = owner.title;
  }

  uint32_t AddNode(NodeRole role, std::string title, std::string detail, report::Frame frame) {
    site_.nodes.push_back({.role = role,
                           .title = std::move(title),
                           .detail = std::move(detail),
                           .frame = std::move(frame),
                           .bytes = 0});
    return static_cast<uint32_t>(site_.nodes.size() - 1);
  }

  void AddEdge(uint32_t from, uint32_t to, absl::string_view how, Evidence evidence,
               int64_t bytes) {
    for (Edge& edge : site_.edges) {
      if (edge.from == from && edge.to == to && edge.how == how && edge.evidence == evidence) {
        edge.bytes += bytes;
        return;
      }
    }
    site_.edges.push_back(
        {.from = from, .to = to, .how = std::string(how), .evidence = evidence, .bytes = bytes});
  }

  bool Reaches(uint32_t from, uint32_t to) const {
    std::vector<uint32_t> open = {from};
    absl::flat_hash_set<uint32_t> seen = {from};
    while (!open.empty()) {
      const uint32_t node = open.back();
      open.pop_back();
      if (node == to) return true;
      for (const Edge& edge : site_.edges) {
        if (edge.from == node && seen.insert(edge.to).second) open.push_back(edge.to);
      }
    }
    return false;
  }

  // The node of a step: one that the key has already, unless that closed a circle (stacks
  // call in either order, and recurse), else a new one.
  uint32_t NodeOf(const Step& step, uint32_t from) {
    std::vector<uint32_t>& nodes = nodes_of_key_[step.key];
    for (uint32_t node : nodes) {
      if (!Reaches(node, from)) return node;
    }
    const std::string title = step.title.empty() ? TitleOf(step.frame) : step.title;
    const uint32_t node = AddNode(NodeRole::kOutlived, title, DetailOf(step.frame), step.frame);
    nodes.push_back(node);
    return node;
  }

  void AddNodes() {
    const report::Frame leaf =
        report::MakeFrame(profile_, evidence_.stack, {.location = 0, .line = 0});
    uint32_t inner = AddNode(NodeRole::kAllocation, "allocation", Samples(site_.samples), leaf);
    std::vector<uint32_t> core = {inner};
    if (site_.container) {
      const Container& c = *site_.container;
      const uint32_t node = AddNode(NodeRole::kContainer, c.type.empty() ? Name(c.kind) : c.type,
                                    ShownName(c.operation), {});
      AddEdge(inner, node, "stored in", c.evidence, site_.bytes);
      core.push_back(node);
      inner = node;
    }
    site_node_ = AddNode(NodeRole::kSite, TitleOf(site_.site), DetailOf(site_.site), site_.site);
    AddEdge(inner, site_node_, "allocated in", Evidence::kMeasured, site_.bytes);
    core.push_back(site_node_);
    owner_node_ = AddNode(NodeRole::kOwner, std::string(kProcess), "never freed", {});
    core.push_back(owner_node_);
    for (uint32_t node : core) site_.nodes[node].bytes = site_.bytes;
    for (const Path& path : paths_) AddPath(path);
  }

  void AddPath(const Path& path) {
    const Evidence evidence = path.is_measured ? Evidence::kMeasured : Evidence::kInferred;
    uint32_t from = site_node_;
    if (path.outlived_site) outlived_[site_node_] += path.bytes;
    for (const Step& step : path.steps) {
      const uint32_t node = NodeOf(step, from);
      AddEdge(from, node, path.outlived_site ? "outlived" : "called by", evidence, path.bytes);
      site_.nodes[node].bytes += path.bytes;
      if (path.outlived_site) outlived_[node] += path.bytes;
      from = node;
    }
    AddEdge(from, owner_node_, "held by", evidence, path.bytes);
  }

  // Steps from the site, along the longest way.
  std::vector<uint32_t> DistancesFromSite() const {
    std::vector<uint32_t> distance(site_.nodes.size(), 0);
    for (size_t round = 0; round < site_.nodes.size(); ++round) {
      bool changed = false;
      for (const Edge& edge : site_.edges) {
        if (distance[edge.to] < distance[edge.from] + 1) {
          distance[edge.to] = distance[edge.from] + 1;
          changed = true;
        }
      }
      if (!changed) break;
    }
    return distance;
  }

  void MarkEscapePoint() {
    if (!HasEvidence()) return;
    const std::vector<uint32_t> distance = DistancesFromSite();
    const double least = kEscapeShare * static_cast<double>(outlived_bytes_);
    std::optional<uint32_t> best;
    for (const auto& [node, bytes] : outlived_) {
      if (static_cast<double>(bytes) < least || site_.nodes[node].frame == report::Frame())
        continue;
      const bool is_further = !best || distance[node] > distance[*best] ||
                              (distance[node] == distance[*best] && node < *best);
      if (is_further) best = node;
    }
    if (!best) return;
    site_.nodes[*best].role = NodeRole::kEscapePoint;
    site_.escape_point = site_.nodes[*best].frame;
    escape_bytes_ = outlived_[*best];
  }

  bool HasEvidence() const {
    return outlived_bytes_ > 0 &&
           static_cast<double>(outlived_bytes_) >= kMinEvidence * static_cast<double>(site_.bytes);
  }

  std::string Share(int64_t part) const {
    const double whole = std::max(1.0, static_cast<double>(site_.bytes));
    return absl::StrFormat("%.0f %%", 100 * static_cast<double>(part) / whole);
  }

  // Without names: whoever shows the sentence shows the nodes too.
  void Explain() {
    const std::string amount =
        absl::StrCat(FormatValue(site_.bytes, "bytes"), " live, ", Samples(site_.samples), ".");
    std::string& text = site_.explanation;
    if (!profile_has_outlives_) {
      text = absl::StrCat(amount,
                          " The profile holds no evidence of returned frames: every step is "
                          "inferred from the stack.");
    } else if (!site_.escape_point) {
      text = absl::StrCat(amount, " No frame of its stacks is known to have returned.");
    } else {
      text = absl::StrCat(amount, " ", Share(outlived_bytes_), " outlived the site, ",
                          Share(escape_bytes_),
                          " the escape point, the outermost frame that most of it outlived.");
    }
    absl::StrAppend(&text, site_.owner == kProcess
                               ? " Nothing freed it: the process holds it."
                               : " Memory that gets that far is freed while its owner still runs.");
    if (left_out_ > 0) absl::StrAppend(&text, " Smaller paths left out: ", left_out_, ".");
  }

  const Profile& profile_;
  const SiteEvidence& evidence_;
  const bool profile_has_outlives_;
  EscapeSite site_;
  std::vector<Path> paths_;
  size_t left_out_ = 0;
  int64_t outlived_bytes_ = 0;  // live bytes that outlived the site
  int64_t escape_bytes_ = 0;
  uint32_t site_node_ = 0;
  uint32_t owner_node_ = 0;
  absl::flat_hash_map<std::string, std::vector<uint32_t>> nodes_of_key_;
  std::map<uint32_t, int64_t> outlived_;  // node -> live bytes that outlived it
};

std::string SiteKeyOf(const Profile& profile, const SiteEvidence& site) {
  return FrameKey(
      report::MakeFrame(profile, site.stack, profile.annotations().site[site.stack.value]));
}

// What sites are ordered by: live bytes, or their growth over the base.
absl::StatusOr<std::vector<int64_t>> Weights(const Profile& profile,
                                             const ProfileEvidence& evidence, const Profile* base) {
  std::vector<int64_t> weights;
  for (const SiteEvidence& site : evidence.sites) weights.push_back(site.live_bytes);
  if (base == nullptr) return weights;
  const absl::StatusOr<ProfileEvidence> before = CollectEvidence(*base);
  if (!before.ok()) return before.status();
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto it = before->site_of_key.find(SiteKeyOf(profile, evidence.sites[i]));
    if (it != before->site_of_key.end()) weights[i] -= before->sites[it->second].live_bytes;
  }
  return weights;
}

}  // namespace

absl::StatusOr<std::vector<EscapeSite>> FindEscapes(const Profile& profile,
                                                    const Options& options) {
  RE2::Options quiet;
  quiet.set_log_errors(false);
  const RE2 focus(options.focus, quiet);
  if (!focus.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--focus: ", focus.error()));
  }
  const absl::StatusOr<ProfileEvidence> evidence = CollectEvidence(profile);
  if (!evidence.ok()) return evidence.status();
  const absl::StatusOr<std::vector<int64_t>> weights = Weights(profile, *evidence, options.base);
  if (!weights.ok()) return weights.status();

  std::vector<size_t> order(evidence->sites.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return (*weights)[a] > (*weights)[b]; });
  std::vector<EscapeSite> result;
  for (size_t i : order) {
    if (options.limit != 0 && result.size() >= options.limit) break;
    const SiteEvidence& site = evidence->sites[i];
    if (site.live.empty()) continue;
    if (!options.focus.empty()) {
      const report::Frame frame =
          report::MakeFrame(profile, site.stack, profile.annotations().site[site.stack.value]);
      if (!RE2::PartialMatch(frame.function, focus)) continue;
    }
    result.push_back(SiteBuilder(profile, site, evidence->has_outlives).Build());
  }
  return result;
}

}  // namespace tidemark::escape
