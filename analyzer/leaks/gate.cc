#include "analyzer/leaks/gate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/rounding.h"
#include "analyzer/base/units.h"
#include "analyzer/leaks/gate_lines.h"
#include "analyzer/leaks/gate_side.h"
#include "analyzer/leaks/growth.h"
#include "analyzer/leaks/run.h"
#include "analyzer/leaks/series.h"
#include "analyzer/leaks/site_pairs.h"
#include "analyzer/leaks/statistics.h"
#include "analyzer/report/options.h"
#include "analyzer/report/sampling_error.h"

namespace tidemark::leaks {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

// Of each rule: the chance of a false alarm for the total, the expected share of false ones
// among the findings for sites. Three of them stay below 1 %.
constexpr double kFalseAlarms = 0.0025;
constexpr double kNormal95 = 1.959964;
// Sampling closer than that is cheaper done exactly.
constexpr double kClosestRate = 1024;

// Source trees differ from one build to the next.
std::string SiteName(report::Frame frame) {
  frame.file = std::string(BaseName(frame.file));
  return report::ToString(frame);
}

absl::Status BadInput(absl::string_view what) { return absl::FailedPreconditionError(what); }

// ---- verdicts

struct Judged {
  int badness = 0;  // 2: leak, 1: suspect
  Verdict verdict = Verdict::kSteady;
  std::string reason;
};

int Badness(Verdict verdict) {
  return verdict == Verdict::kLeak ? 2 : verdict == Verdict::kSuspect ? 1 : 0;
}

// By index of the pair; what the ranking does not list is steady.
using FindPair = absl::FunctionRef<std::optional<size_t>(const report::Frame&)>;
absl::StatusOr<std::vector<Judged>> JudgeSites(absl::Span<const ProfilePtr> snapshots, size_t pairs,
                                               FindPair find) {
  const absl::StatusOr<Ranking> ranking = Rank(snapshots, Options());
  if (!ranking.ok()) return BadInput(ranking.status().message());
  std::vector<Judged> judged(pairs);
  for (const Finding& finding : ranking->findings) {
    const std::optional<size_t> pair = find(finding.site);
    const int badness = Badness(finding.verdict);
    if (pair && badness > judged[*pair].badness) {
      judged[*pair] = {badness, finding.verdict, finding.reason};
    }
  }
  return judged;
}

// ---- what is shown of a site

// As `leaks` shows it: by the stack, and with that the container, that stands for the site.
class ShownStacks {
 public:
  // `side` must outlive this.
  explicit ShownStacks(const GateSide& side) : newest_(side.snapshots.back()) {}

  // For the site of `stack`; itself where `leaks` has nothing to show.
  StackId For(StackId stack) {
    if (!series_) series_ = MakeSeries({&newest_, 1}, RunChoice(), nullptr);
    if (!series_->ok()) return stack;
    const uint32_t site = (*series_)->site_of_newest_stack[stack.value];
    if (site == Series::kNoSite || !WasEverLive((*series_)->sites[site])) return stack;
    return (*series_)->sites[site].stack;
  }

 private:
  const ProfilePtr& newest_;
  std::optional<absl::StatusOr<Series>> series_;  // made when something is to be shown
};

// ---- the check

class Gate {
 public:
  Gate(const GateSide& base, const GateSide& now, GateResult* result)
      : base_(base), now_(now), result_(*result), base_shown_(base), now_shown_(now) {}

  absl::Status Run(int base_type, int now_type) {
    const SitePairs sites(base_.newest(), base_type, now_.newest(), now_type);
    result_.notes.insert(result_.notes.end(), sites.notes().begin(), sites.notes().end());
    if (!sites.has_sampling()) {
      result_.notes.push_back(
          "a profile does not say how it was sampled: values are compared as if exact");
    }
    result_.total = MakeGrowth(sites, sites.CompareTotal());
    const GatePolicy& policy = result_.policy;
    if (policy.max_growth) CheckTotal(sites, *policy.max_growth);
    if (policy.max_site_growth) CheckSites(sites, *policy.max_site_growth);
    if (policy.no_new_leaks) {
      if (result_.sample_type == "inuse_space") return CheckLeaks(sites);
      const int base_live = base_.newest().FindSampleType("inuse_space");
      const int now_live = now_.newest().FindSampleType("inuse_space");
      if (base_live < 0 || now_live < 0) {
        return BadInput("no sample type inuse_space, which a new leak would show in");
      }
      return CheckLeaks(SitePairs(base_.newest(), base_live, now_.newest(), now_live));
    }
    return absl::OkStatus();
  }

