#include "analyzer/leaks/ranking.h"

#include <algorithm>
#include <utility>

#include "analyzer/base/rounding.h"
#include "analyzer/leaks/judge.h"
#include "analyzer/leaks/reason.h"
#include "analyzer/leaks/series.h"

namespace tidemark::leaks {
namespace {

constexpr double kSecondsPerHour = 3600;

Interval Scaled(const Interval& i, double factor) { return {i.low * factor, i.high * factor}; }

std::vector<CallerShare> TopCallers(const Series& series, const SiteSeries& site) {
  std::vector<const Caller*> callers;
  for (const Caller& caller : site.callers) {
    if (caller.live_bytes > 0) callers.push_back(&caller);
  }
  std::stable_sort(callers.begin(), callers.end(),
                   [](const Caller* a, const Caller* b) { return a->live_bytes > b->live_bytes; });
  if (callers.size() > kMaxCallers) callers.resize(kMaxCallers);
  std::vector<CallerShare> result;
  for (const Caller* caller : callers) {
    CallerShare& share = result.emplace_back();
    share.frame =
        report::MakeFrame(*series.snapshots[caller->snapshot], caller->stack, caller->frame);
    share.live_bytes = Rounded(caller->live_bytes);
    if (series.snapshots.size() > 1) {
      share.delta_bytes = Rounded(caller->live_bytes - caller->oldest_live_bytes);
    }
    share.samples = Rounded(caller->samples);
  }
  return result;
}

Finding MakeFinding(const Series& series, const SiteSeries& site, const Judgement& j) {
  Finding finding;
  const Profile& profile = *series.snapshots[site.snapshot];
  const SiteAtTime& newest = site.at.back();
  finding.verdict = j.verdict;
  finding.reason = Reason(series, site, j);
  finding.site =
      report::MakeFrame(profile, site.stack, profile.annotations().site[site.stack.value]);
  if (site.container.valid()) {
    finding.container = profile.annotations().containers[site.container.value];
  }
  finding.live_bytes = Rounded(newest.live.sum.estimate);
  finding.live_ci = j.live_ci;
  finding.live_objects = Rounded(newest.live.objects);
  if (j.delta) finding.delta_bytes = Rounded(*j.delta);
  finding.delta_ci = j.delta_ci;
  if (j.slope_per_s && HasPace(j)) finding.slope_bytes_per_hour = *j.slope_per_s * kSecondsPerHour;
  if (j.slope_ci_per_s && HasPace(j)) finding.slope_ci = Scaled(*j.slope_ci_per_s, kSecondsPerHour);
  finding.samples = Rounded(newest.live.sum.samples);
  finding.stack = report::MakeFrames(profile, site.stack);
  for (const SiteAtTime& at : site.at) finding.series.push_back(Rounded(at.live.sum.estimate));
  finding.flows = j.flows;
  finding.trend = j.trend;
  finding.callers = TopCallers(series, site);
  return finding;
}

}  // namespace

absl::StatusOr<Ranking> Rank(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                             const Options& options) {
  absl::StatusOr<Series> made = MakeSeries(snapshots, options.run, options.progress);
  if (!made.ok()) return made.status();
  Series& series = *made;
  const std::vector<Judgement> judgements = JudgeAll(series);
  std::vector<std::vector<Advice>> advice = AdviseAll(series, judgements);

  // Of what was not live at any snapshot, only what there is to say something about.
  std::vector<size_t> order;
  for (size_t i = 0; i < series.sites.size(); ++i) {
    if (WasEverLive(series.sites[i]) || !advice[i].empty()) order.push_back(i);
  }
  // The order of sites is that of the input, so ties are stable.
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Judgement& ja = judgements[a];
    const Judgement& jb = judgements[b];
    if (ja.verdict != jb.verdict) return ja.verdict < jb.verdict;
    if (ja.order != jb.order) return ja.order > jb.order;
    return series.sites[a].at.back().live.sum.estimate >
           series.sites[b].at.back().live.sum.estimate;
  });

  Ranking ranking;
  double total = 0;
  for (const SiteSeries& site : series.sites) total += site.at.back().live.sum.estimate;
  ranking.total_live_bytes = Rounded(total);
  ranking.newest = series.snapshots.back();
  for (const auto& snapshot : series.snapshots) ranking.times_ns.push_back(snapshot->time_ns());
  const std::vector<double> boundaries = Boundaries(series, options.marks);
  ranking.generations = GenerationsOfAll(series, boundaries);
  ranking.projection = ProjectLimit(series, options.limit_bytes);
  ranking.notes = std::move(series.notes);
  if (total <= 0) {
    ranking.notes.push_back(
        "nothing is live in the newest snapshot: take it while the program runs, before it frees "
        "its memory");
  }
  for (size_t i = 0; i < order.size(); ++i) {
    const SiteSeries& site = series.sites[order[i]];
    const Judgement& j = judgements[order[i]];
    Finding finding = MakeFinding(series, site, j);
    finding.rank = static_cast<int>(i + 1);
    finding.generations = GenerationsOf(series, site, boundaries);
    finding.advice = std::move(advice[order[i]]);
    if (ranking.projection && j.slope_per_s && j.verdict <= Verdict::kSuspect && HasPace(j)) {
      finding.time_left =
          TimeToFill(ranking.projection->left_bytes(), *j.slope_per_s, j.slope_ci_per_s);
    }
    ranking.findings.push_back(std::move(finding));
  }
  return ranking;
}

}  // namespace tidemark::leaks
