// Interning keeps one entry {hash, id} per distinct thing; the things themselves stand
// only in the profile's own columns, so that finishing a profile copies nothing. The
// indices of a builder that starts from another profile are made when first needed:
// a pass that only sets lines never hashes a stack.

#include "analyzer/model/profile_builder.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tidemark {
namespace {

constexpr size_t kMaxEntries = std::numeric_limits<uint32_t>::max() - 1;

// Bytes of strings, in blocks that never move.
class StringArena {
 public:
  explicit StringArena(std::shared_ptr<const void> below) : below_(std::move(below)) {}

  absl::string_view Copy(absl::string_view s) {
    if (s.empty()) return "";
    if (s.size() > left_) {
      const size_t block = std::max(s.size(), kBlockBytes);
      blocks_.push_back(std::make_unique<char[]>(block));
      next_ = blocks_.back().get();
      left_ = block;
    }
    char* const begin = next_;
    std::memcpy(begin, s.data(), s.size());
    next_ += s.size();
    left_ -= s.size();
    return absl::string_view(begin, s.size());
  }

 private:
  static constexpr size_t kBlockBytes = 64 << 10;
  std::shared_ptr<const void> below_;  // strings of the profile this one started from
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

// A set of ids found by the content they stand for.
class Index {
 public:
  // The id of the entry for which `equal` holds, else invalid (all ones).
  uint32_t Find(size_t hash, absl::FunctionRef<bool(uint32_t)> equal) const {
    const auto it = entries_.find(Probe{hash, equal});
    return it == entries_.end() ? StringId::kNone : it->id;
  }
  // REQUIRES: Find() with the same arguments found nothing.
  void Insert(size_t hash, uint32_t id) { entries_.insert(Entry{hash, id}); }
  void Reserve(size_t count) { entries_.reserve(count); }

 private:
  struct Entry {
    size_t hash;
    uint32_t id;
  };
  struct Probe {
    size_t hash;
    absl::FunctionRef<bool(uint32_t)> equal;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Entry& e) const { return e.hash; }
    size_t operator()(const Probe& p) const { return p.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.id == b.id; }
    bool operator()(const Entry& e, const Probe& p) const {
      return e.hash == p.hash && p.equal(e.id);
    }
  };
  absl::flat_hash_set<Entry, Hash, Equal> entries_;
};

size_t HashBytes(const void* data, size_t bytes) {
  return absl::Hash<absl::string_view>()(absl::string_view(static_cast<const char*>(data), bytes));
}

size_t HashOf(absl::string_view s) { return HashBytes(s.data(), s.size()); }
size_t HashOf(const Function& f) {
  return absl::HashOf(f.name, f.system_name, f.filename, f.start_line);
}
size_t HashOf(absl::Span<const LocationId> stack) {
  return HashBytes(stack.data(), stack.size() * sizeof(LocationId));
}
size_t HashOf(absl::Span<const Label> labels) {
  size_t hash = labels.size();
  for (const Label& l : labels) hash = absl::HashOf(hash, l.key, l.str, l.num, l.num_unit);
  return hash;
}

}  // namespace

struct ProfileBuilder::Tables {
  explicit Tables(Profile start)
      : profile(std::move(start)), arena(std::make_shared<StringArena>(profile.string_storage_)) {}

  // Makes `index` current with the `count` things that were there before the builder.
  template <typename Get>
  static void Prepare(bool& ready, Index& index, size_t count, Get get) {
    if (ready) return;
    ready = true;
    for (size_t i = 0; i < count; ++i) {
      const auto thing = get(i);
      const size_t hash = HashOf(thing);
      const uint32_t found = index.Find(hash, [&](uint32_t other) { return get(other) == thing; });
      if (found == StringId::kNone) index.Insert(hash, static_cast<uint32_t>(i));
    }
  }

  // False, and an error at Build(), when a table would outgrow its 32-bit ids.
  bool Room(size_t size, size_t more, const char* what) {
    if (more <= kMaxEntries && size <= kMaxEntries - more) return true;
    overflow = what;
    return false;
  }

  absl::Status Check() const;

