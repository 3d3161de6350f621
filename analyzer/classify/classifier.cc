#include "analyzer/classify/classifier.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "analyzer/classify/badge.h"
#include "analyzer/classify/function_class.h"
#include "analyzer/classify/go_sites.h"
#include "analyzer/classify/inference.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::classify {
namespace {

// Containers in containers in containers are not looked through deeper: a bound for hostile names.
constexpr int kMaxNesting = 4;

// A frame at the leaf's end of a stack and what is known of it.
struct ClassifiedFrame {
  FramePosition position;
  MappingId mapping;                    // may be invalid
  const FunctionClass* what = nullptr;  // null: no function is known
  bool is_glue = false;                 // for another reason than its name

  bool is_user() const {
    if (is_glue) return false;
    return what == nullptr || what->role == Role::kUser || what->role == Role::kUserCopy;
  }
  bool is_copy() const { return what != nullptr && what->role == Role::kUserCopy; }
};

class Pass {
 public:
  Pass(const Profile& profile, const RuleTable* rules, const ClassifyOptions& options)
      : profile_(profile),
        go_sites_(profile, options),
        functions_(rules, [&profile](absl::string_view prefix) {
          return HasFunctionOrFile(profile, prefix);
        }) {
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
    InferContainers(profile_, result_, [this](const Container& c) { return Intern(c); });
    return std::move(result_);
  }

 private:
  static bool HasFunctionOrFile(const Profile& profile, absl::string_view prefix) {
    for (const Function& function : profile.functions()) {
      if (absl::StartsWith(profile.string(function.name), prefix)) return true;
    }
    for (const Mapping& mapping : profile.mappings()) {
      const absl::string_view path = profile.string(mapping.file);
      if (absl::StartsWith(path.substr(path.rfind('/') + 1), prefix)) return true;
    }
    return false;
  }

  // Frames from the leaf up to the first named one that is certainly the site, it included: all
  // of the stack where a library recurses (a document parsed or copied level by level).
  std::vector<ClassifiedFrame> InnermostFrames(StackId id) {
    std::vector<ClassifiedFrame> frames;
    const absl::Span<const LocationId> stack = profile_.stack(id);
    for (uint32_t depth = 0; depth < stack.size(); ++depth) {
      const MappingId mapping = profile_.location(stack[depth]).mapping;
      const absl::Span<const Line> lines = profile_.lines(stack[depth]);
      const uint32_t count = lines.empty() ? 1 : static_cast<uint32_t>(lines.size());
      for (uint32_t line = 0; line < count; ++line) {
        ClassifiedFrame frame{.position = {.location = depth, .line = line},
                              .mapping = mapping,
                              .what = nullptr,
                              .is_glue = mapping.valid() && glue_mapping_[mapping.value]};
        if (!lines.empty() && lines[line].function.valid()) {
          frame.what = &ClassOf(lines[line].function);
        }
        frames.push_back(frame);
        const bool is_certain = frame.what != nullptr && frame.is_user() && !frame.is_copy();
        if (is_certain) return frames;
      }
    }
    return frames;
  }

  const FunctionClass& ClassOf(FunctionId id) {
    std::optional<FunctionClass>& known = function_class_[id.value];
    if (!known) {
      const Function& function = profile_.function(id);
      known = functions_.Classify({.name = profile_.string(function.name),
                                   .system_name = profile_.string(function.system_name),
                                   .source = profile_.string(function.filename)});
    }
    return *known;
  }

  // A stripped library has names for its interface only. What a container's function calls
  // within its own file is the container's too.
  static void MarkInsidesOfContainers(std::vector<ClassifiedFrame>& frames) {
    const ClassifiedFrame* named = nullptr;  // the next one out
    for (size_t i = frames.size(); i-- > 0;) {
      ClassifiedFrame& frame = frames[i];
      if (frame.what != nullptr) {
        named = &frame;
      } else if (named != nullptr && named->mapping.valid() && named->mapping == frame.mapping &&
                 !named->is_user()) {
        frame.is_glue = true;
      }
    }
  }

  // The innermost user frame. Copies of user classes count as glue when the library makes
  // them (a vector that copies its elements), as sites when user code does. A library's frame
  // without a name tells nobody anything: it is the site only if there is no better one.
  static std::optional<size_t> FindSite(const std::vector<ClassifiedFrame>& frames) {
    std::optional<size_t> unnamed;
    for (size_t i = 0; i < frames.size(); ++i) {
      if (!frames[i].is_user()) continue;
      // The first mapping is the program.
      const bool is_library = frames[i].mapping.valid() && frames[i].mapping.value != 0;
      if (frames[i].what == nullptr && is_library) {
        if (!unnamed) unnamed = i;
        continue;
      }
      size_t caller = i;
      while (caller < frames.size() && frames[caller].is_user() && frames[caller].is_copy()) {
        ++caller;
      }
      if (caller == i || caller == frames.size() || frames[caller].is_user()) return i;
      i = caller;
    }
    return unnamed ? unnamed : OutermostGlue(frames);
  }

  // Where all is glue, the function that is nearest to a user, and not the allocator.
  static std::optional<size_t> OutermostGlue(const std::vector<ClassifiedFrame>& frames) {
    for (size_t i = frames.size(); i-- > 0;) {
      if (frames[i].what != nullptr && !frames[i].what->is_start) return i;
    }
    return std::nullopt;
  }

