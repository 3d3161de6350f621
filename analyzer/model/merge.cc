#include "analyzer/model/merge.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/base/units.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

// A sample type of the result: which column it is in each input, and the factor to the
// result's unit.
struct Column {
  absl::string_view type;
  absl::string_view unit;
  std::vector<int> index;
  std::vector<double> factor;
};

absl::StatusOr<std::vector<Column>> CommonColumns(absl::Span<const ProfilePtr> profiles) {
  std::vector<Column> columns;
  const Profile& first = *profiles.front();
  for (const ValueType& type : first.sample_types()) {
    Column column;
    column.type = first.string(type.type);
    column.unit = first.string(type.unit);
    for (const ProfilePtr& p : profiles) {
      const int index = p->FindSampleType(column.type);
      if (index < 0) break;
      const absl::string_view unit = p->string(p->sample_types()[index].unit);
      if (!SameUnitFamily(unit, column.unit)) {
        return absl::InvalidArgumentError(absl::StrCat("merging: ", column.type, " is in ", unit,
                                                       " here and in ", column.unit, " there"));
      }
      if (UnitFactor(unit) < UnitFactor(column.unit)) column.unit = unit;
      column.index.push_back(index);
    }
    if (column.index.size() != profiles.size()) continue;
    for (size_t i = 0; i < profiles.size(); ++i) {
      const Profile& p = *profiles[i];
      const absl::string_view unit = p.string(p.sample_types()[column.index[i]].unit);
      column.factor.push_back(unit == column.unit ? 1 : UnitFactor(unit) / UnitFactor(column.unit));
    }
    columns.push_back(std::move(column));
  }
  if (columns.empty()) {
    return absl::InvalidArgumentError("merging: the profiles have no sample type in common");
  }
  return columns;
}

int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t Scale(int64_t value, double factor) {
  if (factor == 1) return value;
  const double scaled = static_cast<double>(value) * factor;
  return std::fabs(scaled) < 9.2e18 ? static_cast<int64_t>(scaled) : value;
}

class Merger {
 public:
  Merger(absl::Span<const ProfilePtr> profiles, std::vector<Column> columns)
      : profiles_(profiles), columns_(std::move(columns)), sums_(columns_.size()) {}

  absl::StatusOr<ProfilePtr> Run();

 private:
  using MappingKey = std::tuple<uint64_t, uint64_t, StringId>;  // size, offset, build id or file
  // mapping, address within it, folded, lines
  using LocationKey = std::tuple<MappingId, uint64_t, bool, std::vector<int64_t>>;

  // A mapping of an input: ours, and what to add to its addresses.
  struct MovedMapping {
    MappingId id;
    uint64_t shift = 0;
  };

  void AddHeader();
  void AddTables(const Profile& p);
  MovedMapping AddMapping(const Profile& p, MappingId id);
  FunctionId AddFunction(const Profile& p, FunctionId id);
  void AddSamples(size_t input);
  StringId Copy(const Profile& p, StringId id) {
    StringId& copy = strings_[id.value];
    if (!copy.valid()) copy = builder_.AddString(p.string(id));
    return copy;
  }

  const absl::Span<const ProfilePtr> profiles_;
  const std::vector<Column> columns_;
  ProfileBuilder builder_;

  absl::flat_hash_map<MappingKey, std::pair<MappingId, uint64_t>> known_mappings_;  // and start
  absl::flat_hash_map<LocationKey, LocationId> known_locations_;

  // Of the input being added: its ids to ours.
  std::vector<StringId> strings_;
  std::vector<MovedMapping> mappings_;
  std::vector<FunctionId> functions_;
  std::vector<LocationId> locations_;  // invalid: no sample with a value uses it

  // Samples of the result, in the order of their first occurrence.
  absl::flat_hash_map<std::pair<StackId, LabelSetId>, size_t> rows_;
  std::vector<std::pair<StackId, LabelSetId>> keys_;
  std::vector<std::vector<int64_t>> sums_;  // [column][row]
};