 private:
  // now - factor * base above `limit`.
  struct Bound {
    double factor = 1;
    double limit = 0;
  };
  static Bound BoundOf(const GrowthLimit& limit) {
    if (limit.kind == GrowthLimit::Kind::kShare) return {.factor = 1 + limit.value};
    return {.limit = limit.value};
  }

  std::string Text(double value) const { return FormatValue(Rounded(value), result_.unit); }
  // What `base` may grow by: of a share no less than what is negligible anyway.
  double Room(const GrowthLimit& limit, double base) const {
    if (limit.kind != GrowthLimit::Kind::kShare) return limit.value;
    const double least = result_.unit == "bytes" ? kNegligibleBytes : 0;
    return std::max(limit.value * base, least);
  }
  std::string LimitText(const GrowthLimit& limit, double base) const {
    if (limit.kind != GrowthLimit::Kind::kShare) return Text(limit.value);
    const double share = limit.value * base;
    const double room = Room(limit, base);
    if (share >= room && share > 0) {
      return absl::StrFormat("%g %% (%s)", limit.value * 100, Text(share));
    }
    const std::string of_base = base > 0 ? Text(base) : "nothing";
    if (room <= 0) return absl::StrFormat("%g %% of %s", limit.value * 100, of_base);
    return absl::StrFormat("%s (%g %% of %s is less)", Text(room), limit.value * 100, of_base);
  }
  double PValue(const Comparison& comparison, const GrowthLimit& limit) const {
    const Bound bound = BoundOf(limit);
    const double p = GrowthPValue(comparison, bound.factor, bound.limit);
    if (limit.kind != GrowthLimit::Kind::kShare) return p;
    return std::max(p, GrowthPValue(comparison, 1, Room(limit, 0)));
  }
  static std::string IntervalText(const std::optional<Interval>& ci, absl::string_view unit) {
    if (!ci || ci->low == ci->high) return "";
    return absl::StrCat(" (", FormatValue(Rounded(ci->low), unit), " to ",
                        FormatValue(Rounded(ci->high), unit), ")");
  }
  static std::string GrewText(const GateGrowth& growth, absl::string_view unit) {
    return absl::StrCat("grew by ", FormatValue(growth.delta, unit),
                        IntervalText(growth.delta_ci, unit), " to ", FormatValue(growth.now, unit));
  }

  static GateGrowth MakeGrowth(const SitePairs& sites, const Comparison& comparison) {
    GateGrowth growth;
    growth.base = Rounded(comparison.base.estimate);
    growth.now = Rounded(comparison.now.estimate);
    growth.delta = Rounded(comparison.delta());
    growth.base_samples = Rounded(comparison.base.samples);
    growth.samples = Rounded(comparison.now.samples);
    if (sites.has_sampling()) {
      const auto [low, high] = DifferenceAt(kNormal95, comparison, 1);
      growth.delta_ci = Interval{low, high};
    }
    return growth;
  }

  // The profile that shows the site, which is the newer one if that has it.
  GateFinding MakeFinding(GateRule rule, const SitePairs& sites, const SitePair& pair) {
    GateFinding finding;
    finding.rule = rule;
    finding.growth = MakeGrowth(sites, sites.Compare(pair));
    const Profile& profile = pair.now.known ? now_.newest() : base_.newest();
    const StackId stack =
        pair.now.known ? now_shown_.For(pair.now.stack) : base_shown_.For(pair.base.stack);
    const Annotations& annotations = profile.annotations();
    const FramePosition site = annotations.site[stack.value];
    finding.site = report::MakeFrame(profile, stack, site);
    const ContainerId container = annotations.container[stack.value];
    if (container.valid()) finding.container = annotations.containers[container.value];
    finding.stack = report::MakeFrames(profile, stack);
    for (uint32_t i = 0; i < site.location; ++i) {
      finding.site_frame += std::max<size_t>(1, profile.lines(profile.stack(stack)[i]).size());
    }
    finding.site_frame += site.line;
    return finding;
  }

