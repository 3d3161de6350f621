#include "analyzer/leaks/reason.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/base/rounding.h"
#include "analyzer/leaks/stack_role.h"
#include "analyzer/leaks/wording.h"

namespace tidemark::leaks {
namespace {

std::string Rate(double bytes_per_s, const std::optional<Interval>& ci) {
  const PerTime per = UnitOf(bytes_per_s);
  std::string result = absl::StrCat(Bytes(bytes_per_s * per.seconds), "/", per.name);
  if (ci) {
    absl::StrAppend(&result, " (", Bytes(ci->low * per.seconds), " to ",
                    Bytes(ci->high * per.seconds), ")");
  }
  return result;
}

// "grew 1.20MB (0.90MB to 1.50MB)"
std::string Grew(const Judgement& j) {
  std::string result = absl::StrCat("grew ", Bytes(j.delta.value_or(0)));
  if (j.delta_ci) {
    absl::StrAppend(&result, " (", Bytes(j.delta_ci->low), " to ", Bytes(j.delta_ci->high), ")");
  }
  return result;
}

// "grows 1.20MB/min (0.90MB to 1.50MB)", from whatever is known of it. REQUIRES: two snapshots.
std::string Growth(const Judgement& j) {
  return j.slope_per_s && *j.slope_per_s > 0
             ? absl::StrCat("grows ", Rate(*j.slope_per_s, j.slope_ci_per_s))
             : Grew(j);
}

class Sentence {
 public:
  Sentence(const Series& series, const SiteSeries& site, const Judgement& j)
      : series_(series), site_(site), j_(j) {}

  std::string Write() {
    switch (j_.cause) {
      case Cause::kTrend:
      case Cause::kSpread:
      case Cause::kGrowing:
        WriteGrowth();
        break;
      case Cause::kOneStep:
        Add(absl::StrCat(Grew(j_), " in one step", StepTime()));
        AddSurvival();
        break;
      case Cause::kPaused:
        Add(absl::StrCat(Grew(j_), Over(), " but hardly since", PauseTime()));
        AddSurvival();
        break;
      case Cause::kGrowingArray:
        WriteGrowingArray();
        break;
      case Cause::kOldSurvivors:
        Add(absl::StrCat(LiveBytes(), " live"));
        AddSurvival();
        AddOldShare();
        Add("one snapshot cannot show growth");
        break;
      case Cause::kTurnover:
        WriteTurnover();
        break;
      case Cause::kStopped:
        WriteStopped();
        break;
      case Cause::kNoGrowth:
        if (IsSampledStep()) {
          Add(absl::StrCat(Grew(j_), " in one step", StepTime()));
          break;
        }
        Add(j_.delta ? absl::StrCat("no growth beyond chance: ", Bytes(*j_.delta), Over())
                     : std::string("nothing is live"));
        break;
      case Cause::kShrank:
        Add(absl::StrCat("fell by ", Bytes(-j_.delta.value_or(0)), Over()));
        break;
    }
    AddSamples();
    return absl::StrJoin(parts_, ", ");
  }

 private:
  void Add(std::string part) { parts_.push_back(std::move(part)); }

  std::string LiveBytes() const { return Bytes(site_.at.back().live.sum.estimate); }

  double span_s() const { return series_.times_s.back() - series_.times_s.front(); }

  bool IsTable() const {
    if (!site_.container.valid()) return false;
    const Annotations& annotations = series_.snapshots[site_.snapshot]->annotations();
    return IsAssociative(annotations.containers[site_.container.value].kind);
  }

  // How long before the newest snapshot another was taken.
  std::string Before(size_t snapshot) const {
    return Seconds(series_.times_s.back() - series_.times_s[snapshot]);
  }

  // A few large blocks, which are no chance of sampling.
  bool IsSampledStep() const {
    return j_.trend && j_.trend->tests.is_only_step && j_.delta_ci && j_.delta_ci->low > 0;
  }

  // ", 3s to 2s before the newest snapshot"
  std::string StepTime() const {
    if (!series_.has_times) return "";
    const Step& step = *j_.trend->tests.step;
    const std::string end = step.to + 1 < series_.times_s.size()
                                ? absl::StrCat(" to ", Before(step.to), " before")
                                : std::string(" before");
    return absl::StrCat(", ", Before(step.from), end, " the newest snapshot");
  }