void Merger::AddHeader() {
  const Profile& first = *profiles_.front();
  std::vector<ValueType> types;
  for (const Column& column : columns_) {
    types.push_back({builder_.AddString(column.type), builder_.AddString(column.unit)});
  }
  builder_.SetSampleTypes(types);
  int64_t time_ns = 0, duration_ns = 0, period = 0;
  std::vector<StringId> comments;
  absl::string_view default_type, doc_url;
  for (const ProfilePtr& p : profiles_) {
    if (time_ns == 0 || p->time_ns() < time_ns) time_ns = p->time_ns();
    duration_ns = WrappingAdd(duration_ns, p->duration_ns());
    period = std::max(period, p->period());
    for (const StringId comment : p->comments()) {
      const StringId copy = builder_.AddString(p->string(comment));
      if (std::find(comments.begin(), comments.end(), copy) == comments.end()) {
        comments.push_back(copy);
        builder_.AddComment(copy);
      }
    }
    if (default_type.empty()) default_type = p->string(p->default_sample_type());
    if (doc_url.empty()) doc_url = p->string(p->doc_url());
  }
  builder_.SetTime(time_ns, duration_ns);
  const ValueType period_type = first.period_type();
  builder_.SetPeriod({builder_.AddString(first.string(period_type.type)),
                      builder_.AddString(first.string(period_type.unit))},
                     period);
  builder_.SetDropKeepFrames(builder_.AddString(first.string(first.drop_frames())),
                             builder_.AddString(first.string(first.keep_frames())));
  builder_.SetDefaultSampleType(builder_.AddString(default_type));
  builder_.SetDocUrl(builder_.AddString(doc_url));
}

// The locations of samples that are not all 0, in the order of their first use: pprof's, which
// decides whose name a mapping keeps when several are the same.
std::vector<LocationId> UsedLocations(const Profile& p) {
  std::vector<LocationId> order;
  std::vector<bool> stack_seen(p.stack_count(), false), seen(p.locations().size(), false);
  for (size_t s = 0; s < p.sample_count(); ++s) {
    const StackId stack = p.sample_stacks()[s];
    if (stack_seen[stack.value]) continue;
    bool zero = true;
    for (size_t t = 0; t < p.sample_types().size(); ++t) zero = zero && p.values(t)[s] == 0;
    if (zero) continue;
    stack_seen[stack.value] = true;
    for (const LocationId id : p.stack(stack)) {
      if (seen[id.value]) continue;
      seen[id.value] = true;
      order.push_back(id);
    }
  }
  return order;
}

Merger::MovedMapping Merger::AddMapping(const Profile& p, MappingId id) {
  MovedMapping& known = mappings_[id.value];
  if (known.id.valid()) return known;
  constexpr uint64_t kPage = 4096;
  const Mapping& m = p.mapping(id);
  Mapping copy = m;
  copy.file = Copy(p, m.file);
  copy.build_id = Copy(p, m.build_id);
  const MappingKey key((m.limit - m.start + kPage - 1) / kPage * kPage, m.offset,
                       copy.build_id.value != 0 ? copy.build_id : copy.file);
  const auto [it, inserted] = known_mappings_.try_emplace(key);
  if (inserted) it->second = {builder_.AddMapping(copy), m.start};
  return known = {it->second.first, it->second.second - m.start};
}

FunctionId Merger::AddFunction(const Profile& p, FunctionId id) {
  FunctionId& known = functions_[id.value];
  if (known.valid()) return known;
  const Function& f = p.function(id);
  return known = builder_.AddFunction({.name = Copy(p, f.name),
                                       .system_name = Copy(p, f.system_name),
                                       .filename = Copy(p, f.filename),
                                       .start_line = f.start_line});
}

