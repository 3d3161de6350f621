#include "analyzer/report/selection.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/model/subtract.h"
#include "analyzer/report/label_frames.h"
#include "analyzer/report/tag_filter.h"

namespace tidemark::report {
namespace {

// pprof's computeTotal.
int64_t TotalOf(const Selection& selection, bool kept_only) {
  const Profile& profile = selection.profile();
  const std::vector<bool> base_labels = BaseLabelSets(profile);
  Weight all, base;
  for (size_t i = 0; i < profile.sample_count(); ++i) {
    if (kept_only && !selection.filtered().keeps_sample(i)) continue;
    Weight weight = selection.weight(i);
    weight.sum = WrappingAbs(weight.sum);
    all += weight;
    if (!base_labels.empty() && base_labels[profile.sample_labels()[i].value]) base += weight;
  }
  return base.sum > 0 ? base.value() : all.value();
}

int64_t Scaled(int64_t value, double ratio) {
  const double scaled = static_cast<double>(value) * ratio;
  return std::fabs(scaled) < 9.2e18 ? static_cast<int64_t>(scaled) : value;
}

}  // namespace

absl::StatusOr<Selection> Selection::Make(const Profile& profile, const Options& options) {
  if (options.divide_by == 0 || !std::isfinite(options.divide_by)) {
    return absl::InvalidArgumentError("--divide-by: must be a number other than 0");
  }
  Selection selection;
  selection.options_ = options;
  const Profile* selected = &profile;
  std::vector<std::string> unmatched;
  if (!options.tag_root.empty() || !options.tag_leaf.empty()) {
    auto frames = AddLabelFrames(profile, options);
    if (!frames.ok()) return frames.status();
    selection.derived_ = std::move(frames->profile);
    selected = selection.derived_.get();
    unmatched = std::move(frames->unmatched);
  }
  const auto index = ResolveSampleIndex(*selected, options.sample_index);
  if (!index.ok()) return index.status();
  selection.sample_type_ = *index;
  auto filtered = FilteredProfile::Make(*selected, options);
  if (!filtered.ok()) return filtered.status();
  unmatched.insert(unmatched.end(), filtered->unmatched().begin(), filtered->unmatched().end());
  selection.unmatched_ = std::move(unmatched);
  selection.filtered_ = std::make_shared<const FilteredProfile>(*std::move(filtered));
  selection.values_ = selected->values(static_cast<size_t>(*index));
  if (options.mean) selection.divisors_ = selected->values(0);
  selection.total_ = TotalOf(selection, options.relative_percentages);
  selection.label_units_ = LabelUnits(*selected);
  return selection;
}

std::string Selection::type_name() const {
  const absl::string_view name =
      profile().string(profile().sample_types()[static_cast<size_t>(sample_type_)].type);
  return options_.mean ? absl::StrCat("mean_", name) : std::string(name);
}

std::string Selection::unit() const {
  return std::string(
      profile().string(profile().sample_types()[static_cast<size_t>(sample_type_)].unit));
}

Selection::PerStack Selection::WeightsPerStack() const {
  const Profile& p = profile();
  PerStack result;
  result.weights.resize(p.stack_count());
  result.present.resize(p.stack_count(), false);
  for (size_t i = 0; i < p.sample_count(); ++i) {
    if (!filtered_->keeps_sample(i)) continue;
    const Weight w = weight(i);
    if (w.zero()) continue;
    const StackId stack = p.sample_stacks()[i];
    result.weights[stack.value] += w;
    result.present[stack.value] = true;
  }
  return result;
}

absl::StatusOr<std::shared_ptr<const Profile>> Materialize(const Selection& selection) {
  const Profile& profile = selection.profile();
  const FilteredProfile& filtered = selection.filtered();
  ProfileBuilder builder(profile, ProfileBuilder::Keep::kTables);
  builder.SetDropKeepFrames(StringId{0}, StringId{0});
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    const auto lines = filtered.lines(LocationId{i});
    if (lines.size() != profile.lines(LocationId{i}).size()) builder.SetLines(LocationId{i}, lines);
  }
  const double ratio = 1 / selection.options().divide_by;
  std::vector<LocationId> stack;
  std::vector<Label> labels;
  std::vector<int64_t> values(profile.sample_types().size());
  for (size_t s = 0; s < profile.sample_count(); ++s) {
    if (!filtered.keeps_sample(s)) continue;
    stack.clear();
    for (const LocationId id : filtered.stack(profile.sample_stacks()[s])) {
      if (!filtered.hidden(id)) stack.push_back(id);
    }
    labels.clear();
    for (const Label& label : profile.labels(profile.sample_labels()[s])) {
      if (filtered.shows_label(label.key)) labels.push_back(label);
    }
    for (size_t t = 0; t < values.size(); ++t) {
      const int64_t value = profile.values(t)[s];
      values[t] = ratio > 0 && ratio != 1 ? Scaled(value, ratio) : value;
    }
    builder.AddSample(builder.AddStack(stack), builder.AddLabels(labels), values);
  }
  return builder.Build();
}

}  // namespace tidemark::report
