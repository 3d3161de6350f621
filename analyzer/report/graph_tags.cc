#include "analyzer/report/graph_tags.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "analyzer/base/units.h"

namespace tidemark::report {
namespace {

// The names of tags as integers, and which of them each label set gives.
class LabelTags {
 public:
  explicit LabelTags(const Selection& selection)
      : selection_(selection),
        bytes_(selection.profile().FindString("bytes")),
        base_mark_(selection.profile().FindString("pprof::base")),
        of_set_(selection.profile().label_set_count()) {}

  struct Number {
    uint32_t tag = 0;
    int64_t value = 0;
  };
  struct Tags {
    bool known = false;
    bool has_labels = false;
    uint32_t labels = 0;  // tag
    std::vector<Number> numbers;
  };
  struct Name {
    std::string labels;  // all string labels
    std::string number;  // empty: the tag of the labels themselves
    friend bool operator==(const Name&, const Name&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Name& name) {
      return H::combine(std::move(h), name.labels, name.number);
    }
  };

  const Tags& of(LabelSetId id) {
    Tags& tags = of_set_[id.value];
    if (!tags.known) Find(id, &tags);
    return tags;
  }
  const Name& name(uint32_t tag) const { return *names_[tag]; }
  std::string unit() const {
    return bytes_.valid() ? std::string(selection_.label_unit(bytes_)) : "";
  }

 private:
  uint32_t Intern(Name name) {
    const auto [it, inserted] = ids_.try_emplace(std::move(name), names_.size());
    if (inserted) names_.push_back(&it->first);
    return it->second;
  }

  void Find(LabelSetId id, Tags* tags) {
    const Profile& profile = selection_.profile();
    std::vector<std::string> strings;
    std::vector<int64_t> numbers;
    for (const Label& label : profile.labels(id)) {
      if (!selection_.filtered().shows_label(label.key)) continue;
      if (label.str.value != 0) {
        if (label.key == base_mark_) continue;
        strings.push_back(absl::StrCat(profile.string(label.key), ":", profile.string(label.str)));
      } else if (label.key == bytes_) {
        numbers.push_back(label.num);
      }
    }
    std::sort(strings.begin(), strings.end());
    const std::string joined =
        absl::StrJoin(strings, "\\n", [](std::string* out, const std::string& label) {
          absl::StrAppend(out, absl::StrReplaceAll(label, {{"\\", "\\\\"}, {"\"", "\\\""}}));
        });
    tags->known = true;
    tags->has_labels = !joined.empty();
    if (tags->has_labels) tags->labels = Intern({joined, ""});
    for (const int64_t number : numbers) {
      const std::string text = ScaledLabel(number, unit(), selection_.options().unit);
      tags->numbers.push_back({Intern({joined, text}), number});
    }
  }

  const Selection& selection_;
  const StringId bytes_;
  const StringId base_mark_;
  std::vector<Tags> of_set_;  // [label set]
  absl::node_hash_map<Name, uint32_t> ids_;
  std::vector<const Name*> names_;  // [tag]
};

}  // namespace

size_t NodeTags::FlatCount() const {
  const auto count = [](const std::vector<Tag>& tags) {
    return static_cast<size_t>(
        std::count_if(tags.begin(), tags.end(), [](const Tag& tag) { return tag.flat.sum != 0; }));
  };
  size_t sum = count(labels);
  for (const auto& [unused, tags] : numbers) sum += count(tags);
  return sum;
}

std::vector<NodeTags> CollectTags(const CallGraph& graph, absl::Span<const uint32_t> nodes,
                                  int64_t cutoff) {
  const Selection& selection = graph.selection();
  const Profile& profile = selection.profile();
  LabelTags label_tags(selection);

  std::vector<uint32_t> slots(graph.node_count(), kNoNode);  // [node] index in `nodes`
  for (uint32_t i = 0; i < nodes.size(); ++i) slots[nodes[i]] = i;

  struct Sum {
    uint32_t slot, tag;
    int64_t value;
    Weight flat, cum;
  };
  std::deque<Sum> sums;                                  // in the order of the samples
  absl::flat_hash_map<uint64_t, uint32_t> sum_of;        // by slot and tag
  std::vector<uint32_t> seen_in(nodes.size(), kNoNode);  // [slot] sample that last visited it
  const auto add = [&](uint32_t slot, uint32_t tag, int64_t value, const Weight& weight,
                       Weight Sum::*part) {
    const auto [it, inserted] =
        sum_of.try_emplace(uint64_t{slot} << 32 | tag, static_cast<uint32_t>(sums.size()));
    if (inserted) sums.push_back({slot, tag, value, {}, {}});
    sums[it->second].*part += weight;
  };
  for (uint32_t s = 0; s < profile.sample_count(); ++s) {
    const Weight weight = selection.weight(s);
    if (weight.zero() || !selection.filtered().keeps_sample(s)) continue;
    const LabelTags::Tags& tags = label_tags.of(profile.sample_labels()[s]);
    if (!tags.has_labels && tags.numbers.empty()) continue;
    const auto add_all = [&](uint32_t slot, Weight Sum::*part) {
      if (tags.has_labels) add(slot, tags.labels, 0, weight, part);
      for (const auto& number : tags.numbers) add(slot, number.tag, number.value, weight, part);
    };
    const uint32_t leaf = graph.Walk(profile.sample_stacks()[s], [&](uint32_t node) {
      const uint32_t slot = slots[node];
      if (slot == kNoNode || seen_in[slot] == s) return;
      seen_in[slot] = s;
      add_all(slot, &Sum::cum);
    });
    if (leaf != kNoNode && slots[leaf] != kNoNode) add_all(slots[leaf], &Sum::flat);
  }

  std::vector<NodeTags> result(nodes.size());
  for (const Sum& sum : sums) {
    if (WrappingAbs(sum.flat.sum) < cutoff && WrappingAbs(sum.cum.sum) < cutoff) continue;
    const LabelTags::Name& name = label_tags.name(sum.tag);
    NodeTags& tags = result[sum.slot];
    const bool number = !name.number.empty();
    (number ? tags.numbers[name.labels] : tags.labels)
        .push_back({number ? name.number : name.labels, sum.value, number ? label_tags.unit() : "",
                    sum.flat, sum.cum});
  }
  return result;
}

}  // namespace tidemark::report
