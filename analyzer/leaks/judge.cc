#include "analyzer/leaks/judge.h"

#include <algorithm>
#include <utility>

#include "analyzer/leaks/stack_role.h"
#include "analyzer/leaks/statistics.h"
#include "analyzer/report/language.h"

namespace tidemark::leaks {
namespace {

constexpr double kLikelyZ = 1.645;  // one-sided 5 %
// Expected share of false ones among the sites called leaks, and among suspects.
constexpr double kLeakFalseDiscoveries = 0.01;
constexpr double kSuspectFalseDiscoveries = 0.05;
// The least share of the newest level that elements must have to speak for their site.
constexpr double kElementsShare = 0.25;

// Turnover: a share of the oldest level below this is "nothing is left".
constexpr double kNothingKept = 0.1;
constexpr double kMinSamplesToKnow = 5;
constexpr double kSameSize = 1.2;
// Spread: the least share of the survivors' bytes in each quarter of the run, and how many
// samples and seconds it takes to say so.
constexpr double kQuarterShare = 0.08;
constexpr double kSpreadSamples = 16;
constexpr double kSpreadSurvival = 0.9;
constexpr double kSpreadSeconds = 4;
// From one or two snapshots a program that is not done yet looks the same.
constexpr double kSpreadSecondsFew = 60;
// Doubling leaves as much freed behind as it holds; growth by 1.5 twice as much.
constexpr double kFreedByGrowing = 2.2;
constexpr double kGrownAtLeast = 1.4;
// The same of growth by 1.25.
constexpr double kFreedByQuarters = 4.4;
constexpr double kGrownByQuartersAtLeast = 1.2;
// An array that fills at a steady pace got its newest block no earlier than half the run
// ago; a pace that slows down some (a busier machine) gets some room.
constexpr double kNewestBlockAfter = 0.4;
constexpr double kMinShareOfTotal = 0.01;
constexpr double kLateShare = 0.25;
// One snapshot.
constexpr double kSuspectSurvival = 0.5;
constexpr double kStillAllocating = 0.1;

Interval ToInterval(const report::Interval95& i) { return {i.first, i.second}; }

class SiteJudge {
 public:
  SiteJudge(const Series& series, const SiteSeries& site, double total_live)
      : series_(series), site_(site), total_live_(total_live), n_(series.snapshots.size()) {
    for (const SiteAtTime& at : site.at) levels_.push_back(at.live.sum.estimate);
  }

  // Everything but the verdict.
  Judgement Measure() {
    Judgement j;
    if (n_ >= 2) Test(j);
    const SiteAtTime& newest = site_.at.back();
    if (series_.has_sampling_error) j.live_ci = ToInterval(report::IntervalOf(newest.live.sum));
    if (n_ >= 2) {
      j.delta = levels_.back() - levels_.front();
      if (series_.has_sampling_error) j.delta_ci = DeltaInterval(AmountsOf(Part::kWhole));
    }
    if (n_ >= kTrendSnapshots && series_.has_times) MeasureSlope(j);
    if (n_ >= 2 && series_.has_alloc) MeasureFlows(j);
    MeasureSurvival(j);
    MeasureAges(j);
    return j;
  }

  // The chance to see such growth where there is none. REQUIRES: it was measured.
  double p_value() const { return p_value_; }

