#include "analyzer/io/folded_export.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace tidemark::io {
namespace {

std::string UnknownName(const Profile& p, const Location& location) {
  if (!location.mapping.valid()) return absl::StrCat("0x", absl::Hex(location.address));
  const Mapping& m = p.mapping(location.mapping);
  absl::string_view file = p.string(m.file);
  if (file.empty()) return absl::StrCat("0x", absl::Hex(location.address));
  file.remove_prefix(file.rfind('/') + 1);
  return absl::StrCat(file, "+0x", absl::Hex(location.address - m.start + m.offset));
}

std::string Cleaned(absl::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == ';' ? ':' : c == '\n' || c == '\r' ? ' ' : c;
  return out;
}

// The frames of every location as ids of their names, so that stacks are compared by number.
class FrameNames {
 public:
  explicit FrameNames(const Profile& profile) : profile_(profile) {
    begins_.push_back(0);
    for (uint32_t i = 0; i < profile.locations().size(); ++i) {
      const auto lines = profile.lines(LocationId{i});
      for (size_t l = 0; l < std::max<size_t>(lines.size(), 1); ++l) {
        ids_.push_back(IdOf(NameOf(LocationId{i}, lines.empty() ? nullptr : &lines[l])));
      }
      begins_.push_back(static_cast<uint32_t>(ids_.size()));
    }
  }

  // Of all frames, leaf first.
  void Append(StackId stack, std::vector<uint32_t>* out) const {
    out->clear();
    for (const LocationId id : profile_.stack(stack)) {
      out->insert(out->end(), ids_.begin() + begins_[id.value],
                  ids_.begin() + begins_[id.value + 1]);
    }
  }
  const std::string& name(uint32_t id) const { return names_[id]; }

 private:
  std::string NameOf(LocationId location, const Line* line) const {
    absl::string_view name;
    if (line != nullptr && line->function.valid()) {
      const Function& function = profile_.function(line->function);
      name = profile_.string(function.name);
      if (name.empty()) name = profile_.string(function.system_name);
    }
    return Cleaned(name.empty() ? UnknownName(profile_, profile_.location(location)) : name);
  }

  uint32_t IdOf(const std::string& name) {
    const auto [it, inserted] = known_.try_emplace(name, static_cast<uint32_t>(names_.size()));
    if (inserted) names_.push_back(name);
    return it->second;
  }

  const Profile& profile_;
  std::vector<uint32_t> begins_;  // [location] + 1
  std::vector<uint32_t> ids_;
  absl::flat_hash_map<std::string, uint32_t> known_;
  std::vector<std::string> names_;
};

// Sets of stacks that read the same, each represented by its first.
class StacksByName {
 public:
  StacksByName(const Profile& profile, const FrameNames& names)
      : names_(names), same_as_(profile.stack_count()), known_(0, Hash{this}, Equal{this}) {
    for (uint32_t s = 0; s < same_as_.size(); ++s) same_as_[s] = *known_.insert(s).first;
  }

  uint32_t first(uint32_t stack) const { return same_as_[stack]; }

 private:
  struct Hash {
    const StacksByName* of;
    size_t operator()(uint32_t stack) const {
      of->names_.Append(StackId{stack}, &of->left_);
      return absl::HashOf(absl::MakeConstSpan(of->left_));
    }
  };
  struct Equal {
    const StacksByName* of;
    bool operator()(uint32_t a, uint32_t b) const {
      of->names_.Append(StackId{a}, &of->left_);
      of->names_.Append(StackId{b}, &of->right_);
      return of->left_ == of->right_;
    }
  };

  const FrameNames& names_;
  mutable std::vector<uint32_t> left_, right_;  // scratch
  std::vector<uint32_t> same_as_;               // [stack]
  absl::flat_hash_set<uint32_t, Hash, Equal> known_;
};

}  // namespace

void WriteFolded(const Profile& profile, size_t sample_type,
                 absl::FunctionRef<void(absl::string_view)> sink) {
  const FrameNames names(profile);
  const StacksByName by_name(profile, names);
  std::vector<uint64_t> sums(profile.stack_count(), 0);  // they wrap
  std::vector<uint32_t> order;                           // of first occurrence
  std::vector<bool> seen(profile.stack_count(), false);
  const auto values = profile.values(sample_type);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t first = by_name.first(profile.sample_stacks()[i].value);
    sums[first] += static_cast<uint64_t>(values[i]);
    if (seen[first]) continue;
    seen[first] = true;
    order.push_back(first);
  }
  std::vector<uint32_t> frames;
  std::string line;
  for (const uint32_t stack : order) {
    if (sums[stack] == 0) continue;
    names.Append(StackId{stack}, &frames);
    line = frames.empty() ? "<unknown>" : "";
    for (size_t i = frames.size(); i-- > 0;) {
      absl::StrAppend(&line, names.name(frames[i]), i == 0 ? "" : ";");
    }
    absl::StrAppend(&line, " ", static_cast<int64_t>(sums[stack]), "\n");
    sink(line);
  }
}

}  // namespace tidemark::io
