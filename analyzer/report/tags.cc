#include "analyzer/report/tags.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"

namespace tidemark::report {

std::vector<TagKey> Tags(const Selection& selection) {
  const Profile& profile = selection.profile();
  const FilteredProfile& filtered = selection.filtered();

  // Samples share label sets: each set is taken apart once.
  std::vector<int64_t> per_set(profile.label_set_count(), 0);
  std::vector<bool> present(profile.label_set_count(), false);
  for (size_t s = 0; s < profile.sample_count(); ++s) {
    if (!filtered.keeps_sample(s)) continue;
    const uint32_t set = profile.sample_labels()[s].value;
    present[set] = true;
    per_set[set] = WrappingAdd(per_set[set], selection.weight(s).sum);
  }

  std::vector<TagKey> tags;
  absl::flat_hash_map<uint32_t, size_t> keys;  // by StringId, into tags
  absl::flat_hash_map<std::tuple<size_t, uint32_t, int64_t>, size_t> values;
  for (uint32_t set = 0; set < per_set.size(); ++set) {
    if (!present[set]) continue;
    for (const Label& label : profile.labels(LabelSetId{set})) {
      if (!filtered.shows_label(label.key)) continue;
      const auto [key, new_key] = keys.try_emplace(label.key.value, tags.size());
      if (new_key) tags.push_back({profile.string(label.key), "", 0, {}});
      TagKey& tag = tags[key->second];
      const bool numeric = label.str.value == 0;
      const auto [value, new_value] =
          values.try_emplace({key->second, label.str.value, label.num}, tag.values.size());
      if (new_value) {
        tag.values.push_back({numeric, profile.string(label.str), numeric ? label.num : 0, 0});
        if (numeric) tag.unit = selection.label_unit(label.key);
      }
      int64_t& flat = tag.values[value->second].flat;
      flat = WrappingAdd(flat, per_set[set]);
      tag.total = WrappingAdd(tag.total, per_set[set]);
    }
  }

  std::sort(tags.begin(), tags.end(),
            [](const TagKey& a, const TagKey& b) { return a.key < b.key; });
  for (TagKey& tag : tags) {
    std::sort(tag.values.begin(), tag.values.end(), [](const TagValue& a, const TagValue& b) {
      const int64_t x = WrappingAbs(a.flat);
      const int64_t y = WrappingAbs(b.flat);
      return std::tie(y, b.numeric, a.number, a.text) < std::tie(x, a.numeric, b.number, b.text);
    });
  }
  return tags;
}

}  // namespace tidemark::report
