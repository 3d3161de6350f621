#include "analyzer/report/sampling_error.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace tidemark::report {
namespace {

constexpr double kNormal95 = 1.959964;

// Exact two-sided 95 % limits of a Poisson mean when k events were seen: half the 2.5 and
// 97.5 % points of chi-square with 2k and 2k + 2 degrees of freedom.
struct PoissonLimits {
  double low;
  double high;
};
constexpr PoissonLimits kPoisson95[10] = {
    {0.000000, 3.688879},  {0.025318, 5.571643},  {0.242209, 7.224688},  {0.618672, 8.767273},
    {1.089865, 10.241589}, {1.623486, 11.668332}, {2.201894, 13.059474}, {2.814363, 14.422675},
    {3.453832, 15.763190}, {4.115373, 17.084803},
};

PoissonLimits LimitsOf(int64_t k) {
  if (k < 10) return kPoisson95[k];
  // Wilson and Hilferty's approximation of the same quantiles: from ten on it is within
  // 0.2 % of them, and it goes over into the normal interval.
  const auto cube = [](double n, double z) {
    const double root = 1 - 1 / (9 * n) + z / (3 * std::sqrt(n));
    return n * root * root * root;
  };
  const double n = static_cast<double>(k);
  return {cube(n, -kNormal95), cube(n + 1, kNormal95)};
}

struct Deviation {
  double below = 0;
  double above = 0;
};

// How far the truth may be below and above an estimate. `weight` is the standard deviation
// that one sample brings, used where the sum itself has none.
Deviation DeviationOf(const SampledSum& sum, double weight) {
  const auto k = static_cast<int64_t>(std::llround(std::clamp(sum.samples, 0.0, 1e15)));
  const double n = static_cast<double>(k);
  if (k > 0) weight = std::sqrt(sum.variance / n);
  const PoissonLimits limits = LimitsOf(k);
  return {(n - limits.low) * weight, (limits.high - n) * weight};
}

double Weight(const SampledSum& sum) {
  return sum.samples > 0 ? std::sqrt(sum.variance / std::max(1.0, sum.samples)) : 0;
}

}  // namespace

SampledSum& SampledSum::operator+=(const SampledSum& o) {
  estimate += o.estimate;
  samples += o.samples;
  variance += o.variance;
  return *this;
}

SampledSum& SampledSum::operator-=(const SampledSum& o) {
  estimate -= o.estimate;
  samples = std::max(0.0, samples - o.samples);
  variance = std::max(0.0, variance - o.variance);
  return *this;
}

Interval95 IntervalOf(const SampledSum& sum) {
  const Deviation d = DeviationOf(sum, 0);
  return {std::max(0.0, sum.estimate - d.below), sum.estimate + d.above};
}

Interval95 IntervalOfDifference(const SampledSum& x, const SampledSum& y) {
  // A side without samples still may hide blocks as large as those of the other side.
  const double weight = Weight(x + y);
  const Deviation dx = DeviationOf(x, weight);
  const Deviation dy = DeviationOf(y, weight);
  const double difference = x.estimate - y.estimate;
  return {difference - std::hypot(dx.below, dy.above), difference + std::hypot(dx.above, dy.below)};
}

std::optional<SamplingErrors> SamplingErrors::For(const Profile& profile, int sample_type) {
  const absl::string_view type = profile.string(profile.sample_types()[sample_type].type);
  absl::string_view prefix = type;
  const bool is_space = absl::ConsumeSuffix(&prefix, "space");
  if (!is_space && !absl::ConsumeSuffix(&prefix, "objects")) return std::nullopt;
  const ValueType period_type = profile.period_type();
  if (profile.string(period_type.type) != "space" || profile.string(period_type.unit) != "bytes") {
    return std::nullopt;
  }
  if (profile.period() <= 0) return std::nullopt;
  SamplingErrors errors;
  errors.profile_ = &profile;
  errors.value_ = sample_type;
  errors.space_ = profile.FindSampleType(absl::StrCat(prefix, "space"));
  errors.objects_ = profile.FindSampleType(absl::StrCat(prefix, "objects"));
  errors.samples_ = profile.FindSampleType(absl::StrCat(prefix, "samples"));
  if (errors.space_ < 0 || errors.objects_ < 0) return std::nullopt;
  errors.rate_ = static_cast<double>(profile.period());
  errors.block_sizes_ = BlockSizes(profile);
  return errors;
}

std::vector<int64_t> SamplingErrors::BlockSizes(const Profile& profile) {
  std::vector<int64_t> sizes(profile.label_set_count(), 0);
  const StringId bytes = profile.FindString("bytes");
  if (!bytes.valid()) return sizes;
  for (uint32_t i = 0; i < sizes.size(); ++i) {
    for (const Label& label : profile.labels(LabelSetId{i})) {
      if (label.key == bytes && label.str.value == 0) sizes[i] = label.num;
    }
  }
  return sizes;
}

SampledSum SamplingErrors::of(size_t sample) const {
  SampledSum sum;
  sum.estimate = static_cast<double>(profile_->values(value_)[sample]);
  const double space = std::abs(static_cast<double>(profile_->values(space_)[sample]));
  const double objects = std::abs(static_cast<double>(profile_->values(objects_)[sample]));
  const double recorded =
      samples_ < 0 ? 0 : std::abs(static_cast<double>(profile_->values(samples_)[sample]));
  if (rate_ <= 1) {
    sum.samples = objects;
    return sum;
  }
  double block = static_cast<double>(block_sizes_[profile_->sample_labels()[sample].value]);
  if (block <= 0) block = objects > 0 ? space / objects : 0;
  if (block <= 0) return sum;

  double p = -std::expm1(-block / rate_);
  if (samples_ < 0) {
    sum.samples = objects * p;
  } else {
    sum.samples = recorded;
    // Weights that say a much smaller p are believed: the recorder doubles its rate when
    // its table fills. Block sizes are rounded down by at most 1/9, which is no such sign.
    constexpr double kRounding = 0.8;
    const double p_of_weights = space > 0 ? recorded * block / space : p;
    if (p_of_weights < kRounding * p) p = p_of_weights;
  }
  if (sum.samples > 0) sum.variance = sum.estimate * sum.estimate / sum.samples * (1 - p);
  return sum;
}

bool SameProcess(const Profile& a, const Profile& b) {
  const auto identity = [](const Profile& profile) {
    std::string pid, process_id;
    for (const StringId comment : profile.comments()) {
      absl::string_view text = profile.string(comment);
      if (absl::ConsumePrefix(&text, "tidemark.pid=")) {
        pid = std::string(text);
      } else if (absl::ConsumePrefix(&text, "tidemark.process_id=")) {
        process_id = std::string(text);
      }
    }
    return std::make_pair(pid, process_id);
  };
  const auto [pid, process_id] = identity(a);
  return !pid.empty() && !process_id.empty() && identity(b) == std::make_pair(pid, process_id);
}

}  // namespace tidemark::report