  Profile profile;
  std::shared_ptr<StringArena> arena;
  Index strings, functions, stacks, label_sets;
  bool strings_ready = false, functions_ready = false, stacks_ready = false,
       label_sets_ready = false;
  const char* overflow = nullptr;  // the table that was full
};

ProfileBuilder::ProfileBuilder() : tables_(std::make_unique<Tables>(Profile())) {
  Profile& p = tables_->profile;
  p.stack_begins_.push_back(0);
  p.label_begins_ = {0, 0};  // LabelSetId{0} is empty
  AddString("");
}

ProfileBuilder::ProfileBuilder(const Profile& base) : tables_(std::make_unique<Tables>(base)) {
  tables_->profile.annotations_ = Annotations();
}

ProfileBuilder::ProfileBuilder(const Profile& base, Keep /*keep*/) {
  Profile start;
  start.strings_ = base.strings_;
  start.string_storage_ = base.string_storage_;
  start.mappings_ = base.mappings_;
  start.functions_ = base.functions_;
  start.lines_ = base.lines_;
  start.locations_ = base.locations_;
  start.stack_begins_ = {0};
  start.label_begins_ = base.label_begins_;
  start.labels_ = base.labels_;
  start.sample_types_ = base.sample_types_;
  start.values_.resize(base.sample_types_.size());
  start.default_sample_type_ = base.default_sample_type_;
  start.period_type_ = base.period_type_;
  start.period_ = base.period_;
  start.time_ns_ = base.time_ns_;
  start.duration_ns_ = base.duration_ns_;
  start.comments_ = base.comments_;
  start.drop_frames_ = base.drop_frames_;
  start.keep_frames_ = base.keep_frames_;
  start.doc_url_ = base.doc_url_;
  tables_ = std::make_unique<Tables>(std::move(start));
}

ProfileBuilder::~ProfileBuilder() = default;

StringId ProfileBuilder::AddString(absl::string_view s) {
  Tables& t = *tables_;
  auto& strings = t.profile.strings_;
  Tables::Prepare(t.strings_ready, t.strings, strings.size(), [&](size_t i) { return strings[i]; });
  const size_t hash = HashOf(s);
  const uint32_t found = t.strings.Find(hash, [&](uint32_t id) { return strings[id] == s; });
  if (found != StringId::kNone) return StringId{found};
  if (!t.Room(strings.size(), 1, "strings")) return StringId{0};
  const StringId id{static_cast<uint32_t>(strings.size())};
  strings.push_back(t.arena->Copy(s));
  t.strings.Insert(hash, id.value);
  return id;
}

MappingId ProfileBuilder::AddMapping(const Mapping& m) {
  auto& mappings = tables_->profile.mappings_;
  if (!tables_->Room(mappings.size(), 1, "mappings")) return MappingId{};
  mappings.push_back(m);
  return MappingId{static_cast<uint32_t>(mappings.size() - 1)};
}

FunctionId ProfileBuilder::AddFunction(const Function& f) {
  Tables& t = *tables_;
  auto& functions = t.profile.functions_;
  Tables::Prepare(t.functions_ready, t.functions, functions.size(),
                  [&](size_t i) { return functions[i]; });
  const size_t hash = HashOf(f);
  const uint32_t found = t.functions.Find(hash, [&](uint32_t id) { return functions[id] == f; });
  if (found != FunctionId::kNone) return FunctionId{found};
  if (!t.Room(functions.size(), 1, "functions")) return FunctionId{};
  const FunctionId id{static_cast<uint32_t>(functions.size())};
  functions.push_back(f);
  t.functions.Insert(hash, id.value);
  return id;
}

LocationId ProfileBuilder::AddLocation(uint64_t address, MappingId mapping, bool is_folded,
                                       absl::Span<const Line> lines) {
  auto& locations = tables_->profile.locations_;
  if (!tables_->Room(locations.size(), 1, "locations")) return LocationId{};
  const LocationId id{static_cast<uint32_t>(locations.size())};
  locations.push_back(Location{address, mapping, is_folded, 0, 0});
  SetLines(id, lines);
  return id;
}

