#include "analyzer/classify/classifier.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "analyzer/classify/badge.h"
#include "analyzer/classify/function_class.h"
#include "analyzer/classify/go_sites.h"
#include "analyzer/classify/growth_pattern.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::classify {
namespace {

// Containers are looked for among this many innermost frames; glue is never deeper.
constexpr size_t kMaxGlueFrames = 128;

// A frame at the leaf's end of a stack and what is known of it.
struct ClassifiedFrame {
  FramePosition position;
  const FunctionClass* what = nullptr;  // null: no function is known
  bool is_glue_module = false;

  bool is_user() const {
    if (is_glue_module) return false;
    return what == nullptr || what->role == Role::kUser || what->role == Role::kUserCopy;
  }
};

class Pass {
 public:
  Pass(const Profile& profile, const ClassifyOptions& options)
      : profile_(profile), go_sites_(profile, options) {
    function_class_.resize(profile.functions().size());
    glue_mapping_.reserve(profile.mappings().size());
    for (const Mapping& mapping : profile.mappings()) {
      glue_mapping_.push_back(functions_.IsGlueModule(profile.string(mapping.file)));
    }
  }

  Annotations Run() {
    const size_t stacks = profile_.stack_count();
    result_.site.resize(stacks);
    result_.container.resize(stacks);
    for (uint32_t i = 0; i < stacks; ++i) AnnotateStack(StackId{i});
    InferGrowingArrays();
    return std::move(result_);
  }

 private:
  // Frames from the leaf up to the first that is certainly the site, it included.
  std::vector<ClassifiedFrame> InnermostFrames(StackId id) {
    std::vector<ClassifiedFrame> frames;
    const absl::Span<const LocationId> stack = profile_.stack(id);
    for (uint32_t depth = 0; depth < stack.size(); ++depth) {
      const Location& location = profile_.location(stack[depth]);
      const bool is_glue_module = location.mapping.valid() && glue_mapping_[location.mapping.value];
      const absl::Span<const Line> lines = profile_.lines(stack[depth]);
      const uint32_t count = lines.empty() ? 1 : static_cast<uint32_t>(lines.size());
      for (uint32_t line = 0; line < count; ++line) {
        ClassifiedFrame frame{.position = {.location = depth, .line = line},
                              .what = nullptr,
                              .is_glue_module = is_glue_module};
        if (!lines.empty() && lines[line].function.valid()) {
          frame.what = &ClassOf(lines[line].function);
        }
        frames.push_back(frame);
        const bool is_certain = frame.is_user() && !IsCopy(frame);
        if (is_certain || frames.size() >= kMaxGlueFrames) return frames;
      }
    }
    return frames;
  }

  static bool IsCopy(const ClassifiedFrame& frame) {
    return frame.what != nullptr && frame.what->role == Role::kUserCopy;
  }

  const FunctionClass& ClassOf(FunctionId id) {
    std::optional<FunctionClass>& known = function_class_[id.value];
    if (!known) {
      const Function& function = profile_.function(id);
      known = functions_.Classify(profile_.string(function.name),
                                  profile_.string(function.system_name));
    }
    return *known;
  }

  // The innermost user frame. Copies of user classes count as glue when the library
  // makes them (a vector that copies its elements), as sites when user code does.
  static std::optional<size_t> FindSite(const std::vector<ClassifiedFrame>& frames) {
    for (size_t i = 0; i < frames.size(); ++i) {
      if (!frames[i].is_user()) continue;
      size_t caller = i;
      while (caller < frames.size() && frames[caller].is_user() && IsCopy(frames[caller])) {
        ++caller;
      }
      if (caller == i || caller == frames.size() || frames[caller].is_user()) return i;
      i = caller;
    }
    return std::nullopt;
  }

  // Of the containers in frames[0, end): the outermost that holds many, for what a map
  // allocates inside its value's copy is the map's; else the outermost holder of one
  // object; else an allocator's guess.
  static const Container* FindContainer(const std::vector<ClassifiedFrame>& frames, size_t end) {
    const Container* best = nullptr;
    int best_rank = 0;
    for (size_t i = 0; i < end; ++i) {
      const FunctionClass* what = frames[i].what;
      if (what == nullptr || what->role != Role::kContainer) continue;
      const bool holds_one = what->container.kind == ContainerKind::kObject;
      const int rank = !what->is_certain ? 1 : holds_one ? 2 : 3;
      if (rank < best_rank) continue;
      // The outermost, unless it knows less of the same kind of container.
      const bool knows_less = rank == best_rank && best != nullptr && rank < 3 &&
                              what->container.element.empty() && !best->element.empty();
      if (knows_less) continue;
      best = &what->container;
      best_rank = rank;
    }
    return best;
  }