  void CheckTotal(const SitePairs& sites, const GrowthLimit& limit) {
    const Comparison total = sites.CompareTotal();
    const Bound bound = BoundOf(limit);
    const GateGrowth& growth = result_.total;
    const std::string limit_text = LimitText(limit, total.base.estimate);
    const double room = Room(limit, total.base.estimate);
    if (PValue(total, limit) > kFalseAlarms) {
      if (DifferenceAt(kNormal95, total, bound.factor).second <= bound.limit ||
          DifferenceAt(kNormal95, total, 1).second <= room) {
        return;
      }
      result_.undecided = true;
      result_.notes.push_back(absl::StrCat(
          "cannot tell whether the total grew by more than ", limit_text, ": ", growth.base_samples,
          " and ", growth.samples, " samples give ", Text(growth.delta),
          IntervalText(growth.delta_ci, result_.unit), RateAdvice(total, bound, room)));
      return;
    }
    const SitePair* most = nullptr;
    for (const SitePair& pair : sites.pairs()) {
      if (most == nullptr || sites.Compare(pair).delta() > sites.Compare(*most).delta()) {
        most = &pair;
      }
    }
    GateFinding finding;
    if (most != nullptr) finding = MakeFinding(GateRule::kMaxGrowth, sites, *most);
    finding.message =
        absl::StrCat("the total of ", result_.sample_type, " ", GrewText(growth, result_.unit),
                     ", which is more than ", limit_text);
    if (most != nullptr) {
      absl::StrAppend(&finding.message, "; most of it, ", Text(finding.growth.delta), ", at ",
                      SiteName(*finding.site));
    }
    finding.rule = GateRule::kMaxGrowth;
    finding.limit = room;
    finding.growth = growth;
    finding.site.reset();
    finding.container.reset();
    result_.findings.push_back(std::move(finding));
  }

  // How closely one would have to sample to see a growth of `room`; "" where that is no answer.
  static std::string RateAdvice(const Comparison& c, const Bound& bound, double room) {
    const double rate = std::max(c.base_sampling.rate, c.now_sampling.rate);
    const auto [low, high] = DifferenceAt(UpperTailQuantile(kFalseAlarms), c, bound.factor);
    const double reach = (high - low) / 2;
    if (rate <= 1 || room <= 0 || reach <= 0) return "";
    // The variance is in proportion to the rate.
    const double needed = rate * std::min(0.5, (room / reach) * (room / reach));
    if (needed < kClosestRate) return "; only an exact profile would tell";
    const double rounded = std::exp2(std::floor(std::log2(needed / kClosestRate)));
    return absl::StrFormat("; sampling at --rate %.0fK would tell", rounded);
  }

  void CheckSites(const SitePairs& sites, const GrowthLimit& limit) {
    const std::vector<size_t> tested = Tested(sites);
    std::vector<double> p_values;
    for (const size_t i : tested) {
      p_values.push_back(PValue(sites.Compare(sites.pairs()[i]), limit));
    }
    const std::vector<bool> grew = ControlFalseDiscoveries(p_values, kFalseAlarms);
    std::vector<bool> failed(sites.pairs().size(), false);
    for (size_t t = 0; t < tested.size(); ++t) {
      if (!grew[t]) continue;
      failed[tested[t]] = true;
      const SitePair& pair = sites.pairs()[tested[t]];
      GateFinding finding = MakeFinding(GateRule::kMaxSiteGrowth, sites, pair);
      finding.limit = Room(limit, pair.base.level.estimate);
      finding.message =
          absl::StrCat(GrewText(finding.growth, result_.unit), ", which is more than ",
                       LimitText(limit, pair.base.level.estimate));
      result_.findings.push_back(std::move(finding));
    }
    NoteOpenSites(sites, limit, failed);
  }