  // " 24s before the newest snapshot"
  std::string PauseTime() const {
    if (!series_.has_times) return " a quarter of the snapshots ago";
    return absl::StrCat(" ", Before(*j_.trend->tests.paused_since), " before the newest snapshot");
  }

  // " in 12mins"
  std::string Over() const {
    return series_.has_times ? absl::StrCat(" in ", Seconds(span_s())) : std::string();
  }

  void AddSurvival() {
    if (!j_.survival) return;
    const bool alone = series_.snapshots.size() == 1;
    Add(absl::StrCat(Share(*j_.survival), " of what it ",
                     alone ? std::string("ever allocated") : absl::StrCat("allocated", Over()),
                     " is still live"));
  }

  void AddOldest() {
    if (j_.oldest_age_s) Add(absl::StrCat("the oldest for ", Seconds(*j_.oldest_age_s)));
  }

  void AddOldShare() {
    // Ages are whole seconds.
    if (!j_.old_share || series_.ages_s.back() < 2) return;
    Add(absl::StrCat(Share(*j_.old_share), " of it older than ",
                     Seconds(series_.ages_s.back() / 2)));
  }

  void AddSamples() {
    const int64_t samples = Rounded(site_.at.back().live.sum.samples);
    Add(absl::StrCat(samples, samples == 1 ? " sample" : " samples"));
  }

  void WriteGrowth() {
    if (series_.snapshots.size() == 1) {
      Add(absl::StrCat(LiveBytes(), " live"));
    } else {
      const std::string growth = Growth(j_);
      Add(absl::StrCat(growth, absl::StartsWith(growth, "grew") ? Over() : ""));
    }
    if (j_.cause == Cause::kTrend) AddWhatHasNoPace();
    AddSurvival();
    AddOldest();
    if (j_.cause == Cause::kSpread) Add("from every quarter of the run");
    if (j_.cause != Cause::kGrowing) return;
    if (series_.snapshots.size() < 3) {
      Add(absl::StrCat(series_.snapshots.size(), " snapshots cannot tell a trend"));
    } else {
      Add(RisesEachTime() || j_.trend->tests.each_part_grows ? "chance is not ruled out"
                                                             : "but not steadily");
    }
  }

  // What the pace leaves out.
  void AddWhatHasNoPace() {
    const GrowthTests& tests = j_.trend->tests;
    if (tests.begin > 0) {
      const Amount fall = site_.at[0].live - site_.at[tests.begin].live;
      Add(absl::StrCat("after a fall by ", Bytes(fall.sum.estimate)));
    }
    if (tests.step && !tests.is_only_step) {
      const Amount rise = site_.at[tests.step->to].live - site_.at[tests.step->from].live;
      Add(absl::StrCat("besides a step of ", Bytes(rise.sum.estimate)));
    }
  }

  bool RisesEachTime() const {
    for (size_t i = 1; i < site_.at.size(); ++i) {
      if (site_.at[i].live.sum.estimate <= site_.at[i - 1].live.sum.estimate) return false;
    }
    return true;
  }

  void WriteGrowingArray() {
    Add(absl::StrCat(IsTable() ? "a table" : "an array", " that goes on growing: ", LiveBytes()));
    if (j_.delta)
      Add(absl::StrCat(Bytes(*j_.delta), " more than", Over().empty() ? " before" : Ago()));
    Add("what it freed it had outgrown");
  }

  std::string Ago() const { return absl::StrCat(" ", Seconds(span_s()), " before"); }

  void WriteTurnover() {
    if (j_.kept) {
      Add(absl::StrCat("comes and goes: ", Share(j_.kept->share), " of what was live ",
                       Seconds(j_.kept->ago_s), " before still is"));
    } else {
      Add("comes and goes");
      AddSurvival();
    }
  }

  void WriteStopped() {
    if (j_.delta) {
      Add(absl::StrCat("grew ", Bytes(*j_.delta), Over(),
                       " but not beyond chance in the later half"));
    } else {
      Add(absl::StrCat(LiveBytes(), " live"));
      AddOldShare();
      Add("hardly anything since");
    }
  }

  const Series& series_;
  const SiteSeries& site_;
  const Judgement& j_;
  std::vector<std::string> parts_;
};

}  // namespace

std::string Reason(const Series& series, const SiteSeries& site, const Judgement& judgement) {
  return Sentence(series, site, judgement).Write();
}

}  // namespace tidemark::leaks
