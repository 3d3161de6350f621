#include "analyzer/report/label_frames.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "analyzer/base/units.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/report/filter.h"

namespace tidemark::report {
namespace {

// Values of one key as pprof writes them: strings first, then numbers, all of them scaled when
// one has a unit.
std::string ValuesText(const Profile& profile, absl::Span<const Label> labels,
                       absl::string_view key, absl::string_view unit) {
  std::vector<std::string> texts, numbers;
  const bool has_unit = std::any_of(labels.begin(), labels.end(), [&](const Label& label) {
    return label.num_unit.value != 0 && profile.string(label.key) == key;
  });
  for (const Label& label : labels) {
    if (profile.string(label.key) != key) continue;
    if (label.str.value != 0) {
      texts.emplace_back(profile.string(label.str));
    } else if (has_unit) {
      numbers.push_back(ScaledLabel(label.num, profile.string(label.num_unit), unit));
    } else {
      numbers.push_back(ScaledLabel(label.num, "", ""));
    }
  }
  texts.insert(texts.end(), numbers.begin(), numbers.end());
  return absl::StrJoin(texts, ",");
}

class LabelFrameMaker {
 public:
  LabelFrameMaker(const Profile& profile, absl::string_view unit, ProfileBuilder* builder)
      : profile_(profile), unit_(unit), builder_(*builder) {}

  // The frames for `keys`, innermost first; sets *matched when a label exists.
  std::vector<LocationId> Make(const std::vector<std::string>& keys, absl::Span<const Label> labels,
                               bool* matched) {
    std::vector<LocationId> frames;
    for (size_t i = keys.size(); i-- > 0;) {
      *matched = *matched || std::any_of(labels.begin(), labels.end(), [&](const Label& label) {
        return profile_.string(label.key) == keys[i];
      });
      frames.push_back(LocationOf(ValuesText(profile_, labels, keys[i], unit_), keys[i]));
    }
    return frames;
  }

 private:
  LocationId LocationOf(const std::string& function, const std::string& file) {
    const auto [it, inserted] = known_.try_emplace(std::make_pair(function, file));
    if (inserted) {
      const FunctionId id = builder_.AddFunction(
          {.name = builder_.AddString(function), .filename = builder_.AddString(file)});
      it->second = builder_.AddLocation(0, MappingId{}, false, {Line{.function = id}});
    }
    return it->second;
  }

  const Profile& profile_;
  const absl::string_view unit_;
  ProfileBuilder& builder_;
  absl::flat_hash_map<std::pair<std::string, std::string>, LocationId> known_;
};

}  // namespace

absl::StatusOr<LabelFrames> AddLabelFrames(const Profile& profile, const Options& options) {
  const std::vector<std::string> root_keys =
      absl::StrSplit(options.tag_root, ',', absl::SkipEmpty());
  const std::vector<std::string> leaf_keys =
      absl::StrSplit(options.tag_leaf, ',', absl::SkipEmpty());
  const auto pruned = FilteredProfile::Make(profile, Options());
  if (!pruned.ok()) return pruned.status();

  ProfileBuilder builder(profile, ProfileBuilder::Keep::kTables);
  builder.SetDropKeepFrames(StringId{0}, StringId{0});
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    const auto lines = pruned->lines(LocationId{i});
    if (lines.size() != profile.lines(LocationId{i}).size()) builder.SetLines(LocationId{i}, lines);
  }
  LabelFrameMaker maker(profile, options.unit, &builder);
  struct Around {
    std::vector<LocationId> leaf, root;
  };
  std::vector<Around> around(profile.label_set_count());
  std::vector<bool> made(profile.label_set_count(), false);
  bool root_matched = false, leaf_matched = false;
  std::vector<LocationId> stack;
  std::vector<int64_t> values(profile.sample_types().size());
  for (size_t s = 0; s < profile.sample_count(); ++s) {
    const LabelSetId labels = profile.sample_labels()[s];
    Around& frames = around[labels.value];
    if (!made[labels.value]) {
      made[labels.value] = true;
      frames.root = maker.Make(root_keys, profile.labels(labels), &root_matched);
      frames.leaf = maker.Make(leaf_keys, profile.labels(labels), &leaf_matched);
    }
    const auto middle = pruned->stack(profile.sample_stacks()[s]);
    stack.assign(frames.leaf.begin(), frames.leaf.end());
    stack.insert(stack.end(), middle.begin(), middle.end());
    stack.insert(stack.end(), frames.root.begin(), frames.root.end());
    for (size_t t = 0; t < values.size(); ++t) values[t] = profile.values(t)[s];
    builder.AddSample(builder.AddStack(stack), labels, values);
  }
  LabelFrames result;
  if (!root_keys.empty() && !root_matched) result.unmatched.push_back("tagroot");
  if (!leaf_keys.empty() && !leaf_matched) result.unmatched.push_back("tagleaf");
  auto built = builder.Build();
  if (!built.ok()) return built.status();
  result.profile = *std::move(built);
  return result;
}

}  // namespace tidemark::report