void Merger::AddTables(const Profile& p) {
  strings_.assign(p.string_count(), StringId{});
  mappings_.assign(p.mappings().size(), MovedMapping{});
  functions_.assign(p.functions().size(), FunctionId{});
  locations_.assign(p.locations().size(), LocationId{});
  // The first mapping is the main binary's, and stays the first.
  if (known_mappings_.empty() && !mappings_.empty()) AddMapping(p, MappingId{0});
  std::vector<Line> lines;
  for (const LocationId id : UsedLocations(p)) {
    const Location& from = p.location(id);
    MappingId mapping;
    uint64_t address = from.address;
    if (from.mapping.valid()) {
      const MovedMapping moved = AddMapping(p, from.mapping);
      mapping = moved.id;
      address += moved.shift;
    }
    lines.clear();
    LocationKey key(mapping, address, from.is_folded, {});
    for (Line line : p.lines(id)) {
      if (line.function.valid()) line.function = AddFunction(p, line.function);
      lines.push_back(line);
      std::get<3>(key).insert(std::get<3>(key).end(),
                              {int64_t{line.function.value}, line.line, line.column});
    }
    const auto [it, inserted] = known_locations_.try_emplace(std::move(key));
    if (inserted) it->second = builder_.AddLocation(address, mapping, from.is_folded, lines);
    locations_[id.value] = it->second;
  }
}

void Merger::AddSamples(size_t input) {
  const Profile& p = *profiles_[input];
  std::vector<StackId> stacks(p.stack_count());
  std::vector<LocationId> stack;
  std::vector<LabelSetId> label_sets;
  std::vector<Label> labels;
  for (uint32_t i = 0; i < p.label_set_count(); ++i) {
    labels.clear();
    for (const Label& l : p.labels(LabelSetId{i})) {
      labels.push_back({Copy(p, l.key), Copy(p, l.str), l.num, Copy(p, l.num_unit)});
    }
    // Equal sets in another order are equal; values of one key keep theirs.
    std::stable_sort(labels.begin(), labels.end(),
                     [](const Label& a, const Label& b) { return a.key < b.key; });
    label_sets.push_back(builder_.AddLabels(labels));
  }
  for (size_t s = 0; s < p.sample_count(); ++s) {
    bool zero = true;
    for (const Column& column : columns_) zero = zero && p.values(column.index[input])[s] == 0;
    if (zero) continue;
    StackId& merged = stacks[p.sample_stacks()[s].value];
    if (!merged.valid()) {
      stack.clear();
      for (const LocationId id : p.stack(p.sample_stacks()[s]))
        stack.push_back(locations_[id.value]);
      merged = builder_.AddStack(stack);
    }
    const std::pair<StackId, LabelSetId> key(merged, label_sets[p.sample_labels()[s].value]);
    const auto [it, inserted] = rows_.try_emplace(key, keys_.size());
    if (inserted) {
      keys_.push_back(key);
      for (auto& column : sums_) column.push_back(0);
    }
    for (size_t c = 0; c < columns_.size(); ++c) {
      const int64_t value = p.values(columns_[c].index[input])[s];
      int64_t& sum = sums_[c][it->second];
      sum = WrappingAdd(sum, Scale(value, columns_[c].factor[input]));
    }
  }
}

absl::StatusOr<ProfilePtr> Merger::Run() {
  AddHeader();
  for (size_t i = 0; i < profiles_.size(); ++i) {
    AddTables(*profiles_[i]);
    AddSamples(i);
  }
  std::vector<int64_t> values(columns_.size());
  for (size_t row = 0; row < keys_.size(); ++row) {
    for (size_t c = 0; c < columns_.size(); ++c) values[c] = sums_[c][row];
    if (std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 0; })) continue;
    builder_.AddSample(keys_[row].first, keys_[row].second, values);
  }
  return builder_.Build();
}

}  // namespace

absl::StatusOr<ProfilePtr> Merge(absl::Span<const ProfilePtr> profiles) {
  if (profiles.empty()) return absl::InvalidArgumentError("merging: no profiles");
  const Profile& first = *profiles.front();
  for (const ProfilePtr& p : profiles) {
    if (p->string(p->period_type().type) != first.string(first.period_type().type) ||
        p->string(p->period_type().unit) != first.string(first.period_type().unit)) {
      return absl::InvalidArgumentError("merging: the profiles' period types differ");
    }
  }
  auto columns = CommonColumns(profiles);
  if (!columns.ok()) return columns.status();
  return Merger(profiles, *std::move(columns)).Run();
}

}  // namespace tidemark