  // Those that may be above the limit.
  void NoteOpenSites(const SitePairs& sites, const GrowthLimit& limit,
                     const std::vector<bool>& failed) {
    size_t open = 0;
    size_t seem = 0;
    double samples = 0;
    std::optional<size_t> most;
    for (size_t i = 0; i < failed.size(); ++i) {
      const Comparison comparison = sites.Compare(sites.pairs()[i]);
      const double above = Room(limit, comparison.base.estimate);
      if (failed[i] || DifferenceAt(kNormal95, comparison, 1).second <= above) continue;
      ++open;
      samples += comparison.base.samples + comparison.now.samples;
      if (comparison.delta() <= above) continue;
      ++seem;
      if (!most || comparison.delta() > sites.Compare(sites.pairs()[*most]).delta()) most = i;
    }
    if (open == 0) return;
    result_.undecided = true;
    std::string note = absl::StrCat(
        "cannot tell of ", open, open == 1 ? " site" : " sites", ", ", Rounded(samples),
        " samples in both profiles, whether ", open == 1 ? "it" : "one", " grew by more than ",
        limit.kind == GrowthLimit::Kind::kShare ? absl::StrFormat("%g %%", limit.value * 100)
                                                : Text(limit.value));
    if (most) {
      const GateFinding site = MakeFinding(GateRule::kMaxSiteGrowth, sites, sites.pairs()[*most]);
      absl::StrAppend(&note, ", as ", open == 1 ? "it" : absl::StrCat(seem, " of them"),
                      seem == 1 ? " seems to: " : " seem to, most of all: ", SiteName(*site.site),
                      " by ", Text(site.growth.delta),
                      IntervalText(site.growth.delta_ci, result_.unit));
    }
    result_.notes.push_back(std::move(note));
  }

  static std::vector<size_t> Tested(const SitePairs& sites) {
    std::vector<size_t> tested;
    for (size_t i = 0; i < sites.pairs().size(); ++i) {
      if (sites.CanTell(sites.pairs()[i])) tested.push_back(i);
    }
    return tested;
  }

  absl::Status CheckLeaks(const SitePairs& sites) {
    // A trend knows better than a look, so only like verdicts are compared.
    const bool trend =
        base_.snapshots.size() >= kTrendSnapshots && now_.snapshots.size() >= kTrendSnapshots;
    const auto judged_span = [&](const GateSide& side) {
      const absl::Span<const ProfilePtr> all = side.snapshots;
      return trend ? all : all.last(1);
    };
    // A function's lines are sites of their own: one of them may be new beside an old suspect.
    const LinePairs lines(sites, base_.newest(), now_.newest());
    const size_t n = lines.pairs().size();
    const auto before = JudgeSites(
        judged_span(base_), n, [&](const report::Frame& site) { return lines.FindInBase(site); });
    if (!before.ok()) return before.status();
    const auto after = JudgeSites(judged_span(now_), n,
                                  [&](const report::Frame& site) { return lines.FindInNow(site); });
    if (!after.ok()) return after.status();

    std::vector<size_t> tested;
    std::vector<double> p_values;
    for (size_t i = 0; i < n; ++i) {
      const LinePair& line = lines.pairs()[i];
      if (!sites.CanTell(line.site)) continue;
      tested.push_back(i);
      const auto p_of = [&](const SitePair& pair) {
        return GrowthPValue(sites.Compare(pair), 1, kNegligibleBytes);
      };
      if ((*after)[i].badness <= (*before)[i].badness) {
        p_values.push_back(1);
      } else {
        // What may be an old line moved has to show in the function as a whole.
        const double p_of_function = line.is_guess ? p_of(sites.pairs()[line.function]) : 0;
        p_values.push_back(std::max(p_of(line.site), p_of_function));
      }
    }
    const std::vector<bool> leaks = ControlFalseDiscoveries(p_values, kFalseAlarms);
    for (size_t t = 0; t < tested.size(); ++t) {
      if (!leaks[t]) continue;
      const SitePair& pair = lines.pairs()[tested[t]].site;
      const Judged& verdict = (*after)[tested[t]];
      GateFinding finding = MakeFinding(GateRule::kNoNewLeaks, sites, pair);
      finding.verdict = verdict.verdict;
      finding.limit = kNegligibleBytes;
      finding.message = absl::StrCat(
          "a ", Name(verdict.verdict),
          pair.base.known ? absl::StrCat(" (", Name((*before)[tested[t]].verdict), " in the base)")
                          : " that the base does not have",
          ": ", GrewText(finding.growth, "bytes"), "; ", verdict.reason);
      result_.findings.push_back(std::move(finding));
    }
    return absl::OkStatus();
  }