  void Decide(bool passes_leak, bool passes_suspect, Judgement& j) const {
    if (n_ == 1) {
      DecideAlone(j);
      return;
    }
    const bool turned_over = HasTurnedOver(j);
    const bool is_growing_array = IsGrowingArray();
    if (n_ >= kTrendSnapshots && passes_leak && tests_.each_part_grows && GoesOn() &&
        !turned_over) {
      Set(Verdict::kLeak, Cause::kTrend, j);
    } else if (is_growing_array && DoubledOnce()) {
      j.trend = Trend{.tests = whole_};  // what the step is of
      Set(Verdict::kSuspect, Cause::kOneStep, j);
    } else if (is_growing_array) {
      Set(n_ >= kTrendSnapshots ? Verdict::kLeak : Verdict::kSuspect, Cause::kGrowingArray, j);
    } else if (tests_.growth_z > kLikelyZ && StillGrows() && GoesOn() && IsSpread(j)) {
      Set(Verdict::kLeak, Cause::kSpread, j);
    } else if (turned_over && tests_.growth_z > -kSureZ) {
      Set(Verdict::kSteady, Cause::kTurnover, j);
    } else if (tests_.growth_z > kSureZ && !StillGrows()) {
      Set(Verdict::kSteady, Cause::kStopped, j);
    } else if (passes_suspect) {
      Set(Verdict::kSuspect, CauseOfDoubt(), j);
    } else if (tests_.growth_z < -kSureZ) {
      Set(Verdict::kShrinking, Cause::kShrank, j);
    } else {
      Set(Verdict::kSteady, Cause::kNoGrowth, j);
    }
  }

 private:
  void Test(Judgement& j) {
    whole_ = tests_ = TestGrowth(series_.times_s, AmountsOf(Part::kWhole));
    const bool two_tests = HasElementsBesideStorage();
    bool of_elements = false;
    if (two_tests) {
      const GrowthTests elements = TestGrowth(series_.times_s, AmountsOf(Part::kElements));
      of_elements = elements.least > whole_.least;
      if (of_elements) tests_ = elements;
    }
    if (n_ >= kTrendSnapshots) j.trend = Trend{.tests = tests_, .of_elements = of_elements};
    p_value_ = std::min(1.0, (two_tests ? 2 : 1) * UpperTail(tests_.growth_z));
  }

  // One block that is replaced by a larger one, not many that are kept: storage that was
  // growing, be it a vector's, a ring's or a table's. Without a container, most of it went
  // through realloc, or the blocks became larger and not more.
  bool IsArray() const {
    if (site_.container.valid()) {
      double live = 0;
      double grown = 0;
      for (const SiteAtTime& at : site_.at) {
        live += at.live.sum.estimate;
        grown += at.grown_live.sum.estimate;
      }
      return grown > live / 2;
    }
    if (site_.at.back().reallocated_bytes > 0.5 * levels_.back()) return true;
    const Amount& then = site_.at.front().live;
    const Amount& now = site_.at.back().live;
    return n_ > 1 && then.objects > 0 && now.objects <= kSameSize * then.objects &&
           now.sum.estimate > kGrownAtLeast * then.sum.estimate;
  }

  Amount FreedUntil(size_t i) const { return site_.at[i].alloc - site_.at[i].live; }

  enum class Part { kWhole, kElements };

  AmountSeries AmountsOf(Part part) const {
    AmountSeries amounts;
    for (const SiteAtTime& at : site_.at) {
      const bool is_whole = part == Part::kWhole;
      amounts.live.push_back(is_whole ? at.live : at.live - at.grown_live);
      if (!series_.has_alloc) continue;
      amounts.alloc.push_back(is_whole ? at.alloc : at.alloc - at.grown_alloc);
    }
    return amounts;
  }

  bool HasElementsBesideStorage() const {
    const double grown = site_.at.back().grown_live.sum.estimate;
    return grown > 0 && levels_.back() - grown >= kElementsShare * levels_.back();
  }

  // What is live at both ends cancels, so the difference is made of what was allocated and
  // what was freed in between; two independent levels bound it as well.
  static Interval DeltaInterval(const AmountSeries& amounts) {
    const size_t last = amounts.live.size() - 1;
    const report::Interval95 independent =
        report::IntervalOfDifference(amounts.live[last].sum, amounts.live[0].sum);
    if (amounts.alloc.empty()) return ToInterval(independent);
    const Amount born = amounts.alloc[last] - amounts.alloc[0];
    const Amount died = amounts.FreedUntil(last) - amounts.FreedUntil(0);
    const report::Interval95 flows = report::IntervalOfDifference(born.sum, died.sum);
    const bool narrower = flows.second - flows.first < independent.second - independent.first;
    return ToInterval(narrower ? flows : independent);
  }

