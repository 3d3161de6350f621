#include "analyzer/leaks/series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/leaks/representative.h"
#include "analyzer/leaks/stack_role.h"
#include "analyzer/report/frame.h"
#include "analyzer/report/language.h"

namespace tidemark::leaks {
namespace {

constexpr double kNsPerSecond = 1e9;
// Between two looks at the cancel flag.
constexpr size_t kProgressRows = 65536;

// What makes two frames of different snapshots the same site: source where it is known,
// else the place in the file, which address space randomization does not move.
std::string FrameKey(const report::Frame& frame) {
  if (!frame.function.empty()) {
    return absl::StrCat("f\n", frame.function, "\n", frame.file, "\n", frame.line);
  }
  const std::string& module = frame.build_id.empty() ? frame.module : frame.build_id;
  return absl::StrCat("a\n", module, "\n",
                      frame.module.empty() ? frame.address : frame.module_offset);
}

// Numbers for frames and functions that are the same in all snapshots.
struct KeyTable {
  absl::flat_hash_map<std::string, uint32_t> ids;
  uint32_t Intern(const std::string& key) {
    return ids.try_emplace(key, static_cast<uint32_t>(ids.size())).first->second;
  }
};

// What all snapshots share while their rows are added to the sites.
struct Index {
  KeyTable frames;
  absl::flat_hash_map<uint32_t, uint32_t> site_of_frame;
  // (site, frame of the caller) to the index in the site's callers.
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> caller_index;
};

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
        allocated_at_(profile.FindString("allocated_at")),
        reallocs_(profile.FindString("reallocs")) {
    if (alloc_type_ >= 0) alloc_error_ = report::SamplingErrors::For(profile, alloc_type_);
  }

  bool has_alloc() const { return alloc_type_ >= 0; }
  bool has_sampling_error() const { return live_error_.has_value(); }

  absl::Status AddTo(Index& index, Series& series) {
    const bool is_newest = index_ + 1 == series.snapshots.size();
    std::vector<uint32_t> site_of_stack(profile_.stack_count(), Series::kNoSite);
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      if (progress_ != nullptr && row % kProgressRows == 0 && progress_->cancelled.load()) {
        return absl::CancelledError("ranking was cancelled");
      }
      const StackId stack = profile_.sample_stacks()[row];
      if (profile_.stack(stack).empty()) continue;
      uint32_t& site = site_of_stack[stack.value];
      if (site == Series::kNoSite) site = SiteOf(stack, index, series);
      AddRow(row, is_newest, IsGrownStorage(stack), series.sites[site].at[index_]);
    }
    const std::vector<LiveOfStack> live = SumByStack();
    ChooseStacks(site_of_stack, live, series.sites);
    AddCallers(site_of_stack, live, is_newest, index, series.sites);
    double total = 0;
    for (const LiveOfStack& of : live) total += of.bytes;
    if (total >= series.fullest_live_bytes) {
      series.fullest = index_;
      series.fullest_live_bytes = total;
      series.site_of_fullest_stack = site_of_stack;
    }
    if (is_newest) series.site_of_newest_stack = std::move(site_of_stack);
    return absl::OkStatus();
  }

 private:
  struct LiveOfStack {
    double bytes = 0;
    double samples = 0;
  };

  uint32_t SiteOf(StackId stack, Index& index, Series& series) {
    const uint32_t frame = FrameId(stack, profile_.annotations().site[stack.value], index);
    const auto [it, inserted] =
        index.site_of_frame.try_emplace(frame, static_cast<uint32_t>(series.sites.size()));
    if (inserted) series.sites.emplace_back().at.resize(series.snapshots.size());
    return it->second;
  }

  // The number of a frame; the text behind it is made once per line of a location.
  uint32_t FrameId(StackId stack, FramePosition position, Index& index) {
    const auto key = std::pair(profile_.stack(stack)[position.location].value, position.line);
    const auto [it, inserted] = frame_ids_.try_emplace(key, 0);
    if (inserted) {
      it->second = index.frames.Intern(FrameKey(report::MakeFrame(profile_, stack, position)));
    }
    return it->second;
  }

  // Invalid where no function is known.
  StringId FunctionName(StackId stack, FramePosition position) const {
    const auto lines = profile_.lines(profile_.stack(stack)[position.location]);
    if (position.line >= lines.size() || !lines[position.line].function.valid()) return StringId{};
    return profile_.function(lines[position.line].function).name;
  }

  // The nearest frame outside `site` that is not the same function called by itself.
  std::optional<FramePosition> CallerOf(StackId stack, FramePosition site) const {
    const StringId own = FunctionName(stack, site);
    FramePosition position = site;
    while (true) {
      const size_t lines = profile_.lines(profile_.stack(stack)[position.location]).size();
      position = position.line + 1 < lines ? FramePosition{position.location, position.line + 1}
                                           : FramePosition{position.location + 1, 0};
      if (position.location >= profile_.stack(stack).size()) return std::nullopt;
      if (!own.valid() || FunctionName(stack, position) != own) return position;
    }
  }

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

  bool IsGrownStorage(StackId stack) const {
    const ContainerId container = profile_.annotations().container[stack.value];
    if (!container.valid()) return false;
    const Container& of = profile_.annotations().containers[container.value];
    return Grows(of, report::LanguageOfType(of.type));
  }

