#include "analyzer/model/subtract.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "analyzer/model/merge.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

constexpr absl::string_view kBaseKey = "pprof::base";
constexpr absl::string_view kBaseValue = "true";

int64_t Times(int64_t value, double ratio) {
  if (ratio == -1) return static_cast<int64_t>(uint64_t{0} - static_cast<uint64_t>(value));
  const double scaled = std::round(static_cast<double>(value) * ratio);
  return std::fabs(scaled) < 9.2e18 ? static_cast<int64_t>(scaled) : value;
}

// The profile with each sample type multiplied; `mark` adds the base's label. Samples whose
// multiplied values are all 0 are dropped, whatever the others are: pprof's ScaleN.
absl::StatusOr<ProfilePtr> Multiply(const Profile& profile, const std::vector<double>& ratios,
                                    bool mark) {
  ProfileBuilder builder(profile, ProfileBuilder::Keep::kTables);
  std::vector<LabelSetId> marked(profile.label_set_count());
  if (mark) {
    const Label base{.key = builder.AddString(kBaseKey), .str = builder.AddString(kBaseValue)};
    for (uint32_t i = 0; i < marked.size(); ++i) {
      std::vector<Label> labels;
      for (const Label& label : profile.labels(LabelSetId{i})) {
        if (label.key != base.key || label.str.value == 0) labels.push_back(label);
      }
      labels.push_back(base);
      marked[i] = builder.AddLabels(labels);
    }
  }
  std::vector<StackId> stacks;
  stacks.reserve(profile.stack_count());
  for (uint32_t i = 0; i < profile.stack_count(); ++i) {
    stacks.push_back(builder.AddStack(profile.stack(StackId{i})));
  }
  std::vector<int64_t> values(ratios.size());
  for (size_t s = 0; s < profile.sample_count(); ++s) {
    bool any = false;
    for (size_t t = 0; t < values.size(); ++t) {
      const int64_t value = profile.values(t)[s];
      values[t] = ratios[t] == 1 ? value : Times(value, ratios[t]);
      any = any || (ratios[t] != 1 && values[t] != 0);
    }
    if (!any) continue;
    const LabelSetId labels = profile.sample_labels()[s];
    builder.AddSample(stacks[profile.sample_stacks()[s].value],
                      mark ? marked[labels.value] : labels, values);
  }
  return builder.Build();
}

// What the profile's sample types must be multiplied with to have the base's sums.
absl::StatusOr<std::vector<double>> NormalizingRatios(const Profile& profile, const Profile& base) {
  const auto sum = [](const Profile& p, size_t type) {
    uint64_t total = 0;  // wraps
    for (const int64_t value : p.values(type)) total += static_cast<uint64_t>(value);
    return static_cast<int64_t>(total);
  };
  std::vector<double> ratios;
  const auto text = [](const Profile& p, StringId id) { return p.string(id); };
  bool same = profile.sample_types().size() == base.sample_types().size();
  for (size_t t = 0; same && t < profile.sample_types().size(); ++t) {
    const ValueType& a = profile.sample_types()[t];
    const ValueType& b = base.sample_types()[t];
    same =
        text(profile, a.type) == text(base, b.type) && text(profile, a.unit) == text(base, b.unit);
    if (!same) break;
    const int64_t own = sum(profile, t);
    ratios.push_back(own == 0 ? 0 : static_cast<double>(sum(base, t)) / static_cast<double>(own));
  }
  if (!same) {
    return absl::InvalidArgumentError(
        "--normalize: the profile and its base have different sample types");
  }
  return ratios;
}

}  // namespace

absl::StatusOr<ProfilePtr> Subtract(const ProfilePtr& profile, const ProfilePtr& base,
                                    const SubtractOptions& options) {
  ProfilePtr minuend = profile;
  if (options.normalize) {
    const auto ratios = NormalizingRatios(*profile, *base);
    if (!ratios.ok()) return ratios.status();
    if (std::any_of(ratios->begin(), ratios->end(), [](double r) { return r != 1; })) {
      auto normalized = Multiply(*profile, *ratios, /*mark=*/false);
      if (!normalized.ok()) return normalized.status();
      minuend = *std::move(normalized);
    }
  }
  auto negated =
      Multiply(*base, std::vector<double>(base->sample_types().size(), -1), options.mark_base);
  if (!negated.ok()) return negated.status();
  return Merge({minuend, *negated});
}

std::vector<bool> BaseLabelSets(const Profile& profile) {
  const StringId key = profile.FindString(kBaseKey);
  const StringId value = profile.FindString(kBaseValue);
  if (!key.valid() || !value.valid()) return {};
  std::vector<bool> base(profile.label_set_count());
  for (uint32_t i = 0; i < base.size(); ++i) {
    for (const Label& label : profile.labels(LabelSetId{i})) {
      if (label.key == key && label.str == value) base[i] = true;
    }
  }
  return base;
}

}  // namespace tidemark
