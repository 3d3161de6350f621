#include "analyzer/leaks/series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/report/frame.h"

namespace tidemark::leaks {
namespace {

constexpr double kNsPerSecond = 1e9;
// Between two looks at the cancel flag.
constexpr size_t kProgressRows = 65536;

// The value of the recorder's comment "tidemark.KEY=VALUE", else "".
absl::string_view CommentOf(const Profile& profile, absl::string_view key) {
  for (const StringId comment : profile.comments()) {
    absl::string_view text = profile.string(comment);
    if (absl::ConsumePrefix(&text, "tidemark.") && absl::ConsumePrefix(&text, key) &&
        absl::ConsumePrefix(&text, "=")) {
      return text;
    }
  }
  return {};
}

double TotalOf(const Profile& profile, int type) {
  double total = 0;
  for (int64_t value : profile.values(static_cast<size_t>(type))) {
    total += static_cast<double>(value);
  }
  return total;
}

// A later snapshot of one process cannot have allocated less. Without process ids, that
// is how a restart shows (as it does in counters of other monitoring).
bool CounterFell(const Profile& before, const Profile& after) {
  const int alloc_before = before.FindSampleType("alloc_space");
  const int alloc_after = after.FindSampleType("alloc_space");
  if (alloc_before < 0 || alloc_after < 0) return false;
  constexpr double kRounding = 0.999;
  return TotalOf(after, alloc_after) < kRounding * TotalOf(before, alloc_before);
}

// What makes two frames of different snapshots the same site: source where it is known,
// else the place in the file, which address space randomization does not move.
std::string SiteKey(const Profile& profile, StackId stack, FramePosition site) {
  const report::Frame frame = report::MakeFrame(profile, stack, site);
  if (!frame.function.empty()) {
    return absl::StrCat("f\n", frame.function, "\n", frame.file, "\n", frame.line);
  }
  const std::string& module = frame.build_id.empty() ? frame.module : frame.build_id;
  return absl::StrCat("a\n", module, "\n",
                      frame.module.empty() ? frame.address : frame.module_offset);
}

// One snapshot's rows added to the sites.
class SnapshotReader {
 public:
  SnapshotReader(const Profile& profile, size_t index, double age_s, Progress* progress)
      : profile_(profile),
        index_(index),
        age_s_(age_s),
        progress_(progress),
        live_type_(profile.FindSampleType("inuse_space")),
        alloc_type_(profile.FindSampleType("alloc_space")),
        live_objects_(profile.FindSampleType("inuse_objects")),
        alloc_objects_(profile.FindSampleType("alloc_objects")),
        live_error_(report::SamplingErrors::For(profile, live_type_)),
        allocated_at_(profile.FindString("allocated_at")) {
    if (alloc_type_ >= 0) alloc_error_ = report::SamplingErrors::For(profile, alloc_type_);
  }

  bool has_alloc() const { return alloc_type_ >= 0; }
  bool has_sampling_error() const { return live_error_.has_value(); }

  absl::Status AddTo(absl::flat_hash_map<std::string, size_t>& index_of_key, size_t snapshots,
                     std::vector<SiteSeries>& sites) {
    const Annotations& annotations = profile_.annotations();
    std::vector<size_t> site_of_stack(profile_.stack_count(), kNoSite);
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      if (progress_ != nullptr && row % kProgressRows == 0 && progress_->cancelled.load()) {
        return absl::CancelledError("ranking was cancelled");
      }
      const StackId stack = profile_.sample_stacks()[row];
      if (profile_.stack(stack).empty()) continue;
      size_t& site = site_of_stack[stack.value];
      if (site == kNoSite) {
        const std::string key = SiteKey(profile_, stack, annotations.site[stack.value]);
        const auto [it, inserted] = index_of_key.try_emplace(key, sites.size());
        if (inserted) sites.emplace_back().at.resize(snapshots);
        site = it->second;
      }
      AddRow(row, index_ + 1 == snapshots, sites[site].at[index_]);
    }
    ChooseStacks(site_of_stack, sites);
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kNoSite = ~size_t{0};

  Amount AmountOf(size_t row, int type, int objects_type,
                  const std::optional<report::SamplingErrors>& error) const {
    Amount amount;
    const double value = static_cast<double>(profile_.values(static_cast<size_t>(type))[row]);
    if (objects_type >= 0) {
      amount.objects = static_cast<double>(profile_.values(static_cast<size_t>(objects_type))[row]);
    }
    if (error) {
      amount.sum = error->of(row);
    } else {
      amount.sum.estimate = value;
      amount.sum.samples = amount.objects;
    }
    // sum w^2 of equal weights; at least one block stands behind a value.
    amount.count_variance = value * value / std::max(1.0, amount.sum.samples);
    return amount;
  }

