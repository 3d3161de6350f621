#include "analyzer/report/tag_filter.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "analyzer/base/units.h"

namespace tidemark::report {
namespace {

re2::StringPiece Piece(absl::string_view s) { return {s.data(), s.size()}; }

struct Quantity {
  int64_t number = 0;
  std::string unit;
  std::string text;  // of both
};

// The first two numbers with their units in `text`, wherever they stand.
absl::StatusOr<std::vector<Quantity>> FindQuantities(absl::string_view option,
                                                     absl::string_view text) {
  static const RE2 kQuantity("(([+-]?[[:digit:]]+)([[:alpha:]]+)?)");
  std::vector<Quantity> found;
  re2::StringPiece rest = Piece(text);
  std::string number;
  Quantity quantity;
  while (found.size() < 2 &&
         RE2::FindAndConsume(&rest, kQuantity, &quantity.text, &number, &quantity.unit)) {
    re2::StringPiece digits(number);
    if (digits.starts_with("+")) digits.remove_prefix(1);
    if (!RE2::FullMatch(digits, "(-?\\d+)", &quantity.number)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", option, ": the number ", number, " is beyond 64 bits"));
    }
    found.push_back(quantity);
  }
  return found;
}

}  // namespace

std::vector<absl::string_view> LabelUnits(const Profile& profile) {
  std::vector<absl::string_view> units(profile.string_count());
  std::vector<bool> seen(profile.label_set_count(), false);
  std::vector<bool> numeric(profile.string_count(), false);
  // In the order of the samples: the first unit wins.
  for (const LabelSetId set : profile.sample_labels()) {
    if (seen[set.value]) continue;
    seen[set.value] = true;
    for (const Label& label : profile.labels(set)) {
      if (label.str.value != 0) continue;
      numeric[label.key.value] = true;
      absl::string_view& unit = units[label.key.value];
      if (unit.empty()) unit = profile.string(label.num_unit);
    }
  }
  for (uint32_t key = 0; key < units.size(); ++key) {
    if (!numeric[key] || !units[key].empty()) continue;
    const absl::string_view name = profile.string(StringId{key});
    units[key] = name == "alignment" || name == "request" ? "bytes" : name;
  }
  return units;
}

absl::StatusOr<std::optional<TagFilter::Range>> TagFilter::ParseRange(absl::string_view option,
                                                                      absl::string_view text) {
  const auto found = FindQuantities(option, text);
  if (!found.ok()) return found.status();
  if (found->empty()) return std::optional<Range>();
  const Quantity& first = found->front();
  const ScaledValue low = Scale(first.number, first.unit, first.unit);
  Range range{.unit = low.unit, .low = low.value, .high = low.value};
  if (found->size() == 1) {
    if (text == absl::StrCat(first.text, ":")) {
      range.high.reset();
    } else if (text == absl::StrCat(":", first.text)) {
      range.low.reset();
    } else if (text != first.text) {
      return std::optional<Range>();
    }
    return std::optional<Range>(range);
  }
  const Quantity& second = found->back();
  if (text != absl::StrCat(first.text, ":", second.text)) return std::optional<Range>();
  const ScaledValue high = Scale(second.number, second.unit, range.unit);
  if (high.unit != range.unit) return std::optional<Range>();
  range.high = high.value;
  return std::optional<Range>(range);
}

absl::StatusOr<TagFilter> TagFilter::Make(absl::string_view option, absl::string_view expression,
                                          const Profile& profile) {
  TagFilter filter;
  filter.profile_ = &profile;
  if (const size_t equals = expression.find('='); equals != absl::string_view::npos) {
    filter.key_ = std::string(expression.substr(0, equals));
    expression.remove_prefix(equals + 1);
  }
  auto range = ParseRange(option, expression);
  if (!range.ok()) return range.status();
  if (range->has_value()) {
    filter.range_ = *std::move(range);
    filter.units_ = LabelUnits(profile);
    return filter;
  }
  for (const absl::string_view pattern : absl::StrSplit(expression, ',')) {
    RE2::Options options;
    options.set_log_errors(false);
    auto re = std::make_shared<const RE2>(Piece(pattern), options);
    if (!re->ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", option, ": bad regex \"", pattern, "\": ", re->error()));
    }
    filter.regexes_.push_back(std::move(re));
  }
  return filter;
}

bool TagFilter::MatchesRange(absl::Span<const Label> labels) const {
  for (const Label& label : labels) {
    if (label.str.value != 0) continue;
    if (key_.has_value() && !key_->empty() && profile_->string(label.key) != *key_) continue;
    const ScaledValue value = Scale(label.num, units_[label.key.value], range_->unit);
    if (value.unit == range_->unit && (!range_->low || value.value >= *range_->low) &&
        (!range_->high || value.value <= *range_->high)) {
      return true;
    }
  }
  return false;
}

bool TagFilter::MatchesKeyed(absl::Span<const Label> labels) const {
  for (const Label& label : labels) {
    if (label.str.value == 0 || profile_->string(label.key) != *key_) continue;
    for (const auto& re : regexes_) {
      if (RE2::PartialMatch(Piece(profile_->string(label.str)), *re)) return true;
    }
  }
  return false;
}

bool TagFilter::MatchesAnyKey(absl::Span<const Label> labels) const {
  return std::all_of(regexes_.begin(), regexes_.end(), [&](const auto& re) {
    return std::any_of(labels.begin(), labels.end(), [&](const Label& label) {
      return label.str.value != 0 &&
             RE2::PartialMatch(
                 absl::StrCat(profile_->string(label.key), ":", profile_->string(label.str)), *re);
    });
  });
}

bool TagFilter::Matches(absl::Span<const Label> labels) const {
  if (range_) return MatchesRange(labels);
  // "=value" names no key, as no "=" at all does.
  return key_.has_value() && !key_->empty() ? MatchesKeyed(labels) : MatchesAnyKey(labels);
}

}  // namespace tidemark::report
