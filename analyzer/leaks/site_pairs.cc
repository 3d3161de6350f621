#include "analyzer/leaks/site_pairs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::leaks {
namespace {

// Fewer samples in both profiles together cannot be told from chance by any test over many
// sites: all of them in one of the two profiles has the chance 2^-10.
constexpr double kEnoughSamples = 10;
// The smallest block: 16 bytes. One sample of such stands for most objects.
constexpr double kSmallestBlock = 16;

Sampling SamplingOf(const Profile& profile, int type) {
  const double rate = static_cast<double>(profile.period());
  if (rate <= 1) return {};
  const bool is_bytes =
      profile.string(profile.sample_types()[static_cast<size_t>(type)].unit) == "bytes";
  // size / p * sqrt(1 - p) is at most the rate, and that of one object rate / size.
  return {.rate = rate, .unseen = is_bytes ? rate : rate / kSmallestBlock};
}

bool IsEnough(const Level& level) {
  return level.uncertain >= kEnoughSamples || level.samples > level.uncertain ||
         (level.samples == 0 && level.estimate != 0);
}

}  // namespace

report::SampledSum RowOf(const Profile& profile, int type, size_t row,
                         const std::optional<report::SamplingErrors>& errors) {
  if (errors) return errors->of(row);
  return {.estimate = static_cast<double>(profile.values(static_cast<size_t>(type))[row])};
}

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

absl::string_view WithoutCloneSuffix(absl::string_view function) {
  for (const absl::string_view mark :
       {" [clone", ".isra.", ".constprop.", ".part.", ".cold", ".lto_priv."}) {
    function = function.substr(0, function.find(mark));
  }
  return function;
}

SitePairs::SitePairs(const Profile& base, int base_type, const Profile& now, int now_type)
    : base_{&base, base_type, &SitePair::base, SamplingOf(base, base_type)},
      now_{&now, now_type, &SitePair::now, SamplingOf(now, now_type)} {
  absl::flat_hash_set<std::string> of_base;
  for (const Mapping& mapping : base.mappings()) {
    of_base.insert(std::string(base.string(mapping.build_id)));
  }
  for (const Mapping& mapping : now.mappings()) {
    std::string build_id(now.string(mapping.build_id));
    if (!build_id.empty() && of_base.contains(build_id)) {
      shared_build_ids_.insert(std::move(build_id));
    }
  }
  const absl::string_view type = now.string(now.sample_types()[static_cast<size_t>(now_type)].type);
  // Another rate in force since would weigh the same blocks anew, which is neither coming nor
  // going.
  const bool same_process = report::SameProcess(base, now) && base.period() == now.period() &&
                            base.time_ns() <= now.time_ns();
  absl::string_view of_live = type;
  if (same_process && absl::ConsumePrefix(&of_live, "inuse_")) {
    for (Side* side : {&base_, &now_}) {
      side->allocated_type = side->profile->FindSampleType(absl::StrCat("alloc_", of_live));
    }
    has_flows_ = base_.allocated_type >= 0 && now_.allocated_type >= 0;
  }
  is_cumulative_ = same_process && absl::StartsWith(type, "alloc_");
  AddRows(base_);
  AddRows(now_);
  FindMoved();
}

std::string SitePairs::KeyOf(const report::Frame& site) const {
  if (!site.function.empty()) {
    return absl::StrCat("function\n", WithoutCloneSuffix(site.function), "\n", BaseName(site.file));
  }
  if (shared_build_ids_.contains(site.build_id)) {
    return absl::StrCat("offset\n", site.build_id, "\n", site.module_offset);
  }
  return absl::StrCat("module\n", BaseName(site.module));
}

std::optional<size_t> SitePairs::Find(const report::Frame& site) const {
  const auto found = index_of_key_.find(KeyOf(site));
  if (found == index_of_key_.end()) return std::nullopt;
  return found->second;
}

report::Frame SitePairs::SiteFrame(const Side& side, const SitePair& pair) const {
  const StackId stack = (pair.*side.member).stack;
  return report::MakeFrame(*side.profile, stack, side.profile->annotations().site[stack.value]);
}