  void AddRow(size_t row, bool is_newest, SiteAtTime& site) {
    if (alloc_type_ >= 0) site.alloc += AmountOf(row, alloc_type_, alloc_objects_, alloc_error_);
    if (profile_.values(static_cast<size_t>(live_type_))[row] == 0) return;
    const Amount live = AmountOf(row, live_type_, live_objects_, live_error_);
    site.live += live;
    if (!is_newest || !allocated_at_.valid()) return;
    for (const Label& label : profile_.labels(profile_.sample_labels()[row])) {
      if (label.key != allocated_at_ || label.str.value != 0 || label.num < 0) continue;
      AgeGroup group;
      group.begin_s = static_cast<double>(label.num);
      group.end_s = static_cast<double>(AgeBucketEnd(label.num));
      if (age_s_ > group.begin_s) group.end_s = std::min(group.end_s, age_s_);
      group.bytes = live.sum.estimate;
      group.samples = live.sum.samples;
      site.ages.push_back(group);
    }
  }

  // The stack and container that stand for each site in this snapshot.
  void ChooseStacks(const std::vector<size_t>& site_of_stack, std::vector<SiteSeries>& sites) {
    std::vector<double> live(profile_.stack_count(), 0);
    const auto values = profile_.values(static_cast<size_t>(live_type_));
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      live[profile_.sample_stacks()[row].value] += static_cast<double>(values[row]);
    }
    absl::flat_hash_map<size_t, double> heaviest;
    absl::flat_hash_map<std::pair<size_t, uint32_t>, double> of_container;
    const Annotations& annotations = profile_.annotations();
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
      const size_t site = site_of_stack[i];
      if (site == kNoSite) continue;
      const auto [it, inserted] = heaviest.try_emplace(site, live[i]);
      if (inserted || live[i] > it->second) {
        it->second = live[i];
        sites[site].snapshot = index_;
        sites[site].stack = StackId{i};
        if (inserted) sites[site].container = ContainerId{};
      }
      if (annotations.container[i].valid()) {
        of_container[{site, annotations.container[i].value}] += live[i];
      }
    }
    absl::flat_hash_map<size_t, std::pair<double, uint32_t>> best;
    for (const auto& [key, bytes] : of_container) {
      const auto [it, inserted] = best.try_emplace(key.first, bytes, key.second);
      // Ties go to the lower id, so that the answer does not depend on hash order.
      if (!inserted && (bytes > it->second.first ||
                        (bytes == it->second.first && key.second < it->second.second))) {
        it->second = {bytes, key.second};
      }
    }
    for (const auto& [site, choice] : best) sites[site].container = ContainerId{choice.second};
  }

  const Profile& profile_;
  size_t index_;
  double age_s_;
  Progress* progress_;
  int live_type_;
  int alloc_type_;
  int live_objects_;
  int alloc_objects_;
  std::optional<report::SamplingErrors> live_error_;
  std::optional<report::SamplingErrors> alloc_error_;
  StringId allocated_at_;
};

absl::Status CheckSnapshots(absl::Span<const std::shared_ptr<const Profile>> snapshots) {
  if (snapshots.empty()) return absl::InvalidArgumentError("no snapshots to rank");
  for (const auto& snapshot : snapshots) {
    if (snapshot->FindSampleType("inuse_space") < 0) {
      return absl::InvalidArgumentError(
          "not a heap profile: it has no sample type inuse_space to rank by");
    }
    if (snapshot->annotations().site.size() != snapshot->stack_count()) {
      return absl::InvalidArgumentError("the profile was not classified");
    }
  }
  return absl::OkStatus();
}

// Sorts by time and keeps the process of the newest: growth from one process to another
// is none.
void KeepNewestProcess(Series& series) {
  auto& snapshots = series.snapshots;
  std::stable_sort(snapshots.begin(), snapshots.end(),
                   [](const auto& a, const auto& b) { return a->time_ns() < b->time_ns(); });
  const size_t given = snapshots.size();
  const std::string newest(CommentOf(*snapshots.back(), "process_id"));
  const auto is_other = [&newest](const std::shared_ptr<const Profile>& snapshot) {
    const absl::string_view id = CommentOf(*snapshot, "process_id");
    return !id.empty() && !newest.empty() && id != newest;
  };
  snapshots.erase(std::remove_if(snapshots.begin(), snapshots.end(), is_other), snapshots.end());
  size_t first = 0;
  for (size_t i = 1; i < snapshots.size(); ++i) {
    if (CounterFell(*snapshots[i - 1], *snapshots[i])) first = i;
  }
  snapshots.erase(snapshots.begin(), snapshots.begin() + static_cast<std::ptrdiff_t>(first));
  const size_t left_out = given - snapshots.size();
  if (left_out == 0) return;
  series.notes.push_back(absl::StrCat(
      left_out, left_out == 1 ? " snapshot is" : " snapshots are",
      " of another process (was it restarted?) and left out: only the newest process counts"));
}

