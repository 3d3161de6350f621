#include "analyzer/leaks/container_use.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "analyzer/leaks/run.h"

namespace tidemark::leaks {
namespace {

using report::Language;

// A heap that is torn down at exit has freed at least so much of its peak.
constexpr double kTornDown = 0.5;
// Arrays that grow by a tenth at each realloc, from 16 bytes on, go through half as many.
constexpr double kLeastGrowth = 1.1;
constexpr double kSmallestArray = 16;
constexpr int64_t kManyReallocs = 64;

bool IsStepwise(int64_t size_bytes, int64_t reallocs) {
  if (reallocs < kManyReallocs || size_bytes <= kSmallestArray) return false;
  const double steps =
      std::log(static_cast<double>(size_bytes) / kSmallestArray) / std::log(kLeastGrowth);
  return static_cast<double>(reallocs) >= 2 * steps;
}

// One column of bytes, with its companions.
class BlocksColumn {
 public:
  BlocksColumn(const Profile& profile, const char* space, const char* objects)
      : profile_(profile),
        space_(profile.FindSampleType(space)),
        objects_(profile.FindSampleType(objects)) {
    if (space_ >= 0) errors_ = report::SamplingErrors::For(profile, space_);
  }
  bool exists() const { return space_ >= 0 && objects_ >= 0; }
  bool is_zero(size_t row) const {
    return !exists() || profile_.values(static_cast<size_t>(space_))[row] == 0;
  }
  // REQUIRES: exists().
  Blocks at(size_t row) const {
    Blocks blocks;
    blocks.objects = static_cast<double>(profile_.values(static_cast<size_t>(objects_))[row]);
    if (errors_) {
      blocks.bytes = errors_->of(row);
    } else {
      blocks.bytes.estimate =
          static_cast<double>(profile_.values(static_cast<size_t>(space_))[row]);
      blocks.bytes.samples = blocks.objects;
    }
    return blocks;
  }

 private:
  const Profile& profile_;
  int space_;
  int objects_;
  std::optional<report::SamplingErrors> errors_;
};

// The labels of one label set that matter here; -1: absent.
struct RowLabels {
  int64_t bytes = -1;
  int64_t lifetime_ns = -1;
  int64_t reallocs = 0;
  bool freed_by_other_thread = false;
};

std::vector<RowLabels> ReadLabels(const Profile& profile) {
  const StringId bytes = profile.FindString("bytes");
  const StringId lifetime = profile.FindString("lifetime");
  const StringId reallocs = profile.FindString("reallocs");
  const StringId freed_by = profile.FindString("freed_by");
  const StringId other_thread = profile.FindString("other thread");
  std::vector<RowLabels> result(profile.label_set_count());
  for (uint32_t i = 0; i < result.size(); ++i) {
    for (const Label& label : profile.labels(LabelSetId{i})) {
      if (label.str.value != 0) {
        if (label.key == freed_by && label.str == other_thread) {
          result[i].freed_by_other_thread = true;
        }
        continue;
      }
      if (label.key == bytes) result[i].bytes = label.num;
      if (label.key == lifetime) result[i].lifetime_ns = label.num;
      if (label.key == reallocs) result[i].reallocs = label.num;
    }
  }
  return result;
}

bool HasGlibcMalloc(const Profile& profile) {
  bool has_libc = false;
  for (const Mapping& mapping : profile.mappings()) {
    absl::string_view file = profile.string(mapping.file);
    file.remove_prefix(file.rfind('/') + 1);
    if (absl::StartsWith(file, "libc.so.6") || absl::StartsWith(file, "libc-2.")) has_libc = true;
    for (absl::string_view other : {"libjemalloc", "libtcmalloc", "libmimalloc"}) {
      if (absl::StartsWith(file, other)) return false;
    }
  }
  return has_libc;
}

}  // namespace

// Adds snapshots' rows to the uses.
class ContainerUseReader {
 public:
  ContainerUseReader(const Series& series, ContainerUses& out) : series_(series), out_(out) {}

  void ReadNewest() {
    const Profile& profile = *series_.snapshots.back();
    BeginProfile(profile, series_.site_of_newest_stack);
    const BlocksColumn live(profile, "inuse_space", "inuse_objects");
    const BlocksColumn alloc(profile, "alloc_space", "alloc_objects");
    const BlocksColumn peak(profile, "peak_space", "peak_objects");
    const std::vector<RowLabels> labels = ReadLabels(profile);
    double peak_bytes = 0;
    for (size_t row = 0; row < profile.sample_count(); ++row) {
      const UseOfStack* of = UseOf(profile.sample_stacks()[row]);
      if (of == nullptr) continue;
      const RowLabels& label = labels[profile.sample_labels()[row].value];
      if (!alloc.is_zero(row)) AddAlloc(alloc.at(row), label, *of);
      if (!live.is_zero(row)) AddLive(live.at(row), label, *of);
      if (!peak.is_zero(row)) peak_bytes += AddThen(peak.at(row), *of);
    }
    out_.recorded_s_ = series_.ages_s.back();
    out_.is_glibc_malloc_ = HasGlibcMalloc(profile);
    if (peak.exists()) SetRecordersPeak(profile, peak_bytes);
  }