  // How much a container frame says: an allocator's guess, a holder of one object, a container.
  static int RankOf(const FunctionClass& what) {
    if (!what.is_certain) return 1;
    return what.container.kind == ContainerKind::kObject && !what.is_opaque ? 2 : 3;
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
      const Container& other = what->container;
      const int rank = RankOf(*what);
      if (rank < best_rank) continue;
      // The outermost, unless it knows less of the same.
      if (best != nullptr && rank == best_rank && KnowsLess(other, *best)) continue;
      best = &other;
      best_rank = rank;
    }
    return best;
  }

  static bool IsTable(const Container& container) {
    return container.kind == ContainerKind::kMap || container.kind == ContainerKind::kSet;
  }

  // "llvm::SmallVector" within which "llvm::SmallVector<int>" is seen.
  static bool KnowsLess(const Container& outer, const Container& inner) {
    return outer.element.empty() && !inner.element.empty() &&
           absl::StartsWith(inner.type, outer.type);
  }

  // "std::vector<int>" in a map from int to it.
  static bool IsElementOf(const Container& inner, const Container& outer) {
    return !inner.type.empty() && absl::StrContains(outer.element, inner.type);
  }

  // Whether `inner` may be what `outer` is made of, and not one of its elements.
  static bool IsPartOf(const Container& inner, const Container& outer) {
    if (outer.kind == ContainerKind::kQueue) return true;  // an adaptor
    if (IsTable(outer)) {
      if (IsTable(inner)) return inner.element == outer.element || inner.element.empty();
      // A sorted array grows as one.
      return inner.kind == ContainerKind::kSlice && inner.operation == Operation::kGrow &&
             !IsElementOf(inner, outer);
    }
    return inner.kind == outer.kind &&
           (inner.element == outer.element || inner.element.empty() || outer.element.empty());
  }

  // What the chosen container was doing. If its outermost frame made or copied one, it was
  // that, however it was done; else the innermost that says anything but that, for a rehash
  // within an insertion is a rehash, and makes tables on its way.
  static Operation FindOperation(const std::vector<ClassifiedFrame>& frames, size_t end,
                                 const Container& container) {
    Operation innermost = Operation::kUnknown;
    Operation outermost = Operation::kUnknown;
    bool is_part = false;     // a frame of the container was seen
    bool is_element = false;  // within it another container allocated for itself
    for (size_t i = 0; i < end; ++i) {
      const FunctionClass* what = frames[i].what;
      if (what == nullptr || what->role != Role::kContainer) continue;
      if (!IsPartOf(what->container, container)) {
        is_element |= !is_part && IsElementOf(what->container, container);
        continue;
      }
      is_part = true;
      const Operation operation = what->container.operation;
      if (operation == Operation::kUnknown) continue;
      outermost = operation;
      if (innermost == Operation::kUnknown && !IsMaking(operation)) innermost = operation;
    }
    if (IsMaking(outermost)) return outermost;
    // What an element allocates is no growth of what it is put into.
    const bool grows = innermost == Operation::kGrow || innermost == Operation::kRehash;
    if (is_element && grows) return Operation::kInsert;
    // An object does not grow.
    const bool is_object = container.kind == ContainerKind::kObject;
    return innermost == Operation::kUnknown && is_object ? Operation::kCreate : innermost;
  }

  static bool IsMaking(Operation operation) {
    return operation == Operation::kCreate || operation == Operation::kCopy;
  }

  void AnnotateStack(StackId id) {
    if (profile_.stack(id).empty()) return;
    std::vector<ClassifiedFrame> frames = InnermostFrames(id);
    MarkInsidesOfContainers(frames);
    const std::optional<size_t> site = FindSite(frames);
    if (site) result_.site[id.value] = frames[*site].position;
    if (std::optional<GoSites::Site> go = go_sites_.At(id)) {
      result_.site[id.value] = go->site;
      if (go->container) result_.container[id.value] = Intern(*go->container);
      if (go->container) return;
    }
    size_t end = site && frames[*site].is_user() ? *site : frames.size();
    const Container* found = FindContainer(frames, end);
    if (found == nullptr) return;
    Container container = *found;
    container.operation = FindOperation(frames, end, container);
    // What a map copies or makes for its value is the map's. A value that grows is a container of
    // its own, wherever it grows.
    for (int level = 0; level < kMaxNesting; ++level) {
      end = InsideOf(frames, end, container);
      const Container* const inner = FindContainer(frames, end);
      if (inner == nullptr || !IsElementOf(*inner, container)) break;
      const Operation operation = FindOperation(frames, end, *inner);
      if (operation == Operation::kUnknown || IsMaking(operation)) break;
      container = *inner;
      container.operation = operation;
    }
    result_.container[id.value] = Intern(container);
  }

  // How many of the innermost frames are further in than all of the container's own.
  static size_t InsideOf(const std::vector<ClassifiedFrame>& frames, size_t end,
                         const Container& container) {
    for (size_t i = 0; i < end; ++i) {
      const FunctionClass* what = frames[i].what;
      const bool is_container = what != nullptr && what->role == Role::kContainer;
      if (is_container && IsPartOf(what->container, container)) return i;
    }
    return 0;
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
  RuleTable rules;
  if (options.rules != nullptr) rules = options.rules->table();
  ProfileBuilder builder(*profile);
  builder.SetAnnotations(Pass(*profile, &rules, options).Run());
  return builder.Build();
}

}  // namespace tidemark::classify