void SitePairs::AddRows(Side& side) {
  constexpr size_t kNoSite = ~size_t{0};
  const Profile& profile = *side.profile;
  const auto errors = report::SamplingErrors::For(profile, side.type);
  if (!errors) {
    has_sampling_ = false;
    side.sampling = {};
  }
  std::optional<report::SamplingErrors> allocated_errors;
  if (has_flows_) allocated_errors = report::SamplingErrors::For(profile, side.allocated_type);
  std::vector<size_t> site_of_stack(profile.stack_count(), kNoSite);
  std::vector<double> held(profile.stack_count(), 0);
  for (size_t row = 0; row < profile.sample_count(); ++row) {
    const StackId stack = profile.sample_stacks()[row];
    if (profile.stack(stack).empty()) continue;
    size_t& site = site_of_stack[stack.value];
    if (site == kNoSite) {
      const report::Frame frame =
          report::MakeFrame(profile, stack, profile.annotations().site[stack.value]);
      site = index_of_key_.try_emplace(KeyOf(frame), pairs_.size()).first->second;
      if (site == pairs_.size()) pairs_.emplace_back();
    }
    SiteLevel& into = pairs_[site].*side.member;
    const report::SampledSum sum = RowOf(profile, side.type, row, errors);
    into.level += sum;
    if (has_flows_) {
      into.allocated += RowOf(profile, side.allocated_type, row, allocated_errors);
    }
    held[stack.value] += sum.estimate;
    // The first of equals, so that the answer follows from the profile alone.
    if (!into.known || held[stack.value] > held[into.stack.value]) into.stack = stack;
    into.known = true;
  }
}

std::string SitePairs::FunctionOf(const Side& side, const SitePair& pair) const {
  return std::string(WithoutCloneSuffix(SiteFrame(side, pair).function));
}

std::string SitePairs::FileAndContainerOf(const Side& side, const SitePair& pair) const {
  const report::Frame frame = SiteFrame(side, pair);
  const Annotations& annotations = side.profile->annotations();
  const ContainerId id = annotations.container[(pair.*side.member).stack.value];
  if (frame.file.empty() || !id.valid()) return "";
  const Container& container = annotations.containers[id.value];
  return absl::StrCat(BaseName(frame.file), "\n", Name(container.kind), "\n", container.type);
}

// Joins what exactly one site of the base and one of the other profile agree in.
void SitePairs::JoinByAspect(Aspect aspect) {
  struct Candidates {
    std::vector<size_t> base, now;
  };
  std::vector<std::pair<std::string, Candidates>> all;  // in the order of the sites
  absl::flat_hash_map<std::string, size_t> index;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const SitePair& pair = pairs_[i];
    if (pair.base.known == pair.now.known) continue;
    const Side& side = pair.base.known ? base_ : now_;
    if (!IsEnough((pair.*side.member).level)) continue;
    const std::string value = (this->*aspect)(side, pair);
    if (value.empty()) continue;
    const auto [it, inserted] = index.try_emplace(value, all.size());
    if (inserted) all.push_back({value, {}});
    Candidates& candidates = all[it->second].second;
    (pair.base.known ? candidates.base : candidates.now).push_back(i);
  }
  for (const auto& [value, candidates] : all) {
    if (candidates.base.size() != 1 || candidates.now.size() != 1) continue;
    SitePair& gone = pairs_[candidates.base[0]];
    SitePair& moved = pairs_[candidates.now[0]];
    notes_.push_back(absl::StrCat(
        "taken for the same site, moved or renamed: ", report::ToString(SiteFrame(base_, gone)),
        " and ", report::ToString(SiteFrame(now_, moved))));
    index_of_key_[KeyOf(SiteFrame(base_, gone))] = candidates.now[0];
    moved.base = std::exchange(gone.base, SiteLevel());
  }
}

void SitePairs::FindMoved() {
  JoinByAspect(&SitePairs::FunctionOf);
  JoinByAspect(&SitePairs::FileAndContainerOf);
}

Comparison SitePairs::Compare(const SitePair& pair) const {
  Comparison comparison{pair.base.level, pair.now.level, base_.sampling, now_.sampling, {}};
  if (is_cumulative_) {
    comparison.flows = {pair.now.level - pair.base.level, Level()};
  } else if (has_flows_) {
    const Level freed_before = pair.base.allocated - pair.base.level;
    const Level freed = pair.now.allocated - pair.now.level;
    comparison.flows = {pair.now.allocated - pair.base.allocated, freed - freed_before};
  }
  return comparison;
}

Comparison SitePairs::CompareTotal() const {
  SitePair total;
  for (const SitePair& pair : pairs_) {
    total.base.level += pair.base.level;
    total.base.allocated += pair.base.allocated;
    total.now.level += pair.now.level;
    total.now.allocated += pair.now.allocated;
  }
  return Compare(total);
}

bool SitePairs::CanTell(const SitePair& pair) const {
  Level both = pair.base.level;
  both += pair.now.level;
  return IsEnough(both);
}

}  // namespace tidemark::leaks
