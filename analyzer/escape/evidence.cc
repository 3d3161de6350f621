#include "analyzer/escape/evidence.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tidemark::escape {
namespace {

constexpr size_t kNoSite = ~size_t{0};

class Collector {
 public:
  explicit Collector(const Profile& profile)
      : profile_(profile),
        live_(profile.FindSampleType("inuse_space")),
        alloc_(profile.FindSampleType("alloc_space")),
        live_samples_(profile.FindSampleType("inuse_samples")),
        alloc_samples_(profile.FindSampleType("alloc_samples")),
        outlives_(profile.FindString("outlives")),
        freed_by_(profile.FindString("freed_by")),
        site_of_stack_(profile.stack_count(), kNoSite) {}

  ProfileEvidence Run() {
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      const StackId stack = profile_.sample_stacks()[row];
      if (!profile_.stack(stack).empty()) AddRow(row, SiteOf(stack));
    }
    return std::move(result_);
  }

 private:
  int64_t Value(int type, size_t row) const {
    return type < 0 ? 0 : profile_.values(static_cast<size_t>(type))[row];
  }

  SiteEvidence& SiteOf(StackId stack) {
    size_t& site = site_of_stack_[stack.value];
    if (site == kNoSite) {
      const std::string key =
          FrameKey(report::MakeFrame(profile_, stack, profile_.annotations().site[stack.value]));
      const auto [it, inserted] = result_.site_of_key.try_emplace(key, result_.sites.size());
      if (inserted) result_.sites.emplace_back().stack = stack;
      site = it->second;
    }
    return result_.sites[site];
  }

  void AddRow(size_t row, SiteEvidence& site) {
    EvidenceRow evidence;
    evidence.stack = profile_.sample_stacks()[row];
    bool is_labelled = false;
    bool freed_elsewhere = false;
    for (const Label& label : profile_.labels(profile_.sample_labels()[row])) {
      if (label.key == freed_by_) freed_elsewhere = true;
      if (label.key != outlives_ || label.str.value != 0) continue;
      is_labelled = true;
      const int64_t depth = static_cast<int64_t>(profile_.stack(evidence.stack).size());
      evidence.outlived = static_cast<uint32_t>(std::clamp<int64_t>(label.num, 0, depth));
    }
    result_.has_outlives = result_.has_outlives || is_labelled;
    const int64_t live = Value(live_, row);
    const int64_t alloc = Value(alloc_, row);
    site.live_bytes += live;
    site.alloc_bytes += alloc;
    site.live_samples += Value(live_samples_, row);
    if (live > 0) {
      evidence.bytes = live;
      evidence.samples = Value(live_samples_, row);
      site.live.push_back(evidence);
    } else if (alloc > 0 && is_labelled && !freed_elsewhere) {
      evidence.bytes = alloc;
      evidence.samples = Value(alloc_samples_, row);
      site.freed.push_back(evidence);
    }
  }

  const Profile& profile_;
  const int live_;
  const int alloc_;
  const int live_samples_;
  const int alloc_samples_;
  const StringId outlives_;
  const StringId freed_by_;
  std::vector<size_t> site_of_stack_;
  ProfileEvidence result_;
};

}  // namespace

std::string FrameKey(const report::Frame& frame) {
  if (!frame.function.empty()) {
    return absl::StrCat("f\n", frame.function, "\n", frame.file, "\n", frame.line);
  }
  const std::string& module = frame.build_id.empty() ? frame.module : frame.build_id;
  return absl::StrCat("a\n", module, "\n",
                      frame.module.empty() ? frame.address : frame.module_offset);
}

absl::StatusOr<ProfileEvidence> CollectEvidence(const Profile& profile) {
  if (profile.FindSampleType("inuse_space") < 0) {
    return absl::FailedPreconditionError(
        "not a heap profile: it has no sample type inuse_space to follow");
  }
  if (profile.annotations().site.size() != profile.stack_count()) {
    return absl::FailedPreconditionError("the profile was not classified");
  }
  return Collector(profile).Run();
}

}  // namespace tidemark::escape