  // Where the recorder did not tell of the peak.
  void ReadFullest() {
    const Profile& newest = *series_.snapshots.back();
    if (newest.FindSampleType("peak_space") >= 0) return;
    if (series_.fullest + 1 == series_.snapshots.size()) return;
    const Profile& profile = *series_.snapshots[series_.fullest];
    BeginProfile(profile, series_.site_of_fullest_stack);
    const BlocksColumn live(profile, "inuse_space", "inuse_objects");
    double bytes = 0;
    for (size_t row = 0; row < profile.sample_count(); ++row) {
      const UseOfStack* of = UseOf(profile.sample_stacks()[row]);
      if (of != nullptr && !live.is_zero(row)) bytes += AddThen(live.at(row), *of);
    }
    SetPeak({.by_recorder = false, .ago_s = std::nullopt, .bytes = bytes});
    if (out_.peak_ && series_.has_times) {
      out_.peak_->ago_s = series_.times_s.back() - series_.times_s[series_.fullest];
    }
  }

  void Finish() {
    std::vector<std::pair<std::pair<uint32_t, int64_t>, BlocksOfSize>> sizes(sizes_.begin(),
                                                                             sizes_.end());
    std::sort(sizes.begin(), sizes.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [key, blocks] : sizes) out_.uses_[key.first].sizes.push_back(blocks);
    std::stable_sort(out_.uses_.begin(), out_.uses_.end(),
                     [](const ContainerUse& a, const ContainerUse& b) { return a.site < b.site; });
    out_.begins_.assign(series_.sites.size() + 1, 0);
    for (const ContainerUse& use : out_.uses_) ++out_.begins_[use.site + 1];
    for (size_t i = 1; i < out_.begins_.size(); ++i) out_.begins_[i] += out_.begins_[i - 1];
  }

 private:
  void BeginProfile(const Profile& profile, const std::vector<uint32_t>& site_of_stack) {
    profile_ = &profile;
    has_reallocs_ = profile.FindString("reallocs").valid();
    site_of_stack_ = &site_of_stack;
    roles_.emplace(profile);
    use_of_stack_.assign(profile.stack_count(), {});
    family_of_container_.clear();
    for (const Container& container : profile.annotations().containers) {
      family_of_container_.push_back(
          families_
              .try_emplace({static_cast<int>(container.kind), container.type},
                           static_cast<uint32_t>(families_.size() + 1))
              .first->second);
    }
  }

  struct UseOfStack {
    uint32_t use = Series::kNoSite;  // index into the uses
    StackRole role;
  };

  // Null: the stack is of no site.
  const UseOfStack* UseOf(StackId stack) {
    const uint32_t site = (*site_of_stack_)[stack.value];
    if (site == Series::kNoSite) return nullptr;
    UseOfStack& use = use_of_stack_[stack.value];
    if (use.use == Series::kNoSite) use = MakeUse(stack, site);
    return &use;
  }

  UseOfStack MakeUse(StackId stack, uint32_t site) {
    const Annotations& annotations = profile_->annotations();
    const ContainerId id = annotations.container[stack.value];
    const Container* container = id.valid() ? &annotations.containers[id.value] : nullptr;
    const uint32_t family = id.valid() ? family_of_container_[id.value] : 0;
    const auto [it, inserted] =
        use_ids_.try_emplace({site, family}, static_cast<uint32_t>(out_.uses_.size()));
    if (inserted) {
      ContainerUse& use = out_.uses_.emplace_back();
      use.site = site;
      use.container = container;
      use.language = roles_->LanguageOf(stack, container);
    }
    UseOfStack result{.use = it->second, .role = {}};
    if (container != nullptr) {
      result.role = roles_->RoleOf(stack, *container, out_.uses_[result.use].language);
    }
    return result;
  }

  BlocksOfSize* SizeOf(const RowLabels& label, const UseOfStack& of) {
    if (label.bytes < 0) return nullptr;
    BlocksOfSize& size = sizes_[{of.use, label.bytes}];
    size.size_bytes = label.bytes;
    return &size;
  }