StackId ProfileBuilder::AddStack(absl::Span<const LocationId> leaf_first) {
  Tables& t = *tables_;
  Profile& p = t.profile;
  const auto get = [&](size_t i) { return p.stack(StackId{static_cast<uint32_t>(i)}); };
  Tables::Prepare(t.stacks_ready, t.stacks, p.stack_count(), get);
  const size_t hash = HashOf(leaf_first);
  const uint32_t found = t.stacks.Find(hash, [&](uint32_t id) { return get(id) == leaf_first; });
  if (found != StackId::kNone) return StackId{found};
  if (!t.Room(p.stack_locations_.size(), leaf_first.size(), "stacks") ||
      !t.Room(p.stack_begins_.size(), 1, "stacks")) {
    return StackId{};
  }
  const StackId id{static_cast<uint32_t>(p.stack_count())};
  p.stack_locations_.insert(p.stack_locations_.end(), leaf_first.begin(), leaf_first.end());
  p.stack_begins_.push_back(static_cast<uint32_t>(p.stack_locations_.size()));
  t.stacks.Insert(hash, id.value);
  return id;
}

LabelSetId ProfileBuilder::AddLabels(absl::Span<const Label> labels) {
  Tables& t = *tables_;
  Profile& p = t.profile;
  if (labels.empty()) return LabelSetId{0};
  const auto get = [&](size_t i) { return p.labels(LabelSetId{static_cast<uint32_t>(i)}); };
  Tables::Prepare(t.label_sets_ready, t.label_sets, p.label_set_count(), get);
  const size_t hash = HashOf(labels);
  const uint32_t found = t.label_sets.Find(hash, [&](uint32_t id) { return get(id) == labels; });
  if (found != LabelSetId::kNone) return LabelSetId{found};
  if (!t.Room(p.labels_.size(), labels.size(), "labels")) return LabelSetId{0};
  const LabelSetId id{static_cast<uint32_t>(p.label_set_count())};
  p.labels_.insert(p.labels_.end(), labels.begin(), labels.end());
  p.label_begins_.push_back(static_cast<uint32_t>(p.labels_.size()));
  t.label_sets.Insert(hash, id.value);
  return id;
}

void ProfileBuilder::SetSampleTypes(absl::Span<const ValueType> types) {
  Profile& p = tables_->profile;
  assert(p.sample_stacks_.empty());
  p.sample_types_.assign(types.begin(), types.end());
  p.values_.assign(types.size(), {});
}

void ProfileBuilder::Reserve(size_t samples, size_t stack_locations) {
  Profile& p = tables_->profile;
  p.sample_stacks_.reserve(samples);
  p.sample_labels_.reserve(samples);
  for (auto& column : p.values_) column.reserve(samples);
  p.stack_locations_.reserve(stack_locations);
  tables_->stacks.Reserve(samples);
}

void ProfileBuilder::AddSample(StackId stack, LabelSetId labels, absl::Span<const int64_t> values) {
  Profile& p = tables_->profile;
  assert(values.size() == p.sample_types_.size());
  p.sample_stacks_.push_back(stack);
  p.sample_labels_.push_back(labels);
  for (size_t i = 0; i < values.size(); ++i) p.values_[i].push_back(values[i]);
}

void ProfileBuilder::SetDefaultSampleType(StringId id) {
  tables_->profile.default_sample_type_ = id;
}

void ProfileBuilder::SetPeriod(ValueType type, int64_t period) {
  tables_->profile.period_type_ = type;
  tables_->profile.period_ = period;
}

void ProfileBuilder::SetTime(int64_t time_ns, int64_t duration_ns) {
  tables_->profile.time_ns_ = time_ns;
  tables_->profile.duration_ns_ = duration_ns;
}

void ProfileBuilder::AddComment(StringId id) { tables_->profile.comments_.push_back(id); }

void ProfileBuilder::SetDropKeepFrames(StringId drop, StringId keep) {
  tables_->profile.drop_frames_ = drop;
  tables_->profile.keep_frames_ = keep;
}

void ProfileBuilder::SetDocUrl(StringId id) { tables_->profile.doc_url_ = id; }