  // What the chosen container was doing: the innermost of its frames that says, where a
  // copy around a creation is a copy.
  static Operation FindOperation(const std::vector<ClassifiedFrame>& frames, size_t end,
                                 const Container& container) {
    Operation result = Operation::kUnknown;
    for (size_t i = 0; i < end; ++i) {
      const FunctionClass* what = frames[i].what;
      if (what == nullptr || what->role != Role::kContainer) continue;
      const Container& other = what->container;
      const bool is_same = other.kind == container.kind && other.element == container.element;
      const bool is_adaptor = container.kind == ContainerKind::kQueue;
      if (!is_same && !is_adaptor) continue;
      const Operation operation = other.operation;
      if (result == Operation::kUnknown) {
        result = operation;
      } else if (result == Operation::kCreate && operation == Operation::kCopy) {
        result = operation;
      }
    }
    return result;
  }

  void AnnotateStack(StackId id) {
    if (profile_.stack(id).empty()) return;
    const std::vector<ClassifiedFrame> frames = InnermostFrames(id);
    const std::optional<size_t> site = FindSite(frames);
    if (site) result_.site[id.value] = frames[*site].position;
    if (std::optional<GoSites::Site> go = go_sites_.At(id)) {
      result_.site[id.value] = go->site;
      if (go->container) result_.container[id.value] = Intern(*go->container);
      if (go->container) return;
    }
    const size_t end = site ? *site : frames.size();
    const Container* found = FindContainer(frames, end);
    if (found == nullptr) return;
    Container container = *found;
    container.operation = FindOperation(frames, end, container);
    result_.container[id.value] = Intern(container);
  }

  ContainerId Intern(const Container& container) {
    const std::string key =
        absl::StrCat(static_cast<int>(container.kind), "|", static_cast<int>(container.operation),
                     "|", static_cast<int>(container.evidence), "|", container.type, "|",
                     container.element, "|", container.badge);
    auto [it, inserted] =
        container_ids_.try_emplace(key, ContainerId{static_cast<uint32_t>(container_ids_.size())});
    if (inserted) {
      Container& added = result_.containers.emplace_back(container);
      if (added.badge.empty()) added.badge = BadgeOf(added);
    }
    return it->second;
  }

  // The location and line that identify a stack's site within this profile.
  std::pair<uint32_t, uint32_t> SiteKey(StackId id) const {
    const FramePosition site = result_.site[id.value];
    return {profile_.stack(id)[site.location].value, site.line};
  }

  // Sites without a container whose block sizes double: arrays that grow (realloc in C,
  // a vector in a stripped program).
  void InferGrowingArrays() {
    int bytes_type = profile_.FindSampleType("alloc_space");
    if (bytes_type < 0) bytes_type = profile_.FindSampleType("inuse_space");
    const StringId bytes_key = profile_.FindString("bytes");
    if (bytes_type < 0 || !bytes_key.valid()) return;
    absl::flat_hash_map<std::pair<uint32_t, uint32_t>, GrowthPattern> patterns;
    const absl::Span<const int64_t> values = profile_.values(static_cast<size_t>(bytes_type));
    for (size_t i = 0; i < profile_.sample_count(); ++i) {
      const StackId stack = profile_.sample_stacks()[i];
      if (profile_.stack(stack).empty() || result_.container[stack.value].valid()) continue;
      for (const Label& label : profile_.labels(profile_.sample_labels()[i])) {
        if (label.key == bytes_key) patterns[SiteKey(stack)].Add(label.num, values[i]);
      }
    }
    Container array;
    array.kind = ContainerKind::kSlice;
    array.operation = Operation::kGrow;
    array.evidence = Evidence::kInferred;
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
      if (profile_.stack(StackId{i}).empty() || result_.container[i].valid()) continue;
      const auto it = patterns.find(SiteKey(StackId{i}));
      if (it != patterns.end() && it->second.IsDoubling()) result_.container[i] = Intern(array);
    }
  }

  const Profile& profile_;
  GoSites go_sites_;
  FunctionClassifier functions_;
  std::vector<std::optional<FunctionClass>> function_class_;  // by FunctionId, when asked
  std::vector<bool> glue_mapping_;                            // by MappingId
  absl::flat_hash_map<std::string, ContainerId> container_ids_;
  Annotations result_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Profile>> Classify(
    const std::shared_ptr<const Profile>& profile, const ClassifyOptions& options) {
  ProfileBuilder builder(*profile);
  builder.SetAnnotations(Pass(*profile, options).Run());
  return builder.Build();
}

}  // namespace tidemark::classify