  const GateSide& base_;
  const GateSide& now_;
  GateResult& result_;
  ShownStacks base_shown_;
  ShownStacks now_shown_;
};

absl::Status CheckUnits(const GatePolicy& policy, const GateResult& result) {
  for (const auto& limit : {policy.max_growth, policy.max_site_growth}) {
    if (limit && limit->kind == GrowthLimit::Kind::kBytes && result.unit != "bytes") {
      return absl::InvalidArgumentError(absl::StrCat(
          "a limit in bytes: ", result.sample_type, " is in ", result.unit, " (a bare number is)"));
    }
  }
  return absl::OkStatus();
}

double SurePart(const GateFinding& finding) {
  return finding.growth.delta_ci ? finding.growth.delta_ci->low
                                 : static_cast<double>(finding.growth.delta);
}

}  // namespace

const char* Name(GateRule rule) {
  switch (rule) {
    case GateRule::kMaxGrowth:
      return "max-growth";
    case GateRule::kMaxSiteGrowth:
      return "max-site-growth";
    case GateRule::kNoNewLeaks:
      return "no-new-leaks";
  }
  return "";
}

GatePolicy DefaultPolicy(absl::string_view sample_type) {
  using Kind = GrowthLimit::Kind;
  GatePolicy policy{.max_growth = GrowthLimit{Kind::kShare, 0.05}};
  if (sample_type == "inuse_space") {
    policy.max_site_growth = GrowthLimit{Kind::kBytes, 1048576};
    policy.no_new_leaks = true;
  }
  return policy;
}

absl::StatusOr<GateResult> RunGate(absl::Span<const ProfilePtr> base,
                                   absl::Span<const ProfilePtr> now, absl::string_view sample_index,
                                   const GatePolicy& policy) {
  absl::StatusOr<GateSide> base_side = ChooseGateSide(base, "the base: ");
  if (!base_side.ok()) return base_side.status();
  absl::StatusOr<GateSide> now_side = ChooseGateSide(now, "");
  if (!now_side.ok()) return now_side.status();
  GateResult result;
  for (const GateSide* side : {&*base_side, &*now_side}) {
    result.notes.insert(result.notes.end(), side->notes.begin(), side->notes.end());
  }
  CompareLikeMoments(*base_side, *now_side, &result.notes);
  NoteRunTimes(*base_side, *now_side, &result.notes);

  const Profile& profile = now_side->newest();
  const auto type =
      report::ResolveSampleIndex(profile, sample_index.empty() ? "inuse_space" : sample_index);
  if (!type.ok()) return type.status();
  const auto base_type = report::MatchingSampleType(base_side->newest(), profile, *type);
  if (!base_type.ok()) return BadInput(base_type.status().message());
  const ValueType value_type = profile.sample_types()[static_cast<size_t>(*type)];
  result.sample_type = std::string(profile.string(value_type.type));
  result.unit = std::string(profile.string(value_type.unit));
  result.policy = policy.empty() ? DefaultPolicy(result.sample_type) : policy;
  const absl::Status units = CheckUnits(result.policy, result);
  if (!units.ok()) return units;

  const absl::Status checked = Gate(*base_side, *now_side, &result).Run(*base_type, *type);
  if (!checked.ok()) return checked;
  const auto is_site = [](const GateFinding& finding) { return finding.site.has_value(); };
  std::stable_sort(result.findings.begin(), result.findings.end(),
                   [&](const GateFinding& a, const GateFinding& b) {
                     if (is_site(a) != is_site(b)) return is_site(b);
                     return SurePart(a) > SurePart(b);
                   });
  return result;
}

}  // namespace tidemark::leaks