void ProfileBuilder::SetLines(LocationId id, absl::Span<const Line> lines) {
  Profile& p = tables_->profile;
  Location& location = p.locations_[id.value];
  if (!tables_->Room(p.lines_.size(), lines.size(), "lines")) return;
  location.lines_begin = static_cast<uint32_t>(p.lines_.size());
  p.lines_.insert(p.lines_.end(), lines.begin(), lines.end());
  location.lines_end = static_cast<uint32_t>(p.lines_.size());
}

Mapping& ProfileBuilder::mapping(MappingId id) { return tables_->profile.mappings_[id.value]; }

void ProfileBuilder::SetAnnotations(Annotations annotations) {
  tables_->profile.annotations_ = std::move(annotations);
}

absl::Status ProfileBuilder::Tables::Check() const {
  const Profile& p = profile;
  if (overflow != nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("too many ", overflow, " for 32-bit ids"));
  }
  const auto dangling = [](const char* what, size_t index, const char* of) {
    return absl::DataLossError(
        absl::StrCat(what, " ", index, " refers to a ", of, " that does not exist"));
  };
  const auto is_string = [&](StringId id) { return id.value < p.strings_.size(); };
  for (size_t i = 0; i < p.mappings_.size(); ++i) {
    const Mapping& m = p.mappings_[i];
    if (!is_string(m.file) || !is_string(m.build_id)) return dangling("mapping", i, "string");
  }
  for (size_t i = 0; i < p.functions_.size(); ++i) {
    const Function& f = p.functions_[i];
    if (!is_string(f.name) || !is_string(f.system_name) || !is_string(f.filename)) {
      return dangling("function", i, "string");
    }
  }
  for (size_t i = 0; i < p.locations_.size(); ++i) {
    const MappingId m = p.locations_[i].mapping;
    if (m.valid() && m.value >= p.mappings_.size()) return dangling("location", i, "mapping");
  }
  for (size_t i = 0; i < p.lines_.size(); ++i) {
    const FunctionId f = p.lines_[i].function;
    if (f.valid() && f.value >= p.functions_.size()) return dangling("line", i, "function");
  }
  for (size_t i = 0; i < p.stack_locations_.size(); ++i) {
    if (p.stack_locations_[i].value >= p.locations_.size()) return dangling("frame", i, "location");
  }
  for (size_t i = 0; i < p.labels_.size(); ++i) {
    const Label& l = p.labels_[i];
    if (!is_string(l.key) || !is_string(l.str) || !is_string(l.num_unit)) {
      return dangling("label", i, "string");
    }
  }
  for (size_t i = 0; i < p.sample_types_.size(); ++i) {
    if (!is_string(p.sample_types_[i].type) || !is_string(p.sample_types_[i].unit)) {
      return dangling("sample type", i, "string");
    }
  }
  for (size_t i = 0; i < p.sample_stacks_.size(); ++i) {
    if (p.sample_stacks_[i].value >= p.stack_count()) return dangling("sample", i, "stack");
    if (p.sample_labels_[i].value >= p.label_set_count()) return dangling("sample", i, "label set");
  }
  for (size_t i = 0; i < p.comments_.size(); ++i) {
    if (!is_string(p.comments_[i])) return dangling("comment", i, "string");
  }
  for (const StringId id : {p.default_sample_type_, p.period_type_.type, p.period_type_.unit,
                            p.drop_frames_, p.keep_frames_, p.doc_url_}) {
    if (!is_string(id)) return dangling("profile", 0, "string");
  }
  const Annotations& a = p.annotations_;
  if (!a.empty() && (a.site.size() != p.stack_count() || a.container.size() != p.stack_count())) {
    return absl::DataLossError("annotations do not cover the stacks");
  }
  for (size_t i = 0; i < a.container.size(); ++i) {
    if (a.container[i].valid() && a.container[i].value >= a.containers.size()) {
      return dangling("stack", i, "container");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Profile>> ProfileBuilder::Build() {
  const std::unique_ptr<Tables> tables =
      std::exchange(tables_, std::move(ProfileBuilder().tables_));
  const absl::Status status = tables->Check();
  if (!status.ok()) return status;
  tables->profile.string_storage_ = std::move(tables->arena);
  return std::shared_ptr<const Profile>(new Profile(std::move(tables->profile)));
}

}  // namespace tidemark