  void AddAlloc(const Blocks& blocks, const RowLabels& label, const UseOfStack& of) {
    ContainerUse& use = out_.uses_[of.use];
    use.alloc += blocks;
    out_.alloc_bytes_ += blocks.bytes.estimate;
    if (of.role.is_regrown) use.grown += blocks;
    if (of.role.is_element) use.elements_alloc += blocks;
    if (has_reallocs_ || of.role.is_regrown) {
      if (BlocksOfSize* size = SizeOf(label, of)) {
        size->alloc += blocks;
        if (of.role.is_regrown) size->grown += blocks;
      }
    }
    if (label.lifetime_ns < 0) return;
    use.freed += blocks;
    if (label.freed_by_other_thread) use.freed_by_other_thread += blocks;
    for (size_t i = 0; i < use.freed_within.size(); ++i) {
      if (label.lifetime_ns < ContainerUse::kShortLivesNs[i]) use.freed_within[i] += blocks;
    }
  }

  void AddLive(const Blocks& blocks, const RowLabels& label, const UseOfStack& of) {
    ContainerUse& use = out_.uses_[of.use];
    use.live += blocks;
    out_.live_bytes_ += blocks.bytes.estimate;
    if (of.role.is_storage) use.storage_live += blocks;
    if (of.role.is_element) use.elements_live += blocks;
    if (of.role.is_regrown) use.grown_live += blocks;
    if (of.role.node_kind != NodeKind::kOther) {
      use.nodes += blocks;
      use.node_kind = of.role.node_kind;
    }
    if (of.role.is_text) {
      use.texts += blocks;
      if (BlocksOfSize* size = SizeOf(label, of)) size->texts += blocks;
    }
    if (IsStepwise(label.bytes, label.reallocs) && blocks.bytes.estimate > use.stepped.live_bytes) {
      use.stepped = {label.bytes, label.reallocs, blocks.bytes.estimate};
    }
  }

  double AddThen(const Blocks& blocks, const UseOfStack& of) {
    ContainerUse& use = out_.uses_[of.use];
    use.then += blocks;
    if (of.role.is_storage) use.storage_then += blocks;
    if (of.role.is_element) use.elements_then += blocks;
    return blocks.bytes.estimate;
  }

  void SetRecordersPeak(const Profile& profile, double bytes) {
    ContainerUses::Peak peak{.by_recorder = true, .ago_s = std::nullopt, .bytes = bytes};
    double at_s = 0;
    const absl::string_view text = RecorderComment(profile, "peak_time_seconds");
    if (out_.recorded_s_ > 0 && absl::SimpleAtod(text, &at_s)) {
      peak.ago_s = std::clamp(out_.recorded_s_ - at_s, 0.0, out_.recorded_s_);
    }
    SetPeak(peak);
  }

  void SetPeak(const ContainerUses::Peak& peak) {
    // Of several snapshots, such a one was left out before (run.h).
    const bool is_only = series_.snapshots.size() == 1;
    const bool is_exit = RecorderComment(*series_.snapshots.back(), "reason") == "exit";
    if (is_only && is_exit && out_.live_bytes_ < kTornDown * peak.bytes) return;
    if (peak.bytes > out_.live_bytes_) out_.peak_ = peak;
  }

  const Series& series_;
  ContainerUses& out_;
  absl::flat_hash_map<std::pair<int, std::string>, uint32_t> families_;    // (kind, type); from 1
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> use_ids_;   // (site, family)
  absl::flat_hash_map<std::pair<uint32_t, int64_t>, BlocksOfSize> sizes_;  // (use, size)
  // Of the profile that is being read.
  const Profile* profile_ = nullptr;
  bool has_reallocs_ = false;
  const std::vector<uint32_t>* site_of_stack_ = nullptr;
  std::optional<StackRoles> roles_;
  std::vector<UseOfStack> use_of_stack_;       // by StackId
  std::vector<uint32_t> family_of_container_;  // by ContainerId
};

Blocks& Blocks::operator+=(const Blocks& o) {
  bytes += o.bytes;
  objects += o.objects;
  return *this;
}

double Blocks::evidence() const {
  if (bytes.estimate <= 0 || bytes.samples <= 0) return 0;
  if (bytes.variance <= 0) return std::numeric_limits<double>::infinity();
  return bytes.estimate * bytes.estimate / bytes.variance;
}

ContainerUses::ContainerUses(const Series& series) {
  ContainerUseReader reader(series, *this);
  reader.ReadNewest();
  reader.ReadFullest();
  reader.Finish();
}

absl::Span<const ContainerUse> ContainerUses::of_site(size_t site) const {
  if (site + 1 >= begins_.size()) return {};
  return absl::Span<const ContainerUse>(uses_).subspan(begins_[site],
                                                       begins_[site + 1] - begins_[site]);
}

}  // namespace tidemark::leaks
