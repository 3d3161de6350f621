#include "analyzer/report/options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace tidemark::report {

bool Options::AsksForChange() const {
  for (const std::string* filter :
       {&focus, &ignore, &hide, &show, &show_from, &prune_from, &tag_focus, &tag_ignore, &tag_show,
        &tag_hide, &tag_root, &tag_leaf}) {
    if (!filter->empty()) return true;
  }
  return no_inlines || divide_by != 1;
}

absl::StatusOr<int> ResolveSampleIndex(const Profile& profile, absl::string_view sample_index) {
  const auto types = profile.sample_types();
  if (types.empty()) return absl::InvalidArgumentError("the profile has no sample types");
  if (sample_index.empty()) return profile.default_sample_type_index();

  int64_t number = 0;
  if (absl::SimpleAtoi(sample_index, &number)) {
    if (number < 0 || number >= static_cast<int64_t>(types.size())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--sample-index: ", number, " is outside the range [0..", types.size() - 1, "]"));
    }
    return static_cast<int>(number);
  }
  // Profiles older than the inuse_/alloc_ split call their types "objects" and "space".
  const absl::string_view without_inuse = absl::StripPrefix(sample_index, "inuse_");
  for (size_t i = 0; i < types.size(); ++i) {
    const absl::string_view type = profile.string(types[i].type);
    if (type == sample_index || type == without_inuse) return static_cast<int>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--sample-index: \"", sample_index, "\" is none of ",
                   absl::StrJoin(types, ", ", [&](std::string* out, const ValueType& type) {
                     absl::StrAppend(out, profile.string(type.type));
                   })));
}

absl::StatusOr<int> MatchingSampleType(const Profile& base, const Profile& profile,
                                       int sample_type) {
  const ValueType type = profile.sample_types()[sample_type];
  const absl::string_view name = profile.string(type.type);
  const absl::string_view unit = profile.string(type.unit);
  const int index = base.FindSampleType(name);
  if (index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the base has no sample type \"", name, "\""));
  }
  const absl::string_view base_unit = base.string(base.sample_types()[index].unit);
  if (base_unit != unit) {
    return absl::InvalidArgumentError(absl::StrCat("sample type \"", name, "\" is in ", base_unit,
                                                   " in the base, but in ", unit, " here"));
  }
  return index;
}

}  // namespace tidemark::report