  void MeasureFlows(Judgement& j) const {
    const Amount born = site_.at.back().alloc - site_.at.front().alloc;
    const Amount died = FreedUntil(n_ - 1) - FreedUntil(0);
    Flows flows;
    flows.allocated = std::max(0.0, born.sum.estimate);
    flows.freed = std::max(0.0, died.sum.estimate);
    if (KnowsAges()) {
      const double kept =
          levels_.back() - BytesBefore(site_.at.back().ages, series_.ages_s.front());
      flows.survived = std::clamp(kept, 0.0, flows.allocated);
    }
    if (series_.has_sampling_error) {
      flows.allocated_ci = ToInterval(report::IntervalOf(born.sum));
      flows.freed_ci = ToInterval(report::IntervalOf(died.sum));
    }
    j.flows = flows;
  }

  void MeasureSlope(Judgement& j) const {
    const PacedSeries paced = ForPace(series_.times_s, AmountsOf(Part::kWhole), tests_);
    const TheilSen fit = FitSlope(paced.times_s, LevelsOf(paced.amounts));
    j.slope_per_s = fit.slope;
    const bool has_many = paced.times_s.size() >= kManySnapshots;
    Interval ci{fit.slope, fit.slope};
    if (has_many) ci = {fit.low, fit.high};
    const double span = paced.times_s.back() - paced.times_s.front();
    if (series_.has_sampling_error && span > 0) {
      const Interval delta = DeltaInterval(paced.amounts);
      const double estimate =
          paced.amounts.live.back().sum.estimate - paced.amounts.live.front().sum.estimate;
      ci.low = std::min(ci.low, fit.slope - (estimate - delta.low) / span);
      ci.high = std::max(ci.high, fit.slope + (delta.high - estimate) / span);
    }
    if (series_.has_sampling_error || has_many) j.slope_ci_per_s = ci;
  }

  bool KnowsAges() const {
    double labelled = 0;
    for (const AgeGroup& group : site_.at.back().ages) labelled += group.live.estimate;
    return run_s() > 0 && labelled > 0 && labelled >= 0.9 * levels_.back();
  }

  double run_s() const { return series_.ages_s.back(); }

  void MeasureSurvival(Judgement& j) const {
    if (!series_.has_alloc) return;
    const SiteAtTime& newest = site_.at.back();
    double allocated = newest.alloc.sum.estimate;
    double kept = newest.live.sum.estimate;
    if (n_ >= 2) {
      allocated -= site_.at.front().alloc.sum.estimate;
      kept = KnowsAges() ? kept - BytesBefore(newest.ages, series_.ages_s.front())
                         : levels_.back() - levels_.front();
    }
    if (allocated > 0) j.survival = std::clamp(kept / allocated, 0.0, 1.0);
  }

  void MeasureAges(Judgement& j) const {
    if (!KnowsAges()) return;
    const std::vector<AgeGroup>& ages = site_.at.back().ages;
    const double live = std::max(1.0, levels_.back());
    j.old_share = std::clamp(BytesBefore(ages, run_s() / 2) / live, 0.0, 1.0);
    double first = run_s();
    for (const AgeGroup& group : ages) first = std::min(first, group.begin_s);
    j.oldest_age_s = run_s() - first;
    // Of the later half some is always left, of batches too; a peak at the start is none.
    for (size_t i = tests_.begin; i + 1 < n_ && i <= (n_ - 1) / 2; ++i) {
      const double samples = site_.at[i].live.sum.samples;
      if (series_.ages_s[i] <= 0 || levels_[i] <= 0 || (j.kept && samples <= j.kept->samples)) {
        continue;
      }
      j.kept = {.share = std::clamp(BytesBefore(ages, series_.ages_s[i]) / levels_[i], 0.0, 1.0),
                .samples = samples,
                .ago_s = run_s() - series_.ages_s[i]};
    }
  }

  bool StillGrows() const { return n_ < kTrendSnapshots || tests_.late_z > kLikelyZ; }

  // An array pauses between two steps, the longer the larger it is.
  bool GoesOn() const { return !tests_.is_only_step && (!tests_.paused_since || IsArray()); }