  void AddRow(size_t row, bool is_newest, bool is_grown_storage, SiteAtTime& site) {
    if (alloc_type_ >= 0) {
      const Amount alloc = AmountOf(row, alloc_type_, alloc_objects_, alloc_error_);
      site.alloc += alloc;
      if (is_grown_storage) site.grown_alloc += alloc;
    }
    if (profile_.values(static_cast<size_t>(live_type_))[row] == 0) return;
    const Amount live = AmountOf(row, live_type_, live_objects_, live_error_);
    site.live += live;
    if (is_grown_storage) site.grown_live += live;
    if (!is_newest) return;
    for (const Label& label : profile_.labels(profile_.sample_labels()[row])) {
      if (label.str.value != 0 || label.num < 0) continue;
      if (reallocs_.valid() && label.key == reallocs_) {
        site.reallocated_bytes += live.sum.estimate;
      }
      if (!allocated_at_.valid() || label.key != allocated_at_) continue;
      AgeGroup group;
      group.begin_s = static_cast<double>(label.num);
      group.end_s = static_cast<double>(AgeBucketEnd(label.num));
      if (age_s_ > group.begin_s) group.end_s = std::min(group.end_s, age_s_);
      group.live = live.sum;
      site.ages.push_back(group);
    }
  }

  std::vector<LiveOfStack> SumByStack() const {
    std::vector<LiveOfStack> live(profile_.stack_count());
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      const Amount amount = AmountOf(row, live_type_, live_objects_, live_error_);
      LiveOfStack& of = live[profile_.sample_stacks()[row].value];
      of.bytes += amount.sum.estimate;
      of.samples += amount.sum.samples;
    }
    return live;
  }

  // The stack and container that stand for each site in this snapshot.
  void ChooseStacks(const std::vector<uint32_t>& site_of_stack,
                    const std::vector<LiveOfStack>& live, std::vector<SiteSeries>& sites) {
    absl::flat_hash_map<uint32_t, std::vector<StackBytes>> stacks;
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
      if (site_of_stack[i] == Series::kNoSite) continue;
      stacks[site_of_stack[i]].push_back({StackId{i}, live[i].bytes});
    }
    for (const auto& [site, of_site] : stacks) {
      const Representative chosen = ChooseRepresentative(profile_.annotations(), of_site);
      sites[site].snapshot = index_;
      sites[site].container = chosen.container;
      sites[site].stack = chosen.stack;
    }
  }

  void AddCallers(const std::vector<uint32_t>& site_of_stack, const std::vector<LiveOfStack>& live,
                  bool is_newest, Index& index, std::vector<SiteSeries>& sites) {
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
      const uint32_t site = site_of_stack[i];
      if (site == Series::kNoSite || live[i].bytes == 0) continue;
      const StackId stack{i};
      const auto frame = CallerOf(stack, profile_.annotations().site[i]);
      if (!frame) continue;
      std::vector<Caller>& callers = sites[site].callers;
      const auto [it, inserted] = index.caller_index.try_emplace(
          std::pair(site, FrameId(stack, *frame, index)), static_cast<uint32_t>(callers.size()));
      if (inserted) callers.emplace_back();
      Caller& caller = callers[it->second];
      caller.snapshot = index_;
      caller.stack = stack;
      caller.frame = *frame;
      if (index_ == 0) caller.oldest_live_bytes += live[i].bytes;
      if (!is_newest) continue;
      caller.live_bytes += live[i].bytes;
      caller.samples += live[i].samples;
    }
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
  StringId reallocs_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> frame_ids_;  // (location, line)
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

bool WasEverLive(const SiteSeries& site) {
  return std::any_of(site.at.begin(), site.at.end(),
                     [](const SiteAtTime& at) { return at.live.sum.estimate != 0; });
}

double BytesBefore(absl::Span<const AgeGroup> ages, double time_s) {
  double total = 0;
  for (const AgeGroup& group : ages) {
    const double width = group.end_s - group.begin_s;
    const double share = width > 0 ? std::clamp((time_s - group.begin_s) / width, 0.0, 1.0)
                                   : static_cast<double>(group.begin_s < time_s);
    total += share * group.live.estimate;
  }
  return total;
}

absl::StatusOr<Series> MakeSeries(absl::Span<const std::shared_ptr<const Profile>> snapshots,
                                  const RunChoice& choice, Progress* progress) {
  const absl::Status status = CheckSnapshots(snapshots);
  if (!status.ok()) return status;
  absl::StatusOr<Run> run = ChooseRun(snapshots, choice);
  if (!run.ok()) return run.status();
  Series series;
  series.snapshots = std::move(run->snapshots);
  series.notes = std::move(run->notes);
  SetTimes(series);
  if (progress != nullptr) progress->total = series.snapshots.size();
  Index index;
  series.has_alloc = true;
  series.has_sampling_error = true;
  for (size_t i = 0; i < series.snapshots.size(); ++i) {
    SnapshotReader reader(*series.snapshots[i], i, series.ages_s[i], progress);
    const absl::Status added = reader.AddTo(index, series);
    if (!added.ok()) return added;
    series.has_alloc = series.has_alloc && reader.has_alloc();
    series.has_sampling_error = series.has_sampling_error && reader.has_sampling_error();
    if (progress != nullptr) progress->done = i + 1;
  }
  series.has_ages =
      std::any_of(series.sites.begin(), series.sites.end(),
                  [](const SiteSeries& site) { return !site.at.back().ages.empty(); });
  return series;
}

}  // namespace tidemark::leaks
