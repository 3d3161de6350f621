#include "analyzer/classify/fold.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::classify {
namespace {

class Folder {
 public:
  Folder(const Profile& profile, const FoldOptions& options)
      : profile_(profile),
        options_(options),
        before_(profile.annotations()),
        builder_(profile, ProfileBuilder::Keep::kTables) {}

  absl::StatusOr<std::shared_ptr<const Profile>> Run() {
    std::vector<StackId> folded;
    folded.reserve(profile_.stack_count());
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) folded.push_back(FoldStack(StackId{i}));
    std::vector<int64_t> values(profile_.sample_types().size());
    builder_.Reserve(profile_.sample_count(), 0);
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      for (size_t type = 0; type < values.size(); ++type) {
        values[type] = profile_.values(type)[row];
      }
      builder_.AddSample(folded[profile_.sample_stacks()[row].value], profile_.sample_labels()[row],
                         values);
    }
    after_.containers = before_.containers;
    builder_.SetAnnotations(std::move(after_));
    return builder_.Build();
  }

 private:
  StackId FoldStack(StackId id) {
    const absl::Span<const LocationId> stack = profile_.stack(id);
    const ContainerId container = before_.container[id.value];
    std::vector<LocationId> locations;
    FramePosition site = before_.site[id.value];
    if (!stack.empty()) {
      const LocationId frame = FrameBelow(stack, site, container);
      if (frame.valid()) locations.push_back(frame);
      locations.push_back(From(stack[site.location], site.line));
      locations.insert(locations.end(), stack.begin() + site.location + 1, stack.end());
      site = {.location = frame.valid() ? 1U : 0U, .line = 0};
    }
    const StackId folded = builder_.AddStack(locations);
    if (folded.value >= after_.site.size()) {
      after_.site.push_back(site);
      after_.container.push_back(container);
    }
    return folded;
  }

  // What stands for all frames below the site, if anything.
  LocationId FrameBelow(absl::Span<const LocationId> stack, FramePosition site,
                        ContainerId container) {
    if (container.valid()) {
      const Container& what = before_.containers[container.value];
      if (what.evidence != Evidence::kInferred || options_.inferred) return Badge(what.badge);
    }
    if (site.line > 0) return Only(stack[site.location], site.line - 1);
    if (site.location == 0) return LocationId{};
    const LocationId below = stack[site.location - 1];
    const size_t lines = profile_.lines(below).size();
    return lines > 1 ? Only(below, static_cast<uint32_t>(lines - 1)) : below;
  }

  LocationId Badge(const std::string& badge) {
    const auto [it, inserted] = badges_.try_emplace(badge);
    if (inserted) {
      Function function;
      function.name = builder_.AddString(absl::StrCat("[", badge, "]"));
      function.system_name = function.name;
      const Line line{.function = builder_.AddFunction(function)};
      it->second = builder_.AddLocation(0, MappingId{}, /*is_folded=*/false, {&line, 1});
    }
    return it->second;
  }

  // The location without the inlined calls below `line`.
  LocationId From(LocationId id, uint32_t line) {
    if (line == 0) return id;
    return Part(id, line, static_cast<uint32_t>(profile_.lines(id).size()));
  }
  LocationId Only(LocationId id, uint32_t line) { return Part(id, line, line + 1); }

  LocationId Part(LocationId id, uint32_t begin, uint32_t end) {
    const auto [it, inserted] = parts_.try_emplace({id.value, {begin, end}});
    if (inserted) {
      const Location& whole = profile_.location(id);
      it->second = builder_.AddLocation(whole.address, whole.mapping, whole.is_folded,
                                        profile_.lines(id).subspan(begin, end - begin));
    }
    return it->second;
  }

  const Profile& profile_;
  const FoldOptions options_;
  const Annotations& before_;
  ProfileBuilder builder_;
  absl::flat_hash_map<std::string, LocationId> badges_;
  // By location and its lines [begin, end).
  absl::flat_hash_map<std::pair<uint32_t, std::pair<uint32_t, uint32_t>>, LocationId> parts_;
  Annotations after_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Profile>> FoldContainers(
    const std::shared_ptr<const Profile>& profile, const FoldOptions& options) {
  if (profile->annotations().site.size() != profile->stack_count()) {
    return absl::InvalidArgumentError("the profile was not classified");
  }
  return Folder(*profile, options).Run();
}

}  // namespace tidemark::classify