  // Three snapshots show an array that grows by one step only.
  bool DoubledOnce() const { return n_ > kTrendSnapshots && whole_.is_only_step; }

  Cause CauseOfDoubt() const {
    if (tests_.is_only_step) return Cause::kOneStep;
    return GoesOn() ? Cause::kGrowing : Cause::kPaused;
  }

  // More blocks of the same size, not the same blocks grown larger.
  bool GrowsByNumber() const {
    const Amount& then = site_.at.front().live;
    const Amount& now = site_.at.back().live;
    return then.objects > 0 && now.objects > 0 &&
           now.sum.estimate / now.objects < kSameSize * then.sum.estimate / then.objects;
  }

  // An array that grows leaves nothing of its old block, and is no less kept for that. A queue
  // whose consumer is too slow leaves nothing either, so many levels that rise nearly all the
  // time overrule it; a saw's teeth rise by chance, but not that well.
  bool HasTurnedOver(const Judgement& j) const {
    if ((IsArray() && !GrowsByNumber()) || !j.kept) return false;
    if (tests_.rises_surely) return false;
    return j.kept->share < kNothingKept && j.kept->samples >= kMinSamplesToKnow;
  }

  bool IsSpread(const Judgement& j) const {
    const double min_seconds = n_ < kTrendSnapshots ? kSpreadSecondsFew : kSpreadSeconds;
    if (!KnowsAges() || !j.survival || *j.survival < kSpreadSurvival) return false;
    if (run_s() < min_seconds || site_.at.back().live.sum.samples < kSpreadSamples) return false;
    double before = 0;
    for (int quarter = 1; quarter <= 4; ++quarter) {
      const double until = BytesBefore(site_.at.back().ages, run_s() * quarter / 4);
      if (until - before < kQuarterShare * levels_.back()) return false;
      before = until;
    }
    return true;
  }

  // Bytes weigh: the array's largest block is the newest.
  bool GrewLately() const {
    if (!KnowsAges()) {
      const double least = GrowsByQuarters() ? kGrownByQuartersAtLeast : kGrownAtLeast;
      return n_ >= 2 && levels_.back() > least * levels_[(n_ - 1) / 2];
    }
    return BytesBefore(site_.at.back().ages, kNewestBlockAfter * run_s()) < 0.5 * levels_.back();
  }

  // Goes on growing as arrays do: what it freed is what it had outgrown. Growth by a factor
  // leaves about as much behind as it holds. By constant steps it leaves far more, which
  // saw-teeth do too, so then the levels themselves must rise all the time.
  bool IsGrowingArray() const {
    if (!IsArray() || GrowsByNumber() || !series_.has_alloc) return false;
    const double live = levels_.back();
    if (live <= 0) return false;
    const Amount freed = FreedUntil(n_ - 1);
    if (freed.sum.samples < 2) return false;
    int steps = 0;
    for (size_t i = 1; i < n_; ++i) {
      if (levels_[i] < 0.95 * levels_[i - 1]) return false;
      steps += levels_[i] > kSameSize * levels_[i - 1];
    }
    // One step is a table that doubled once.
    if (n_ >= kManySnapshots && steps < 2) return false;
    if (n_ > 1 && live < kGrownAtLeast * levels_.front()) return false;
    if (RisesAllTheTime()) return true;
    const double most_freed = GrowsByQuarters() ? kFreedByQuarters : kFreedByGrowing;
    return live >= kMinShareOfTotal * total_live_ && freed.sum.estimate <= most_freed * live &&
           GrewLately();
  }

  // Go's slices grow by 1.25 once they are large.
  bool GrowsByQuarters() const {
    if (!site_.container.valid()) return false;
    const Profile& profile = *series_.snapshots[site_.snapshot];
    const Container& container = profile.annotations().containers[site_.container.value];
    return report::LanguageOfType(container.type) == report::Language::kGo;
  }

