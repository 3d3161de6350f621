#include "analyzer/model/profile.h"

namespace tidemark {

StringId Profile::FindString(absl::string_view s) const {
  for (size_t i = 0; i < strings_.size(); ++i) {
    if (strings_[i] == s) return StringId{static_cast<uint32_t>(i)};
  }
  return StringId{};
}

int Profile::FindSampleType(absl::string_view type) const {
  for (size_t i = 0; i < sample_types_.size(); ++i) {
    if (string(sample_types_[i].type) == type) return static_cast<int>(i);
  }
  return -1;
}

int Profile::default_sample_type_index() const {
  const absl::string_view name = string(default_sample_type_);
  const int index = name.empty() ? -1 : FindSampleType(name);
  return index >= 0 ? index : static_cast<int>(sample_types_.size()) - 1;
}

}  // namespace tidemark