// A program that frees its heap before it exits hides every leak from its last snapshot.
void LeaveOutTeardown(Series& series) {
  auto& snapshots = series.snapshots;
  if (snapshots.size() < 2 || CommentOf(*snapshots.back(), "reason") != "exit") return;
  constexpr double kTornDown = 0.8;
  const auto live = [](const Profile& profile) {
    return TotalOf(profile, profile.FindSampleType("inuse_space"));
  };
  if (live(*snapshots.back()) >= kTornDown * live(*snapshots[snapshots.size() - 2])) return;
  snapshots.pop_back();
  series.notes.push_back(
      "the snapshot at exit is left out: the program had freed memory on its way out");
}

void SetTimes(Series& series) {
  const auto& snapshots = series.snapshots;
  series.has_times = snapshots.size() > 1;
  for (size_t i = 0; i < snapshots.size(); ++i) {
    series.ages_s.push_back(
        std::max(0.0, static_cast<double>(snapshots[i]->duration_ns()) / kNsPerSecond));
    const bool follows = i == 0 || snapshots[i]->time_ns() > snapshots[i - 1]->time_ns();
    if (snapshots[i]->time_ns() <= 0 || !follows) series.has_times = false;
  }
  for (size_t i = 0; i < snapshots.size(); ++i) {
    const double since_first = (static_cast<double>(snapshots[i]->time_ns()) -
                                static_cast<double>(snapshots[0]->time_ns())) /
                               kNsPerSecond;
    series.times_s.push_back(series.has_times ? since_first : static_cast<double>(i));
  }
  if (snapshots.size() > 1 && !series.has_times) {
    series.notes.push_back(
        "the snapshots do not say when they were taken: their order is taken as given");
  }
}

double SumBefore(absl::Span<const AgeGroup> ages, double time_s, double AgeGroup::*member) {
  double total = 0;
  for (const AgeGroup& group : ages) {
    const double width = group.end_s - group.begin_s;
    const double share = width > 0 ? std::clamp((time_s - group.begin_s) / width, 0.0, 1.0)
                                   : static_cast<double>(group.begin_s < time_s);
    total += share * group.*member;
  }
  return total;
}

}  // namespace

Amount& Amount::operator+=(const Amount& o) {
  sum += o.sum;
  count_variance += o.count_variance;
  objects += o.objects;
  return *this;
}

Amount operator-(const Amount& a, const Amount& b) {
  Amount result = a;
  result.sum -= b.sum;
  result.count_variance = std::max(0.0, a.count_variance - b.count_variance);
  result.objects -= b.objects;
  return result;
}

int64_t AgeBucketEnd(int64_t begin_s) {
  if (begin_s < 8) return begin_s + 1;
  const int octave = std::bit_width(static_cast<uint64_t>(begin_s)) - 1;
  const int64_t width = int64_t{1} << (octave - 2);
  return begin_s > INT64_MAX - width ? INT64_MAX : begin_s + width;
}

double BytesBefore(absl::Span<const AgeGroup> ages, double time_s) {
  return SumBefore(ages, time_s, &AgeGroup::bytes);
}

double SamplesBefore(absl::Span<const AgeGroup> ages, double time_s) {
  return SumBefore(ages, time_s, &AgeGroup::samples);
}

absl::StatusOr<Series> MakeSeries(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                                  Progress* progress) {
  const absl::Status status = CheckSnapshots(snapshots);
  if (!status.ok()) return status;
  Series series;
  series.snapshots.assign(snapshots.begin(), snapshots.end());
  KeepNewestProcess(series);
  LeaveOutTeardown(series);
  SetTimes(series);
  if (progress != nullptr) progress->total = series.snapshots.size();
  absl::flat_hash_map<std::string, size_t> index_of_key;
  series.has_alloc = true;
  series.has_sampling_error = true;
  for (size_t i = 0; i < series.snapshots.size(); ++i) {
    SnapshotReader reader(*series.snapshots[i], i, series.ages_s[i], progress);
    const absl::Status added = reader.AddTo(index_of_key, series.snapshots.size(), series.sites);
    if (!added.ok()) return added;
    series.has_alloc = series.has_alloc && reader.has_alloc();
    series.has_sampling_error = series.has_sampling_error && reader.has_sampling_error();
    if (progress != nullptr) progress->done = i + 1;
  }
  return series;
}

}  // namespace tidemark::leaks