  // By the ranks of the levels alone, since few large blocks make a wide count of them: the
  // chance of such an order without a trend is below 1 %, and the later half has its share.
  bool RisesAllTheTime() const {
    // There are at most 1 / share sites as large as this one, so of all of them less than one
    // has such an order by chance.
    const double share = levels_.back() / std::max(1.0, total_live_);
    if (!whole_.rises_surely || whole_.mann_kendall_p > share) return false;
    const double late = levels_.back() - levels_[(n_ - 1) / 2];
    return late >= kLateShare * (levels_.back() - levels_.front());
  }

  void DecideAlone(Judgement& j) const {
    const bool survives = !j.survival || *j.survival >= kSuspectSurvival;
    if (IsGrowingArray()) {
      Set(Verdict::kSuspect, Cause::kGrowingArray, j);
    } else if (IsSpread(j)) {
      Set(Verdict::kLeak, Cause::kSpread, j);
    } else if (j.survival && !survives) {
      Set(Verdict::kSteady, Cause::kTurnover, j);
    } else if (j.old_share && *j.old_share > 1 - kStillAllocating) {
      Set(Verdict::kSteady, Cause::kStopped, j);
    } else if (levels_.back() > 0) {
      Set(Verdict::kSuspect, Cause::kOldSurvivors, j);
    } else {
      Set(Verdict::kSteady, Cause::kNoGrowth, j);
    }
  }

  void Set(Verdict verdict, Cause cause, Judgement& j) const {
    j.verdict = verdict;
    j.cause = cause;
    if (verdict == Verdict::kSteady) {
      j.order = levels_.back();
    } else if (verdict == Verdict::kShrinking) {
      j.order = -j.delta.value_or(0);
    } else if (j.slope_ci_per_s) {
      j.order = j.slope_ci_per_s->low;
    } else if (j.delta) {
      j.order = j.delta_ci ? j.delta_ci->low : *j.delta;
    } else {
      j.order = LowerBoundAlone(j);
    }
  }

  // One snapshot: at least so many bytes are old, as far as survival lets it count.
  double LowerBoundAlone(const Judgement& j) const {
    const double low = j.live_ci ? j.live_ci->low : levels_.back();
    return low * j.survival.value_or(1) *
           (j.cause == Cause::kGrowingArray ? 1 : j.old_share.value_or(1));
  }

  const Series& series_;
  const SiteSeries& site_;
  double total_live_;
  size_t n_;
  std::vector<double> levels_;  // live bytes per snapshot
  double p_value_ = 1;
  GrowthTests whole_;
  GrowthTests tests_;  // of the part that counts
};

}  // namespace

const char* Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kLeak:
      return "leak";
    case Verdict::kSuspect:
      return "suspect";
    case Verdict::kSteady:
      return "steady";
    case Verdict::kShrinking:
      return "shrinking";
  }
  return "";
}

bool HasPace(const Judgement& judgement) {
  return judgement.cause != Cause::kOneStep && judgement.cause != Cause::kPaused;
}

std::vector<Judgement> JudgeAll(const Series& series) {
  double total_live = 0;
  for (const SiteSeries& site : series.sites) total_live += site.at.back().live.sum.estimate;
  std::vector<SiteJudge> judges;
  std::vector<size_t> judged;  // sites
  std::vector<Judgement> judgements(series.sites.size());
  std::vector<double> p_values;
  for (size_t i = 0; i < series.sites.size(); ++i) {
    if (!WasEverLive(series.sites[i])) continue;
    SiteJudge& judge = judges.emplace_back(series, series.sites[i], total_live);
    judged.push_back(i);
    judgements[i] = judge.Measure();
    p_values.push_back(judge.p_value());
  }
  const std::vector<bool> leaks = ControlFalseDiscoveries(p_values, kLeakFalseDiscoveries);
  const std::vector<bool> suspects = ControlFalseDiscoveries(p_values, kSuspectFalseDiscoveries);
  for (size_t i = 0; i < judges.size(); ++i) {
    judges[i].Decide(leaks[i], suspects[i], judgements[judged[i]]);
  }
  return judgements;
}

}  // namespace tidemark::leaks
